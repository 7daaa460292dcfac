"""The terms of an additive model of a series, and its season at many times at once.

    y(t) = level + slope * t + sum of hinges (t - c)+ + daily and weekly Fourier terms + holidays + noise

the model of Taylor and Letham, Forecasting at Scale, The American Statistician 72 (2018), equations 1, 3, 5 and 6. Times are
seconds since 1970 in UTC; a day and a week begin where the epoch's do, so terms need no origin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats

    Ints = NDArray[np.int64]

DAY, WEEK = 86_400, 604_800
DAILY, WEEKLY = 10, 3
"""Harmonics of a day (the shortest takes 2.4 hours) and of a week."""
PERIODS = np.array([WEEK / k for k in range(1, WEEKLY + 1)] + [DAY / k for k in range(1, DAILY + 1)])
TERMS = 2 * len(PERIODS)
"""Columns of `fourier`: the cosines of PERIODS, then their sines; those of a week come first in each half."""


BLOCK = 64
"""Rows and columns that are multiplied together."""


def fourier(seconds: Floats) -> Floats:
    """(n,) -> (n, TERMS)."""
    angle = 2 * np.pi * (np.asarray(seconds, dtype=np.float64) % WEEK)[:, None] / PERIODS
    return np.concatenate([np.cos(angle), np.sin(angle)], axis=1)


def of_holidays(seconds: Floats, days: Floats) -> Floats:
    """(n,), days (h,) since 1970 -> (n,): 1 on one of the days, else 0."""
    return np.isin(np.floor_divide(seconds, DAY), days).astype(np.float64)


def seen_from(coefficients: Floats, ends: Floats) -> Floats:
    """(m, TERMS), ends (m,) -> (m, TERMS): the coefficients of the same season where time runs back from each end.

    cos(w (e - s)) = cos(we) cos(ws) + sin(we) sin(ws), and so on: windows with different ends share one table of terms.
    """
    angle = 2 * np.pi * (ends % WEEK)[:, None] / PERIODS
    cos, sin = np.cos(angle), np.sin(angle)
    a, b = coefficients[:, : len(PERIODS)], coefficients[:, len(PERIODS) :]
    return np.concatenate([a * cos + b * sin, a * sin - b * cos], axis=1)


def back_of(coefficients: Floats, lags: Floats) -> Floats:
    """(m, TERMS) of `seen_from`; lags (n,) or (m, n) seconds back -> (m, n) the season there, equal bits in any batch."""
    out = np.zeros((len(coefficients), lags.shape[-1]))
    if lags.ndim == 1:
        # Products of whole blocks add up in one order; at the edges of others the order depends on the place of a row.
        terms = np.zeros((TERMS, -(-len(lags) // BLOCK) * BLOCK))
        terms[:, : len(lags)] = fourier(lags).T
        for first in range(0, len(coefficients), BLOCK):
            rows = np.zeros((BLOCK, TERMS))
            some = coefficients[first : first + BLOCK]
            rows[: len(some)] = some
            out[first : first + BLOCK] = (rows @ terms)[: len(some), : len(lags)]
        return out
    for place, period in enumerate(PERIODS):
        angle = 2 * np.pi * (lags % WEEK) / period
        out += coefficients[:, place, None] * np.cos(angle)
        out += coefficients[:, len(PERIODS) + place, None] * np.sin(angle)
    return out
