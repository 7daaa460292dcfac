"""`default`: the shipped rule. How far is the value from its smoothed past, in units of its usual distance?

    residual  r_t = x_t - p_t; p is simple exponential smoothing with weight 1/4 or, where that would have missed the
              window by 20 % more, the last value, or the line through the last two; right after an outlier
              (|r_(t-1)| above 4 sizes) p_(t-1), where that is nearer: to be back to normal is no event
    size      mean of the root mean squares of r over the window and over the hour before the judged minute
    ratio     |r_t| / size * clip(SR / 3, 0, 1) ** (1/4), SR = spectral residual score over the last 251 points
    score     the ratio up to 5; above, 5 plus the largest of the record ratios

The window's part of the size keeps a series quiet that is wild now and then, the hour's part follows noise that
changes with the time of day; the judged point is in the first, so that an alarm damps itself. A record ratio is the
size of the last residual over the largest one before it in the window, taken over four residuals from fast to slow:
it ranks alarms across series (is this the greatest event of the window?), and decides none.
A value that stands still for far longer than ever before is flagged as stuck.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ad_stream.detectors import band, residuals
from ad_stream.detectors.rule import CHUNK_BYTES, Judgement, Rule, chunks, join
from ad_stream.detectors.saliency import last_score
from ad_stream.detectors.stuck import is_stuck

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
MEAN_OVER = 30
SHIFTS = ((10, 60), (30, 200))


@dataclass(frozen=True, kw_only=True)
class Default(Rule):
    """See the module for the rule and `Rule` for the options."""

    name: ClassVar[str] = "default"

    points: int = 1201

    def judge(self, rows: Floats, unit: Floats) -> Judgement:  # noqa: ARG002 - free of scale
        """(m, L) -> Judgement."""
        return join([self._judge_chunk(rows[part]) for part in chunks(*rows.shape, size=CHUNK_BYTES)])

    def _judge_chunk(self, rows: Floats) -> Judgement:
        residual = _residual(rows)
        size = (residuals.scale(residual) + residuals.scale(residual[:, -HOUR - 1 : -1])) / 2
        sr = last_score(rows[:, -SPECTRUM_OVER:])
        gate = np.sqrt(np.sqrt(np.clip(sr / FULL_GATE, 0.0, 1.0)))
        _forgive_return(residual, rows, BASE * size)
        ratio = np.abs(residual[:, -1]) / size * gate
        high = np.flatnonzero(ratio >= RANKED_ABOVE)
        score = ratio.copy()
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


def _record(rows: Floats, fast: Floats) -> Floats:
    """(m, L) -> (m,): the largest record ratio; slow residuals only where the window holds them twice over."""
    sums = residuals.totals(rows)
    best = residuals.record(fast)
    if rows.shape[1] > 2 * MEAN_OVER:
        best = np.maximum(best, residuals.record(residuals.moving_average(rows, sums, MEAN_OVER)))
    for recent, before in SHIFTS:
        if rows.shape[1] >= 2 * (recent + before):
            best = np.maximum(best, residuals.record(residuals.shift(sums, recent, before)))
    return best
