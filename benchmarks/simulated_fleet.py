"""A labelled set of simulated devices for `leave_one_out`: what telemetry does that web curves do not.

Five kinds in equal parts: a daily cycle, a trend under it, noise that changes with the hour, coarse steps of the
sensor, a counter whose rate has a cycle. Each day and device draws half an event on average: one minute, a burst of 2 to
29, or a shift that glides back, of 4.5 to 12 sizes of the noise at its hour. The first 30 minutes of a shift are its
label; nothing is labelled before minute 2,000.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY = 1440
FIRST_EVENT, SCORE_FROM, LABELLED_SHIFT, APART = 2000, 1500, 30, 90


@dataclass(frozen=True)
class Curve:
    """values (n,), labels (n,) 0 or 1, one a minute."""

    values: Floats
    labels: NDArray[np.int8]


def curves(*, devices: int = 60, days: int = 6, seed: int = 5) -> list[Curve]:
    """The set; equal for equal seeds."""
    rng = np.random.default_rng(seed)
    return [_curve(rng, kind=number % 5, minutes=days * DAY) for number in range(devices)]


def _curve(rng: np.random.Generator, *, kind: int, minutes: int) -> Curve:
    angle = 2 * np.pi * np.arange(minutes) / DAY + rng.uniform(0, 2 * np.pi)
    sigma = np.full(minutes, rng.uniform(0.15, 1.5))
    if kind == 2:
        quiet = rng.uniform(0.3, 1.0)
        sigma = sigma * (quiet + (1 - quiet) * 2 * np.clip(np.sin(angle + 1), 0, 1))
    noise = sigma * rng.standard_normal(minutes)
    added, labels = _events(rng, sigma)
    cycle = np.sin(angle)
    if kind == 4:
        return Curve(np.cumsum(np.maximum(0, 10 * sigma * (1 + 0.5 * cycle) + noise + added)), labels)
    values = rng.uniform(20, 60) + rng.uniform(3, 10) * cycle + noise + added
    if kind == 1:
        values += rng.normal(0, 6) * np.arange(minutes) / DAY + 0.02 * np.cumsum(rng.standard_normal(minutes))
    if kind == 3:
        step = sigma[0] * rng.uniform(0.5, 3)
        values = np.round(values / step) * step
    return Curve(values, labels)


def _events(rng: np.random.Generator, sigma: Floats) -> tuple[Floats, NDArray[np.int8]]:
    """What the events add, and their labels; each (n,)."""
    minutes = len(sigma)
    added, labels = np.zeros(minutes), np.zeros(minutes, dtype=np.int8)
    count = rng.poisson(0.5 * minutes / DAY)
    for start in np.sort(rng.choice(np.arange(FIRST_EVENT, minutes - 200), size=count, replace=False)):
        if labels[start - APART : start + APART].any():
            continue
        size = rng.uniform(4.5, 12) * rng.choice([-1, 1]) * sigma[start]
        length = (1, int(rng.integers(2, 30)), int(rng.integers(120, 400)))[rng.integers(3)]
        shift = np.concatenate([np.ones(length), np.linspace(1, 0, 180) if length >= 120 else []])[: minutes - start]
        added[start : start + len(shift)] += size * shift
        labels[start : start + min(length, LABELLED_SHIFT)] = 1
    return added, labels
