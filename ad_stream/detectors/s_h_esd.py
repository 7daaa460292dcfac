"""`s_h_esd`: seasonal hybrid ESD as Twitter published it, asked about the newest point.

Hochenbaum, Vallis, Kejariwal, 2017 (arXiv 1704.07706), and the options of their package AnomalyDetection. From each
window its season and its median (`piecewise` off) or the median of each stretch of `piecewise` cycles are taken
away; the generalised ESD test (Rosner 1983) with median and median absolute deviation in place of mean and standard
deviation then asks which of the rest are outliers, at most `max_anomalies` of them.

The season is the periodic part of a classical decomposition: the median of each phase, after the median of its own
cycle stands in for the trend. The authors use R's stl with a periodic season in this place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ad_stream.detectors.kernels import band
from ad_stream.detectors.kernels.esd import SIGMA, critical, removals
from ad_stream.detectors.kernels.residuals import SMALLEST
from ad_stream.detectors.scaled import check_period
from ad_stream.detectors.window_detector import Judgement, WindowDetector, chunks, join
from ad_stream.errors import ConfigError

if TYPE_CHECKING:
    from ad_stream.model import Bools, Floats

THRESHOLDS = ("none", "med_max", "p95", "p99")
SIDES = ("both", "up", "down")
ROWS = 32


def remainder(rows: Floats, period: int, piecewise: int) -> Floats:
    """(m, n) -> (m, n): rows without season and median, unit of the rows; period 1 has no season.

    The newest point's cycle is complete: cycles are counted back from it. `piecewise` counts the cycles that share a
    median (the long-term variant), 0 = one median for all.
    """
    length = rows.shape[1]
    rest = rows
    if period > 1:
        trend = _cycle_medians(rows, period)
        detrended = rows - trend
        whole = length // period * period
        phases = np.median(detrended[:, -whole:].reshape(len(rows), -1, period), axis=1)
        phases -= phases.mean(axis=1, keepdims=True)
        rest = rows - np.tile(phases, (1, -(-length // period)))[:, -length:]
    if not piecewise:
        return np.asarray(rest - np.median(rest, axis=1, keepdims=True))
    return np.asarray(rest - _cycle_medians(rest, period * piecewise))


def _cycle_medians(rows: Floats, width: int) -> Floats:
    """(m, n) -> (m, n): each stretch of `width` columns, counted from the newest, replaced by its median."""
    medians = np.empty_like(rows)
    stop = rows.shape[1]
    while stop > 0:
        start = stop - width if stop >= 2 * width else 0
        medians[:, start:stop] = np.median(rows[:, start:stop], axis=1, keepdims=True)
        stop = start
    return medians


def esd(rest: Floats, lambdas: Floats, direction: str) -> tuple[Bools, Floats]:
    """(m, n) -> is the newest point among the outliers (m,), its greatest statistic over its critical value (m,).

    Kept sorted, what is left after each removal is one stretch: the most extreme value is at one of its ends.
    """
    order = np.argsort(rest, axis=1, kind="stable")
    ranked = np.take_along_axis(rest, order, axis=1)
    place = np.argmax(order == rest.shape[1] - 1, axis=1)
    pairs = [_esd_row(row, int(where), lambdas, direction) for row, where in zip(ranked, place, strict=True)]
    return np.array([pair[0] for pair in pairs], dtype=np.bool_), np.array([pair[1] for pair in pairs])


def _esd_row(ranked: Floats, place: int, lambdas: Floats, direction: str) -> tuple[bool, float]:
    """One sorted series (n,): which rank belongs to the newest point -> is it among the outliers, and by how much."""
    removed_at, last, top = -1, -1, 0.0
    for step, ((taken, statistic), limit) in enumerate(
        zip(removals(ranked.tolist(), direction), lambdas, strict=False)
    ):
        if taken == place:
            removed_at, top = step, float(statistic / limit)
        if statistic > limit:
            last = step
        if removed_at >= 0 and last >= removed_at:
            break
    return 0 <= removed_at <= last, top


@dataclass(frozen=True, kw_only=True)
class SeasonalHybridEsd(WindowDetector):
    """Options beside those of `WindowDetector`, with the names of the authors' package in brackets.

    period         columns of a cycle, 1 = no season [period]
    max_anomalies  largest share of outliers, above 0 and below 0.5 [max_anoms]
    alpha          level of the test at sensitivity 95, above 0 and below 0.5; other sensitivities scale its critical
                   values as `band.threshold` says [alpha]
    threshold      'none', 'med_max', 'p95', 'p99': an outlier must also exceed the median, or that percentile, of
                   the daily maxima (cycle maxima), or lie below it for minima [threshold]
    piecewise      cycles that share a median, 0 = one median [longterm, piecewise_median_period_weeks]
    """

    name: ClassVar[str] = "s_h_esd"

    period: int = 1440
    max_anomalies: float = 0.02
    alpha: float = 0.05
    threshold: str = "none"
    side: str = "both"
    piecewise: int = 0
    points: int = 4321
    min_points: int = 2910

    def __post_init__(self) -> None:
        WindowDetector.__post_init__(self) if self.period == 1 else check_period(self, self.period, cycles=2)
        for key in ("max_anomalies", "alpha"):
            if not 0 < getattr(self, key) < 0.5:
                value = getattr(self, key)
                raise ConfigError(f"{key} of the detector s_h_esd is {value}, it must be above 0 and below 0.5")
        if self.side not in SIDES:
            raise ConfigError(f"side of the detector s_h_esd is {self.side!r}, it must be one of {', '.join(SIDES)}")
        if self.threshold not in THRESHOLDS:
            known = ", ".join(THRESHOLDS)
            raise ConfigError(f"threshold of the detector s_h_esd is {self.threshold!r}, it must be one of {known}")

    def judge(self, rows: Floats, unit: Floats) -> Judgement:  # noqa: ARG002 - free of scale
        """(m, L) -> Judgement; score = the test statistic of the newest point over its critical value."""
        return join([self._judge_chunk(rows[part]) for part in chunks(len(rows), 1, size=8 * ROWS)])

    def _judge_chunk(self, rows: Floats) -> Judgement:
        rest = remainder(rows, self.period, self.piecewise)
        most = max(1, int(self.max_anomalies * rows.shape[1]))
        strictness = band.threshold(1.0, self.sensitivity)
        lambdas = critical(rows.shape[1], most, self.alpha, one_tail=self.side != "both") * strictness
        found, score = esd(rest, lambdas, self.side)
        found &= self._beyond_usual(rows)
        ratio = np.where(found, np.maximum(score, 1.001), 0.0)
        value, residual = rows[:, -1], rest[:, -1]
        distance = np.abs(residual)
        # The test removes in turn, so its limit is no fixed distance: the band is drawn to agree with the verdict.
        usual = np.maximum(SIGMA * np.median(np.abs(rest), axis=1), SMALLEST) * lambdas[0]
        size = np.where(found, np.minimum(usual, distance / ratio), np.maximum(usual, distance * 1.01))
        return band.judgement(value, value - residual, size, limit=1.0, score=score, ratio=ratio)

    def _beyond_usual(self, rows: Floats) -> Bools:
        """(m, L) -> (m,): above the usual cycle maximum or below the usual minimum, as `threshold` says."""
        if self.threshold == "none":
            return np.ones(len(rows), dtype=np.bool_)
        period = self.period if self.period > 1 else rows.shape[1]
        whole = rows.shape[1] // period * period
        cycles = rows[:, -whole:].reshape(len(rows), -1, period)
        share = {"med_max": 50.0, "p95": 95.0, "p99": 99.0}[self.threshold]
        top = np.percentile(cycles.max(axis=2), share, axis=1)
        bottom = np.percentile(cycles.min(axis=2), 100 - share, axis=1)
        return np.asarray((rows[:, -1] >= top) | (rows[:, -1] <= bottom))
