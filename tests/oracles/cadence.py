"""Readings moved to their own cadence, one row and one reading at a time."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

import numpy as np
from numpy.typing import NDArray


def moved(row: NDArray[np.float64], *, recent: int = 24, slow: float = 1.25) -> tuple[NDArray[np.float64], float]:
    """A row (n,) -> its readings one column apart where they come at one distance, and that distance."""
    places = [i for i, value in enumerate(row) if value == value]
    distances = [b - a for a, b in pairwise(places)]
    near = distances[-recent:]
    if len(near) < 2 or np.isnan(row[-1]):
        return row, 1.0
    usual = [d for d in near if median(near) / 2 <= d <= median(near) * 1.5]
    cadence = max(1.0, sum(usual) / max(len(usual), 1))
    if cadence < slow:
        return row, 1.0
    out, at = np.full_like(row, np.nan), len(row) - 1
    out[at] = row[-1]
    for place, distance in zip(reversed(places[:-1]), reversed(distances), strict=True):
        at -= max(1, round(distance / cadence))
        if at < 0:
            break
        out[at] = row[place]
    return out, cadence
