"""`default`: the shipped rule. How far is the value from its near and from its wider past, for a series like this?

    sharp    x_t less the nearer of x_(t-1) and the mean of the 10 values before; what it is measured by is the root
             mean square of all steps x_t - x_(t-1) of the window, or, where the line through the last two values would
             have missed by less (smooth series), 1.4 times that of the residuals of that line, which then
             is the expected value (a step holds the noise of two values, so its size is 1.4 times that of one)
    slow     x_t less the mean of the 60 values before it, by the root mean square of these residuals
    ratio    the greater of |sharp| / rms and 0.95 |slow| / rms, divided by three factors that are 1 on even noise:
      now    0.6 + 0.3 h + 0.1 d: the noise of the hour before and of the hour about the same time one day (1,440
             columns) before, each relative to the window's
      clock  what four earlier hours showed at the same minute, times 0.4, where that is above 1: somebody's schedule
      tail   (u / 2.85) ** 0.6, u = what a third of the window's hours reached or passed (see `tail`); where a profile
             of the series is known (u / 2.85) ** 0.3 * (v / 3.3) ** 0.5, v = its learned tail (see `profile`)
    score    the ratio up to 4; beyond it the ratio times 1 + (sum of the logarithms of the records) / 2

Noise is measured on the residual from exponential smoothing with weight 1/4 (Brown 1956). Root mean squares hold the
judged point, so that an alarm damps itself. A record is the last residual over the largest one of the day before it
(smoothed and slow), or the distance from the middle of the window's range in half ranges; records rank alarms across
series and decide none. A value that stands still for far longer than ever before is flagged as stuck.
docs/decisions/a-default-that-generalises.md says on which sets each part was chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ad_stream.detectors.kernels import band, residuals, tail
from ad_stream.detectors.kernels.saliency import last_score
from ad_stream.detectors.profile import USUAL_TAIL
from ad_stream.detectors.stuck import is_stuck
from ad_stream.detectors.window_detector import CHUNK_BYTES, Judgement, WindowDetector, chunks, join

if TYPE_CHECKING:
    from ad_stream.model import Floats

NEAR, WIDE = 10, 60
SLOW_WEIGHT = 0.95
SMOOTHING, SKIP = 0.25, 6
SMOOTHER = 1.2
ALIKE = 0.3
LINE_SIZES = 1.4
HOUR, DAY = 60, 1440
HOUR_SHARE, DAY_SHARE = 0.3, 0.1
SAME_MINUTE, SAME_MINUTE_SHARE = 4, 0.4
TAIL_POWER = 0.6
KNOWN_WINDOW_POWER, KNOWN_POWER = 0.3, 0.5
RECORD_SHARE = 0.5
SPECTRUM_OVER = 251
BASE = 4.0


@dataclass(frozen=True, kw_only=True)
class Default(WindowDetector):
    """See the module for the rule and `WindowDetector` for the options."""

    name: ClassVar[str] = "default"
    version: ClassVar[int] = 2
    learns: ClassVar[str] = "profile"

    points: int = 1501

    def judge(self, rows: Floats, unit: Floats) -> Judgement:  # noqa: ARG002 - free of scale
        """(m, L) -> Judgement."""
        return join([self._judge_chunk(rows[part], None) for part in chunks(*rows.shape, size=CHUNK_BYTES)])

    def judge_known(self, rows: Floats, unit: Floats, profiles: Floats) -> Judgement:  # noqa: ARG002 - free of scale
        """(m, L), profiles (m, k) as `profile.Profiles.rows` gives them -> Judgement."""
        parts = chunks(*rows.shape, size=CHUNK_BYTES)
        return join([self._judge_chunk(rows[part], profiles[part, 0]) for part in parts])

    def _judge_chunk(self, rows: Floats, known: Floats | None) -> Judgement:
        sharp, sharp_scale = _sharp(rows)
        slow = residuals.moving_average(rows, residuals.totals(rows), min(WIDE, rows.shape[1] // 3))
        slow_scale = residuals.scale(slow)
        smoothed = residuals.exponential(rows, SMOOTHING, SKIP)
        smoothed_scale = residuals.scale(smoothed)
        of_smoothed = tail.hourly_maxima(np.abs(smoothed))
        of_slow = tail.hourly_maxima(np.abs(slow))
        reached = _tail(of_smoothed, smoothed_scale, of_slow, slow_scale)
        factor = _factor(smoothed, smoothed_scale) * _tail_factor(reached, known)
        sharp_scale, slow_scale = sharp_scale * factor, slow_scale * factor / SLOW_WEIGHT
        is_sharp = np.abs(sharp) / sharp_scale >= np.abs(slow[:, -1]) / slow_scale
        residual = np.where(is_sharp, sharp, slow[:, -1])
        size = np.where(is_sharp, sharp_scale, slow_scale)
        ratio = np.abs(residual) / size
        score = ratio.copy()
        high = np.flatnonzero(ratio > BASE)
        score[high] *= 1 + RECORD_SHARE * _records(
            rows[high], ((smoothed[high], of_smoothed[high]), (slow[high], of_slow[high]))
        )
        return band.judgement(
            rows[:, -1],
            rows[:, -1] - residual,
            size,
            score=score,
            limit=band.threshold(BASE, self.sensitivity),
            usual=BASE,
            sr=last_score(rows[:, -SPECTRUM_OVER:]),
            stuck=is_stuck(rows),
        )


def _sharp(rows: Floats) -> tuple[Floats, Floats]:
    """(m, L) -> the last residual from the near past (m,), and the root mean square it is measured by (m,)."""
    steps = residuals.differences(rows)
    near = min(NEAR, rows.shape[1] // 3)
    from_mean = rows[:, -1] - rows[:, -1 - near : -1].mean(axis=1)
    residual = np.where(np.abs(steps[:, -1]) <= np.abs(from_mean), steps[:, -1], from_mean)
    scale = residuals.scale(steps)
    # Only where neighbouring steps are much alike can the line do better; few series are so smooth.
    past = steps[:, :-1]
    alike = np.einsum("ij,ij->i", past[:, 1:], past[:, :-1]) > ALIKE * np.einsum("ij,ij->i", past, past)
    smooth = np.flatnonzero(alike)
    line = residuals.differences(steps[smooth])
    better = SMOOTHER * residuals.scale(line[:, :-1]) < residuals.scale(steps[smooth, :-1])
    residual[smooth[better]] = line[better, -1]
    scale[smooth[better]] = LINE_SIZES * residuals.scale(line[better])
    return residual, scale


def _factor(smoothed: Floats, scale: Floats) -> Floats:
    """(m, k), its root mean square (m,) -> (m,): the noise expected at the judged minute relative to the window's."""
    hour = residuals.scale(smoothed[:, -HOUR - 1 : -1]) / scale
    first = smoothed.shape[1] - 1 - DAY - HOUR // 2
    if first < 0:
        now = 1 - HOUR_SHARE + HOUR_SHARE * hour
    else:
        day = residuals.scale(smoothed[:, first : first + HOUR + 1]) / scale
        now = 1 - HOUR_SHARE - DAY_SHARE + HOUR_SHARE * hour + DAY_SHARE * day
    return np.asarray(now * np.maximum(1.0, SAME_MINUTE_SHARE * _same_minute(smoothed) / scale))


