"""Residuals of one window against what its recent past led to expect, and their scale. No unit is changed.

Row r, time t: differences x_t - x_(t-1); moving average x_t - mean(x_(t-k) .. x_(t-1)). The scale is the root mean
square of the same residual over the window, the judged point included: it grows after an onset, so that an alarm
damps itself (quality floors: better than the median absolute deviation on every count).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ad_stream.model import Floats

SMALLEST = 1e-12
"""Below this share of the largest value a scale is rounding, not spread."""


def differences(rows: Floats) -> Floats:
    """(m, L) -> (m, L-1)."""
    return rows[:, 1:] - rows[:, :-1]


def moving_average(rows: Floats, width: int) -> Floats:
    """(m, L) -> (m, L-width): distance of each point from the mean of the `width` points before it."""
    centre = rows[:, :1]
    total = np.cumsum(rows - centre, axis=1)
    means = np.empty((rows.shape[0], rows.shape[1] - width))
    means[:, 0] = total[:, width - 1]
    means[:, 1:] = total[:, width:-1] - total[:, : -width - 1]
    means /= width
    return np.asarray(rows[:, width:] - centre - means)


def scale(residuals: Floats) -> Floats:
    """(m, k) -> (m,): root mean square, never below rounding."""
    return np.asarray(np.maximum(np.sqrt(np.mean(residuals * residuals, axis=1)), SMALLEST))
