"""What a series is known for beyond its window: learned from its stored minutes, used by the default where it exists.

tail   the ratio of the default rule that a tenth of the hours of the series' past reached or passed. The window's own
       tail rests on one day; weeks of past say far better how wild a series is, and one threshold comes nearer to one
       rate of alarms on every series.
hours  how many hours that rests on

Learning sees values only, never labels, and nothing at or after the first judged minute: the caller hands in what lies
before. All rows are learned at once, in the rolling form of the rule's sharp and slow residuals over the hour's noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.kernels import residuals
from ad_stream.detectors.kernels.tail import HOUR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats

    Ints = NDArray[np.int64]

SHARE = 0.1
FEWEST_HOURS = 72
"""With fewer hours the past says no more than the window does."""

USUAL_TAIL = 3.3
"""The middle tail of 156 web curves: where the past of a series changes nothing."""

WINDOW = 1501
NEAR, WIDE, SMOOTHING, SLOW_WEIGHT, HOUR_SHARE = 10, 60, 0.25, 0.95, 0.3


@dataclass(frozen=True)
class Profiles:
    """Of many series: tail (m,), NaN where the past was too short; hours (m,)."""

    tail: Floats
    hours: Ints

    @classmethod
    def together(cls, parts: Sequence[Profiles]) -> Profiles:
        """Those of several groups of series."""
        return cls(np.concatenate([one.tail for one in parts]), np.concatenate([one.hours for one in parts]))

    def rows(self) -> Floats:
        """(m, 1): what `Windows.profiles` holds for one window of each series."""
        return self.tail[:, None]


def learn(values: Floats) -> Profiles:
    """(m, n) one column a reading, NaN where there is none -> profiles of the m series; never raises on data."""
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"values must have the shape (series, time), got {values.shape}")
    learned = [_learn_one(row) for row in values]
    return Profiles(np.array([tail for tail, _ in learned]), np.array([hours for _, hours in learned], dtype=np.int64))


def _learn_one(row: Floats) -> tuple[float, int]:
    """(n,) -> its tail and the hours behind it; hours that are mostly holes do not count."""
    known = np.flatnonzero(np.isfinite(row))
    if len(known) < WINDOW + FEWEST_HOURS * HOUR:
        return np.nan, 0
    row, first = row[known[0] :], known[0]
    holes = ~np.isfinite(row)
    row = np.interp(np.arange(len(row)), known - first, row[known - first])
    size = float(np.abs(row).max())
    if size == 0:
        return np.nan, 0
    ratios = past_ratios(row / 2.0 ** np.frexp(size)[1])[WINDOW:]
    hours = len(ratios) // HOUR
    empty = holes[len(row) - hours * HOUR :].reshape(hours, HOUR).mean(axis=1) > 0.5
    greatest = ratios[len(ratios) - hours * HOUR :].reshape(hours, HOUR).max(axis=1)[~empty]
    if len(greatest) < FEWEST_HOURS:
        return np.nan, 0
    place = len(greatest) - 1 - int(SHARE * len(greatest))
    # As stored: what a store gives back must judge with the same bits.
    return float(np.float32(np.partition(greatest, place)[place])), len(greatest)


def past_ratios(row: Floats) -> Floats:
    """(n,) without holes -> (n,): the default's ratio at every point without its tail and its clock, each from the
    WINDOW columns up to it."""
    rows = row[None]
    sums = residuals.totals(rows)
    steps = np.concatenate([[0.0], residuals.differences(rows)[0]])
    near = np.concatenate([np.full(NEAR, np.inf), residuals.moving_average(rows, sums, NEAR)[0]])
    slow = np.concatenate([np.zeros(WIDE), residuals.moving_average(rows, sums, WIDE)[0]])
    noise = np.concatenate([[0.0], residuals.exponential(rows, SMOOTHING, 1)[0]])
    hour = np.concatenate([[0.0], _rolling_scale(noise, HOUR)[:-1]]) / _rolling_scale(noise, WINDOW)
    sharp = np.minimum(np.abs(steps), np.abs(near)) / _rolling_scale(steps, WINDOW)
    ratio = np.maximum(sharp, SLOW_WEIGHT * np.abs(slow) / _rolling_scale(slow, WINDOW - WIDE))
    return np.asarray(ratio / (1 - HOUR_SHARE + HOUR_SHARE * hour))


def _rolling_scale(residual: Floats, width: int) -> Floats:
    """(n,) -> (n,): root mean square of the `width` newest up to each, of all where they are fewer."""
    sums = np.concatenate([[0.0], np.cumsum(residual * residual)])
    ends = np.arange(1, len(sums))
    starts = np.maximum(ends - width, 0)
    mean = (sums[ends] - sums[starts]) / (ends - starts)
    return np.asarray(np.maximum(np.sqrt(np.maximum(mean, 0.0)), residuals.SMALLEST))
