"""The univariate algorithm of the retired Azure Anomaly Detector, from a series to its verdicts.

Newly written after a reading of Microsoft's MIT-licensed `anomaly-detector` (v0.4.0), which records what the service
did. Season or not, minutely or not decide the method: a seasonal decomposition with outlier tests, the spectral
residual, or outlier tests around a smooth trend. The latter two look at the differences as well, where the series
itself is not stationary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.azure import margins, seasonal, spectral, threshold
from ad_stream.detectors.azure.arrays import ZERO, median_deviation
from ad_stream.detectors.azure.filling import Sparse, fill
from ad_stream.detectors.azure.grid import check_values, grid_indices
from ad_stream.detectors.azure.options import WINDOWS, Options, ServiceError
from ad_stream.detectors.azure.period import find_period
from ad_stream.detectors.azure.stationarity import differenced, summed
from ad_stream.detectors.azure.trend import spline_trend

if TYPE_CHECKING:
    from collections.abc import Callable

    from ad_stream.detectors.azure.grid import Times
    from ad_stream.detectors.azure.method_result import Judged
    from ad_stream.model import Bools, Floats

MAJORITY = 0.6
MAJORITY_BINS = 20
MIN_MAJORITY_RATIO = 0.05
MOST_MISSING = 0.5
SHORT_INTERVALS = {"minutely": 60, "secondly": 3600}
"""Granularities judged by the spectral residual, below this many steps between points."""


@dataclass(frozen=True)
class AzureVerdicts:
    """Arrays (n,) for every point sent (entire), or (1,) for the last of them; measures in the unit of the values.

    The band is [expected - lower_margin, expected + upper_margin]; severity is 0..1; period in points, 0 if none;
    suggested_window is how many points a further request for the last point should hold.
    """

    expected: Floats
    upper_margin: Floats
    lower_margin: Floats
    is_anomaly: Bools
    is_positive: Bools
    is_negative: Bools
    severity: Floats
    period: int
    suggested_window: int


def judge_entire(values: Floats, times: Times | None, options: Options) -> AzureVerdicts:
    """(n,) values, (n,) datetime64 or None (granularity none) -> verdicts on all points; raises ServiceError."""
    return _judge(values, times, options, last=False)


def judge_last(values: Floats, times: Times | None, options: Options) -> AzureVerdicts:
    """(n,) values, (n,) datetime64 or None (granularity none) -> verdict on the last point; raises ServiceError."""
    return _judge(values, times, options, last=True)


def on_grid(values: Floats, times: Times | None, *, granularity: str, interval: int) -> Sparse:
    """The series on its grid, checked; raises ServiceError."""
    check_values(values)
    if granularity == "none":
        return Sparse(values, np.arange(len(values)))
    if times is None:
        raise ServiceError(
            "BadArgument", f"Every point of the 'series' field needs a 'timestamp' with granularity {granularity}."
        )
    return Sparse(values, grid_indices(times, granularity=granularity, interval=interval))


def check_period(series: Sparse, period: int, *, filled: bool) -> None:
    """A season needs two cycles and a point; raises ServiceError."""
    points = series.length if filled else len(series.values)
    if points < 2 * period + 1:
        raise ServiceError(
            "InvalidModelArgument",
            f"The 'series' field must have more than 2 periods of points: {2 * period + 1} for the 'period' {period}, "
            f"but it has {points}.",
        )


def season_of(series: Sparse, *, granularity: str, interval: int, mode: str, value: float | None) -> int:
    """The period found in the series with its gaps filled; 0 where more than half of it is missing."""
    if series.missing_ratio > MOST_MISSING:
        return 0
    full = fill(series, mode="previous" if mode == "auto" else mode, value=value, period=0)
    return find_period(series.values if full is None else full, granularity=granularity, interval=interval)


def _judge(values: Floats, times: Times | None, options: Options, *, last: bool) -> AzureVerdicts:
    values = np.ascontiguousarray(values, dtype=np.float64)
    series = on_grid(values, times, granularity=options.granularity, interval=options.custom_interval)
    if options.period is not None:
        check_period(series, options.period, filled=options.impute_mode != "notFill")
    judged, period = judge_series(series, options, last=last)
    return _verdicts(judged, period, options, last=last)


def judge_series(series: Sparse, options: Options, *, last: bool) -> tuple[Judged, int]:
    """A checked series -> the verdicts on its points before sensitivity, and the period; raises ServiceError."""
    mode, value = _fill_mode(options)
    period = options.period
    if period is None:
        period = season_of(
            series, granularity=options.granularity, interval=options.custom_interval, mode=mode, value=value
        )
    if period > 1:
        _check_density(series)
    full = fill(series, mode=mode, value=value, period=period) if period > 1 or mode != "auto" else None
    values = series.values if full is None else full
    judged = _by_method(values, period, _ratio(series.values, options, last=last), options, last)
    if full is not None:
        judged = judged.keep(series.present())
    return judged.without_trifles(), period


def _fill_mode(options: Options) -> tuple[str, float | None]:
    """The imputeMode, zero being fixed at 0."""
    return ("fixed" if options.impute_mode == "zero" else options.impute_mode), options.fill_value


def _check_density(series: Sparse) -> None:
    if series.missing_ratio > MOST_MISSING:
        raise ServiceError(
            "InvalidSeries",
            "At most half of the points of a seasonal series may be missing: there should be at least "
            f"{math.ceil(series.length * MOST_MISSING)} points, but got {len(series.values)}.",
        )


def _ratio(values: Floats, options: Options, *, last: bool) -> float:
    """The largest share of flags; smaller for the last point of a series that mostly keeps to one value."""
    ratio = options.max_anomaly_ratio
    if not last:
        return ratio
    ordered = np.sort(values)
    most = math.ceil(MAJORITY * len(values))
    spread = ordered[-1] - ordered[0]
    bin_width = spread / MAJORITY_BINS
    narrowest = (ordered[most - 1 :] - ordered[: len(values) - most + 1]).min()
    smallest = max(4 * MAJORITY_BINS * np.spacing(np.abs(ordered[[0, -1]]).max()), 1e-300)
    # No bin can hold that many, or the bins are narrower than the steps of a double.
    if narrowest > bin_width * 1.01 or 0 < spread <= smallest:
        return ratio
    share = float(np.histogram(values, bins=MAJORITY_BINS)[0].max()) / len(values) if spread else 1.0
    return ratio if share <= MAJORITY else max((1 - share) * ratio, min(MIN_MAJORITY_RATIO, ratio))


def _by_method(values: Floats, period: int, ratio: float, options: Options, last: bool) -> Judged:
    if period > 1:
        check_period(Sparse(values, np.arange(len(values))), period, filled=True)
        return seasonal.judge(values, period=period, ratio=ratio, alpha=options.alpha, last=last)
    need_trend = options.boundary_version != "V1"
    short = options.custom_interval < SHORT_INTERVALS.get(options.granularity, 0)
    if short and median_deviation(values)[1] >= ZERO:

        def judge(series: Floats, share: float) -> Judged:
            return spectral.judge(series, threshold=options.threshold, ratio=share, last=last, need_trend=need_trend)
    else:
        trend = spline_trend(values, period=period)

        def judge(series: Floats, share: float) -> Judged:
            return threshold.judge(series, trend, ratio=share, alpha=options.alpha, last=last)

    return _with_differences(judge(values, ratio), judge, ratio)


def _with_differences(judged: Judged, judge: Callable[[Floats, float], Judged], ratio: float) -> Judged:
    """Adds what stands out among the differences of a series that is not stationary, while the ratio allows it."""
    values = judged.values
    order, steps = differenced(values)
    left = max(int(len(values) * ratio), 1) - int(judged.flagged.sum())
    if order <= 0 or left <= 0:
        return judged
    among_steps = judge(steps, left / len(values))
    new = among_steps.flagged & ~judged.flagged
    if not new.any():
        return judged

    return _merge(judged, among_steps, new, order)


def _merge(judged: Judged, among_steps: Judged, new: Bools, order: int) -> Judged:
    """The series' verdicts, with those on its differences where `new`: a point lies one expected step further on."""
    values = judged.values

    def follow(old: Floats | None, step: Floats | None) -> Floats | None:
        if old is None or step is None:
            return old
        step = summed(values[1] - values[0], order, step) if order == 2 else step
        return np.asarray(np.where(new, np.concatenate([old[:1], old[:-1] + step[1:]]), old))

    score = judged.score
    if score is not None and among_steps.score is not None:
        score = np.asarray(np.where(new, among_steps.score, score))
    expected = follow(judged.expected, among_steps.expected)
    assert expected is not None
    trend = follow(judged.trend, among_steps.trend)
    return replace(judged, expected=expected, flagged=judged.flagged | new, trend=trend, score=score)


def _verdicts(judged: Judged, period: int, options: Options, *, last: bool) -> AzureVerdicts:
    band = margins.draw(judged, sensitivity=options.sensitivity, version=options.boundary_version)
    shown = slice(-1, None) if last else slice(None)
    return AzureVerdicts(
        expected=judged.expected[shown],
        upper_margin=band.upper[shown],
        lower_margin=band.lower[shown],
        is_anomaly=band.is_anomaly[shown],
        is_positive=band.is_positive[shown],
        is_negative=band.is_negative[shown],
        severity=band.severity[shown],
        period=period,
        suggested_window=4 * period + 1 if period else WINDOWS[options.granularity] + 1,
    )
