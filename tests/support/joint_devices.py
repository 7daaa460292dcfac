"""Devices whose signals hang together, for the tests of joint detection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def pump(seed: int, rows: int, signals: int = 4) -> Floats:
    """(signals, rows): a load that wanders, and signals that follow it each with its own gain, lag, noise and unit."""
    random = np.random.default_rng(seed)
    load = np.cumsum(random.normal(size=rows)) * 0.05
    load = load - load.mean() + np.sin(np.arange(rows) / 70)
    out = []
    for j in range(signals):
        follow = np.convolve(load, np.ones(1 + j) / (1 + j))[:rows]
        out.append((1 + j) * follow + 0.3 * random.standard_t(5, size=rows) + 10 * j)
    return np.array(out)
