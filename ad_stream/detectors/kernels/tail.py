"""How high the residuals of a series reach by themselves: the tail of its own past inside the window.

One threshold means one rate of alarms only where the tail of every series is measured on it. The root mean square does
not: a series that is wild once an hour and one that is evenly noisy may share it. So the past is cut into hours, each
hour is represented by its greatest residual (block maxima, Coles, An Introduction to Statistical Modeling of Extreme
Values, 2001, chapter 3), and the level that a third of the hours passed is the tail. A third, not the greatest: an
event of the past fills one or two of two dozen hours and leaves the level where it was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ad_stream.model import Floats

HOUR = 60
HOURS = 24
FEWEST_HOURS = 4
"""With fewer whole hours behind the judged point the tail is not known."""

USUAL = 2.85
"""The level of Gaussian noise, the greater of two residuals in units of their root mean squares."""


def hourly_maxima(size: Floats) -> Floats:
    """(m, k) sizes, the judged one last -> (m, h): the greatest of each whole hour before it, at most HOURS of them.

    With less than an hour there is none, h = 0.
    """
    hours = min(HOURS, (size.shape[1] - 1) // HOUR)
    past = size[:, size.shape[1] - 1 - hours * HOUR : -1]
    return np.asarray(past.reshape(len(size), hours, HOUR).max(axis=2))


def level(maxima: Floats) -> Floats:
    """(m, h) -> (m,): what a third of the hours reached or passed, at least 1; USUAL with fewer than FEWEST_HOURS."""
    hours = maxima.shape[1]
    if hours < FEWEST_HOURS:
        return np.full(len(maxima), USUAL)
    place = hours - 1 - (hours - 1) // 3
    return np.asarray(np.maximum(np.partition(maxima, place, axis=1)[:, place], 1.0))
