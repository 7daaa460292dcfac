"""Where the trend of a series changes for good, and how sure that is.

Not the service's method, which was never published: its contract with published ones. The series without its season
and without single spikes (Hampel, JASA 69 (1974)) is taken as straight lines broken at unknown places (Bai & Perron,
Econometrica 66 (1998)). Breaks are found one after the other, each in the shortest part of the series that shows one
(Baranowski, Chen, Fryzlewicz, JRSS B 81 (2019), on the nested parts of Kovacs et al., Biometrika 110 (2023)). A break
is judged by Chow's F test (Econometrica 28 (1960)) of one line against two, divided by (1 + r) / (1 - r), r the
correlation of neighbouring deviations, since noise that wanders needs no break. Its confidence is that of the largest
of all places tried (Sidak, JASA 62 (1967)): (1 - p) to the power of their number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ad_stream.detectors.azure.algorithm import check_period, on_grid, season_of
from ad_stream.detectors.azure.arrays import bridge, median_deviation
from ad_stream.detectors.azure.filling import Sparse, fill
from ad_stream.detectors.azure.options import ServiceError, check_series_shape, is_integer, is_number, shown
from ad_stream.detectors.azure.stl import decompose
from ad_stream.detectors.azure.trend import straight_ends

if TYPE_CHECKING:
    from ad_stream.detectors.azure.grid import Times
    from ad_stream.model import Bools, Floats

STABLE_WINDOWS = {
    "yearly": 3,
    "monthly": 6,
    "weekly": 3,
    "daily": 5,
    "hourly": 24,
    "minutely": 72,
    "secondly": 72,
    "microsecond": 100,
    "none": 100,
}
THRESHOLD = 0.9
SMALLEST_WINDOW = 3
SPIKE = 4.0
WIDEST_MEDIAN = 4
HIGHEST_CORRELATION = 0.98
MIN_PIECE = 6
ROUNDING = 1e-12
"""A line that leaves this share of the variance fits but for rounding."""


@dataclass(frozen=True, kw_only=True)
class ChangeOptions:
    """How change points are sought; raises ServiceError.

    granularity, custom_interval, period  as in Options
    stable_trend_window  points, 3 or more and less than half of the series: a trend that lasts less is none;
                         None takes that of the granularity, cut to the series
    threshold            0.01..0.99: the confidence from which a point is a change point
    """

    granularity: str
    custom_interval: int = 1
    period: int | None = None
    stable_trend_window: int | None = None
    threshold: float = THRESHOLD

    def __post_init__(self) -> None:
        check_series_shape(self.granularity, self.custom_interval, self.period)
        if not is_number(self.threshold) or not 0.01 <= self.threshold <= 0.99:
            raise ServiceError(
                "InvalidModelArgument",
                f"The 'threshold' field must lie between 0.01 and 0.99, not {shown(self.threshold)}.",
            )
        window = self.stable_trend_window
        if window is not None and (not is_integer(window) or window < SMALLEST_WINDOW):
            raise ServiceError(
                "InvalidModelArgument",
                f"The 'stableTrendWindow' field must be an integer >= {SMALLEST_WINDOW}, not {shown(window)}.",
            )

    def window_for(self, points: int) -> int:
        """The shortest trend that counts in a series of this many points."""
        most = (points - 1) // 2
        if self.stable_trend_window is None:
            return min(STABLE_WINDOWS[self.granularity], max(SMALLEST_WINDOW, points // 4))
        if self.stable_trend_window > most:
            raise ServiceError(
                "InvalidModelArgument",
                f"The 'stableTrendWindow' field must be less than half of the {points} points of the series, "
                f"not {self.stable_trend_window}.",
            )
        return self.stable_trend_window


@dataclass(frozen=True)
class ChangePoints:
    """is_change_point (n,): the first point of each new trend; confidence (n,) 0..1; period in points, 0 if none."""

    is_change_point: Bools
    confidence: Floats
    period: int


def change_points(values: Floats, times: Times | None, options: ChangeOptions) -> ChangePoints:
    """(n,) values, (n,) datetime64 or None (granularity none) -> ChangePoints; raises ServiceError."""
    values = np.ascontiguousarray(values, dtype=np.float64)
    series = on_grid(values, times, granularity=options.granularity, interval=options.custom_interval)
    window = options.window_for(len(values))
    if options.period is not None:
        check_period(series, options.period, filled=True)
    period = options.period
    if period is None:
        period = season_of(
            series, granularity=options.granularity, interval=options.custom_interval, mode="auto", value=None
        )
    level = without_spikes(_without_season(series, period), window)
    confidence = confidences(level, window=window, threshold=options.threshold)
    return ChangePoints(confidence >= options.threshold, confidence, period)


def _without_season(series: Sparse, period: int) -> Floats:
    if period <= 1:
        return series.values
    full = fill(series, mode="auto", value=None, period=period)
    if full is None:
        check_period(Sparse(series.values, np.arange(len(series.values))), period, filled=True)
        return np.asarray(series.values - decompose(series.values, period)[0])
    return np.asarray((full - decompose(full, period)[0])[series.present()])


def without_spikes(values: Floats, window: int) -> Floats:
    """Points 4 sigma from the median of their neighbours become lines; what lasts as long as `window` stays."""
    width = 2 * min(window, WIDEST_MEDIAN) - 1
    half = width // 2
    level = values.copy()
    level[half:-half] = np.median(np.lib.stride_tricks.sliding_window_view(values, width), axis=1)
    away = np.abs(values - straight_ends(level, width))
    spikes: Bools = away > SPIKE * 1.4826 * np.median(away)
    return bridge(values, spikes & (away > ROUNDING * np.abs(values).max()))


def confidences(values: Floats, *, window: int, threshold: float) -> Floats:
    """(n,) -> (n,) 0..1: each place as a break of the piece it lies in, pieces of `window` points or more."""
    answer = np.zeros(len(values))
    pieces = [(0, len(values))]
    tried = len(values) * len(_scales(len(values), window))
    r = neighbour_correlation(values)
    while pieces:
        first, stop = pieces.pop()
        piece, found = _narrowest_break(values[first:stop], window, threshold, tried=tried, r=r)
        if found is None:
            # The first point of a piece keeps the confidence of the break that made it.
            answer[first + 1 : stop] = piece[1:]
        else:
            answer[first + found] = piece[found]
            pieces += [(first, first + found), (first + found, stop)]
    return answer


def _scales(n: int, window: int) -> list[int]:
    """Lengths of the parts that are searched, the shortest first: n, n / 2, n / 4, ... down to four windows."""
    lengths = [n]
    while lengths[0] >= 8 * window:
        lengths.insert(0, lengths[0] // 2)
    return lengths


def _narrowest_break(
    values: Floats, window: int, threshold: float, *, tried: int, r: float
) -> tuple[Floats, int | None]:
    """(n,) -> (n,) the confidences, and the surest place in the shortest part that has one over the threshold."""
    n = len(values)
    answer = np.zeros(n)
    for length in _scales(n, window):
        best: int | None = None
        for start in sorted({*range(0, n - length, max(length // 2, 1)), n - length}):
            part, place = break_confidence(values[start : start + length], window, tried=tried, r=r)
            answer[start : start + length] = np.maximum(answer[start : start + length], part)
            if part[place] >= max(threshold, answer[best] if best is not None else 0.0):
                best = start + place
        if best is not None:
            return answer, best
    return answer, None


def break_confidence(values: Floats, window: int, *, tried: int, r: float) -> tuple[Floats, int]:
    """(n,) -> (n,) how sure it is that a new line begins at each place, and which place fits best.

    0 where a side would be shorter than `window`; `tried`: how many places are tried in the whole series; r: the
    correlation of neighbouring deviations.
    """
    n = len(values)
    answer = np.zeros(n)
    places = np.arange(window, n - window + 1)
    before, after = _residual_squares(values), _residual_squares(values[::-1])[::-1]
    one = before[-1]
    rounding = ROUNDING * float(np.var(values)) * n
    if n < MIN_PIECE or not len(places) or one <= rounding:
        return answer, 0
    two = np.maximum(before[places - 1] + after[places], 1e-3 * rounding)
    statistic = np.maximum(one - two, 0.0) / 2 / (two / (n - 4)) * (1 - r) / (1 + r)
    answer[places] = (1 - special.fdtrc(2, n - 4, statistic)) ** tried
    return answer, int(places[np.argmin(two)])


def _residual_squares(values: Floats) -> Floats:
    """(n,) -> (n,): squared residuals of the best line through the first 1, 2, ..., n points."""
    n = len(values)
    count = np.arange(1.0, n + 1)
    y = values - values.mean()
    # The mean and spread of the places 0 .. k-1 have closed forms.
    sum_y, sum_yy, sum_xy = np.cumsum(y), np.cumsum(y * y), np.cumsum(np.arange(n) * y)
    spread_x = count * (count * count - 1) / 12
    together = sum_xy - (count - 1) / 2 * sum_y
    slope_part = together**2 / np.where(spread_x > 0, spread_x, 1.0)
    return np.asarray(np.maximum(sum_yy - sum_y**2 / count - slope_part, 0.0))


def neighbour_correlation(values: Floats) -> float:
    """0..1: the correlation of neighbouring deviations from the trend, from the steps, which a few breaks hardly touch.

    Where deviations correlate by r, r**2, ..., neighbouring steps correlate by (r - 1) / 2 (Tecuapetla-Gomez & Munk,
    Scand. J. Statist. 44 (2017), for difference-based estimates); steps beyond 4 sigma are cut to it.
    """
    steps = np.diff(values)
    middle, sigma = median_deviation(steps)
    steps = np.clip(steps - middle, -SPIKE * sigma, SPIKE * sigma)
    power = float(steps @ steps)
    if power <= 0:
        return 0.0
    return min(max(1 + 2 * float(steps[1:] @ steps[:-1]) / power, 0.0), HIGHEST_CORRELATION)
