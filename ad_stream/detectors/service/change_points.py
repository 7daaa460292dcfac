"""Where the trend of a series changes for good, and how sure that is.

Not the service's method, which was never published: its contract with a published one. The series without its
season and without single spikes (Hampel, JASA 69 (1974)) is taken as straight lines, broken at unknown places
(Bai & Perron, Econometrica 66 (1998), found one after the other as in Bai, Econometric Theory 13 (1997)). A break is
judged by Chow's F test (Econometrica 28 (1960)) of one line against two; the statistic is divided by
(1 + r) / (1 - r), r the correlation of neighbouring residuals, since trending noise needs no break; and the
confidence is that of the largest of all places tried (Sidak, JASA 62 (1967)): (1 - p) to the power of their number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ad_stream.detectors.service.arrays import bridge, running_median
from ad_stream.detectors.service.filling import Sparse, fill
from ad_stream.detectors.service.judge import check_period, on_grid, season_of
from ad_stream.detectors.service.options import ServiceError, check_series_shape, is_integer, is_number, shown
from ad_stream.detectors.service.stl import decompose

if TYPE_CHECKING:
    from ad_stream.detectors.service.grid import Times
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
SPIKE = 3.0
HIGHEST_CORRELATION = 0.98
MIN_PIECE = 6
ROUNDING = 1e-10
"""A line that fits to this share of the largest value fits exactly."""


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
    """Points 3 sigma from the median of their neighbours become lines; what lasts half a window stays."""
    away = np.abs(values - running_median(values, min(window, 7), ends=True))
    sigma = float(np.median(away)) * 1.4826
    spikes: Bools = (away > SPIKE * sigma) & (sigma > 0)
    return bridge(values, spikes)


def confidences(values: Floats, *, window: int, threshold: float) -> Floats:
    """(n,) -> (n,) 0..1: each place as a break of the piece it lies in, pieces of `window` points or more."""
    answer = np.zeros(len(values))
    pieces = [(0, len(values))]
    while pieces:
        first, stop = pieces.pop()
        piece, best = break_confidence(values[first:stop], window)
        if piece[best] >= threshold:
            answer[first + best] = piece[best]
            pieces += [(first, first + best), (first + best, stop)]
        else:
            # The first point of a piece keeps the confidence of the break that made it.
            answer[first + 1 : stop] = piece[1:]
    return answer


def break_confidence(values: Floats, window: int) -> tuple[Floats, int]:
    """(n,) -> (n,) how sure it is that a new line begins at each place, and which place fits best.

    0 where a side would be shorter than `window`. The correlation of the residuals at the best place serves all.
    """
    n = len(values)
    answer = np.zeros(n)
    places = np.arange(window, n - window + 1)
    before, after = _residual_squares(values), _residual_squares(values[::-1])[::-1]
    one = before[-1]
    if n < MIN_PIECE or not len(places) or one <= n * (ROUNDING * np.abs(values).max()) ** 2:
        return answer, 0
    two = np.maximum(before[places - 1] + after[places], ROUNDING**2 * one)
    best = int(np.argmin(two))
    r = _neighbour_correlation(values, int(places[best]))
    statistic = np.maximum(one - two, 0.0) / 2 / (two / (n - 4)) * (1 - r) / (1 + r)
    p = special.fdtrc(2, n - 4, statistic)
    answer[places] = (1 - p) ** len(places)
    return answer, int(places[best])


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


def _neighbour_correlation(values: Floats, place: int) -> float:
    """0..1: correlation of neighbouring residuals around the two lines that meet at `place`."""
    residual = np.concatenate([_off_line(values[:place]), _off_line(values[place:])])
    power = float(residual @ residual)
    if power <= 0:
        return 0.0
    return min(max(float(residual[1:] @ residual[:-1]) / power, 0.0), HIGHEST_CORRELATION)


def _off_line(values: Floats) -> Floats:
    """(n,), n >= 2 -> (n,): distance from the best line."""
    x = np.arange(len(values)) - (len(values) - 1) / 2
    return np.asarray(values - values.mean() - x * (float(x @ values) / float(x @ x)))