def _same_minute(smoothed: Floats) -> Floats:
    """(m, k) -> (m,): the fourth largest size at the judged minute of the earlier hours, 0 without four."""
    earlier = np.abs(smoothed[:, -1 - HOUR :: -HOUR])
    if earlier.shape[1] < SAME_MINUTE:
        return np.zeros(len(smoothed))
    return np.asarray(np.partition(earlier, -SAME_MINUTE, axis=1)[:, -SAME_MINUTE])


def _tail(of_smoothed: Floats, smoothed_scale: Floats, of_slow: Floats, slow_scale: Floats) -> Floats:
    """Hourly maxima (m, h) of two residuals and their root mean squares (m,) -> (m,): what a third of the hours reached."""
    hours = min(of_smoothed.shape[1], of_slow.shape[1])
    first, second = of_smoothed.shape[1] - hours, of_slow.shape[1] - hours
    greatest = np.maximum(of_smoothed[:, first:] / smoothed_scale[:, None], of_slow[:, second:] / slow_scale[:, None])
    return tail.level(greatest)


def _tail_factor(reached: Floats, known: Floats | None) -> Floats:
    """The window's tail (m,), the learned one (m,) or NaN -> (m,), 1 where both are as usual."""
    plain = reached / tail.USUAL
    if known is None:
        return np.asarray(plain**TAIL_POWER)
    learned = np.maximum(known, 1.0) / USUAL_TAIL
    together = plain**KNOWN_WINDOW_POWER * learned**KNOWN_POWER
    return np.where(np.isnan(known), plain**TAIL_POWER, together)


def _records(rows: Floats, pairs: tuple[tuple[Floats, Floats], ...]) -> Floats:
    """(m, L), pairs of residuals (m, k) and their hourly maxima (m, h) -> (m,): sum of the records' logarithms."""
    low, high = rows[:, :-1].min(axis=1), rows[:, :-1].max(axis=1)
    half = np.maximum((high - low) / 2, residuals.SMALLEST)
    ratios = [np.abs(rows[:, -1] - (low + high) / 2) / half]
    for residual, maxima in pairs:
        if maxima.shape[1]:
            ratios.append(np.abs(residual[:, -1]) / np.maximum(maxima.max(axis=1), residuals.SMALLEST))
    return np.asarray(np.sum(np.log(np.clip(ratios, 1.0, residuals.MOST)), axis=0))
