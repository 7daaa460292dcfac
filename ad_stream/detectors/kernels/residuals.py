"""What the last value differs by from what its past led to expect, for every point of a window at once.

All functions take rows (m, L), time last, and keep their unit. Column j of an answer that is shorter than the rows
belongs to the point L - width + j, so that the last column is always the judged point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.signal import lfilter

if TYPE_CHECKING:
    from ad_stream.model import Floats

SMALLEST = 1e-12
"""Below this share of the largest value a scale is rounding, not spread (rows are scaled to at most 1)."""

MOST = 3.0
"""A record ratio beyond this says no more: the greatest event by far."""


def differences(rows: Floats) -> Floats:
    """x_t - x_(t-1): (m, L) -> (m, L-1)."""
    return rows[:, 1:] - rows[:, :-1]


def exponential(rows: Floats, weight: float, skip: int) -> Floats:
    """x_t - s_(t-1) with s_t = s_(t-1) + weight (x_t - s_(t-1)), s_0 = x_0: (m, L) -> (m, L-skip).

    Simple exponential smoothing (Brown 1956); the first `skip` residuals still lean on s_0 and are left out.
    """
    start = rows[:, :1] * (1 - weight)
    smooth, _ = lfilter([weight], [1.0, weight - 1], rows[:, :-1], axis=1, zi=start)
    return np.asarray(rows[:, skip:] - smooth[:, skip - 1 :])


def totals(rows: Floats) -> Floats:
    """(m, L) -> (m, L+1): sums of the first 0 .. L values, counted from the first value to keep digits."""
    sums = np.empty((rows.shape[0], rows.shape[1] + 1))
    sums[:, 0] = 0.0
    later = np.subtract(rows, rows[:, :1], out=sums[:, 1:])
    np.cumsum(later, axis=1, out=later)
    return sums


def moving_average(rows: Floats, sums: Floats, width: int) -> Floats:
    """x_t - mean(x_(t-width) .. x_(t-1)): (m, L), totals -> (m, L-width)."""
    means = sums[:, width:-1] - sums[:, : -width - 1]
    means /= width
    out: Floats = rows[:, width:] - rows[:, :1]
    out -= means
    return out


def shift(sums: Floats, recent: int, before: int) -> Floats:
    """Mean of the `recent` newest points minus that of the `before` points ahead of them: -> (m, L-recent-before+1)."""
    newest = (sums[:, recent + before :] - sums[:, before:-recent]) / recent
    earlier = (sums[:, before:-recent] - sums[:, : -recent - before]) / before
    return np.asarray(newest - earlier)


def scale(residuals: Floats) -> Floats:
    """Root mean square, never below rounding: (m, k) -> (m,)."""
    squares = np.einsum("ij,ij->i", residuals, residuals)
    return np.asarray(np.maximum(np.sqrt(squares / residuals.shape[1]), SMALLEST))


def record(residuals: Floats) -> Floats:
    """Size of the last residual over the largest size before it, at most MOST: (m, k) -> (m,)."""
    size = np.abs(residuals)
    return np.asarray(np.minimum(size[:, -1] / np.maximum(size[:, :-1].max(axis=1), SMALLEST), MOST))
