"""`default`: the shipped rule. How far is the value from its smoothed past, in units of its usual distance?

    residual  r_t = x_t - p_t; p is simple exponential smoothing with weight 1/4 or, where that would have missed the
              window by 20 % more, the last value, or the line through the last two; right after an outlier
              (|r_(t-1)| above 4 sizes) p_(t-1), where that is nearer: to be back to normal is no event
    size      mean of the root mean squares of r over the window and over the hour before the judged minute; at least
              half of what |r| reached or passed in four of the window's earlier hours at the same minute; divided by
              (1 + n / 3) ** 0.1, n = how often |r| passed five times its size earlier in the window
    ratio     |r_t| / size * clip(SR / 3, 0, 1) ** (1/4), SR = spectral residual score over the last 251 points
    score     the ratio up to 5; where it passes 5 without n, 5 plus what the record ratios say

The window's part of the size keeps a series quiet that is wild now and then, the hour's part follows noise that
changes with the time of day; the judged point is in the first, so that an alarm damps itself. What returns every hour
or every few is somebody's schedule, not an event. Events come in clusters and swell the size for those that follow;
n takes a part of that back. A record ratio is the size of the last residual over the largest one before it in the
window, for four residuals from fast to slow and the distance from the middle of the window's range: they rank alarms
across series (is this the greatest event of the window?), and decide none. Those above 1 count together, as logarithms.
A value that stands still for far longer than ever before is flagged as stuck.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ad_stream.detectors.kernels import band, residuals
from ad_stream.detectors.kernels.saliency import last_score
from ad_stream.detectors.stuck import is_stuck
from ad_stream.detectors.window_detector import CHUNK_BYTES, Judgement, WindowDetector, chunks, join

if TYPE_CHECKING:
    from ad_stream.model import Floats

WEIGHT = 0.25
PREFERENCE = 1.2
SKIP = 6
HOUR = 60
SPECTRUM_OVER = 251
FULL_GATE = 3.0
BASE = 4.0
RANKED_ABOVE = 5.0
SAME_MINUTE = 4
RECURRING_SHARE = 0.5
WILD = 5.0
NEWEST = 10
CLUSTER_OF = 3.0
CLUSTER_POWER = 0.1
MEAN_OVER = 30
SHIFTS = ((10, 60), (30, 200))


@dataclass(frozen=True, kw_only=True)
class Default(WindowDetector):
    """See the module for the rule and `WindowDetector` for the options."""

    name: ClassVar[str] = "default"

    points: int = 1201

    def judge(self, rows: Floats, unit: Floats) -> Judgement:  # noqa: ARG002 - free of scale
        """(m, L) -> Judgement."""
        return join([self._judge_chunk(rows[part]) for part in chunks(*rows.shape, size=CHUNK_BYTES)])

    def _judge_chunk(self, rows: Floats) -> Judgement:
        residual = _residual(rows)
        whole = residuals.scale(residual)
        size = (whole + residuals.scale(residual[:, -HOUR - 1 : -1])) / 2
        size = np.maximum(size, RECURRING_SHARE * _recurring(residual))
        sr = last_score(rows[:, -SPECTRUM_OVER:])
        gate = np.sqrt(np.sqrt(np.clip(sr / FULL_GATE, 0.0, 1.0)))
        _forgive_return(residual, rows, BASE * size)
        high = np.flatnonzero(np.abs(residual[:, -1]) / size * gate >= RANKED_ABOVE)
        size /= (1 + _wild(residual, whole) / CLUSTER_OF) ** CLUSTER_POWER
        ratio = np.abs(residual[:, -1]) / size * gate
        score = np.minimum(ratio, RANKED_ABOVE)
        score[high] = RANKED_ABOVE + _record(rows[high], residual[high])
        limit = band.threshold(BASE, self.sensitivity)
        return band.judgement(
            rows[:, -1],
            rows[:, -1] - residual[:, -1],
            size,
            ratio=ratio,
            score=score,
            limit=limit,
            sr=sr,
            stuck=is_stuck(rows),
        )


def _forgive_return(residual: Floats, rows: Floats, bound: Floats) -> None:
    """After an outlier the value may also be where it was expected before it: the nearer one counts; in place."""
    out = np.flatnonzero(np.abs(residual[:, -2]) > bound)
    before = rows[out, -2] - residual[out, -2]
    back = rows[out, -1] - before
    nearer = np.abs(back) < np.abs(residual[out, -1])
    residual[out[nearer], -1] = back[nearer]


def _residual(rows: Floats) -> Floats:
    """(m, L) -> (m, L-SKIP): against the predictor that would have missed the window before the last point least."""
    best = residuals.exponential(rows, WEIGHT, SKIP)
    smallest = residuals.scale(best[:, :-1])
    steps = residuals.differences(rows)
    for other in (steps[:, SKIP - 1 :], residuals.differences(steps)[:, SKIP - 2 :]):
        size = PREFERENCE * residuals.scale(other[:, :-1])
        better = size < smallest
        best[better], smallest[better] = other[better], size[better]
    return best


def _recurring(residual: Floats) -> Floats:
    """(m, k) -> (m,): the fourth largest of the residuals at the judged minute of the earlier hours, 0 without four."""
    earlier = np.abs(residual[:, -1 - HOUR :: -HOUR])
    if earlier.shape[1] < SAME_MINUTE:
        return np.zeros(len(residual))
    return np.asarray(np.partition(earlier, -SAME_MINUTE, axis=1)[:, -SAME_MINUTE])


def _wild(residual: Floats, whole: Floats) -> Floats:
    """(m, k), their root mean square (m,) -> (m,): how many but the newest passed WILD times their own size.

    The size of a past residual is the mean of `whole` and of the hour before it, so only those beyond half of WILD
    times `whole` need be looked at.
    """
    rows, columns = np.divmod(np.flatnonzero(np.abs(residual) > WILD / 2 * whole[:, None]), residual.shape[1])
    past = columns < residual.shape[1] - NEWEST
    rows, columns = rows[past], columns[past]
    hours = columns[:, None] - np.arange(1, HOUR + 1)
    before = np.where(hours >= 0, residual[rows[:, None], np.maximum(hours, 0)], 0.0)
    hour = np.sqrt(np.einsum("ij,ij->i", before, before) / np.clip(columns, 1, HOUR))
    wild = np.abs(residual[rows, columns]) > WILD / 2 * (whole[rows] + hour)
    return np.asarray(np.bincount(rows[wild], minlength=len(residual)), dtype=np.float64)


def _record(rows: Floats, fast: Floats) -> Floats:
    """(m, L) -> (m,): the largest record ratio, or 1 plus the logarithms of those above 1.

    Slow residuals take part only where the window holds them twice over.
    """
    sums = residuals.totals(rows)
    ratios = [residuals.record(fast), _beyond_range(rows)]
    if rows.shape[1] > 2 * MEAN_OVER:
        ratios.append(residuals.record(residuals.moving_average(rows, sums, MEAN_OVER)))
    for recent, before in SHIFTS:
        if rows.shape[1] >= 2 * (recent + before):
            ratios.append(residuals.record(residuals.shift(sums, recent, before)))
    best = np.maximum(np.max(ratios, axis=0), 0.01)
    beyond = 1 + np.sum(np.log(np.maximum(ratios, 1.0)), axis=0)
    return np.asarray(np.where(best > 1, beyond, best))


def _beyond_range(rows: Floats) -> Floats:
    """(m, L) -> (m,): distance of the last value from the middle of the earlier ones' range in half ranges, at most 3."""
    low, high = rows[:, :-1].min(axis=1), rows[:, :-1].max(axis=1)
    half = np.maximum((high - low) / 2, residuals.SMALLEST)
    return np.asarray(np.minimum(np.abs(rows[:, -1] - (low + high) / 2) / half, residuals.MOST))
