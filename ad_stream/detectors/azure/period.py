"""The length of the season, in points, 0 where there is none.

First the periods that the calendar suggests for the granularity (a day, a week, ...), each tested for how much it
explains; then a search among the peaks of the autocorrelation function, whose confidence band is Bartlett's
(Box & Jenkins 1976). A season found is searched for a longer one among every n-th point, and multiplied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.azure.arrays import ZERO, in_single, normalise, phase_places, running_median, smooth_spikes
from ad_stream.detectors.azure.seasons import error_of_season, explained
from ad_stream.detectors.azure.trend import rough_periods, spline_trend
from ad_stream.detectors.window_detector import chunks

if TYPE_CHECKING:
    from ad_stream.model import Bools, Floats

MIN_PERIOD = 4
MIN_POINTS = 12
LONGEST_LAG = 5760
SMALLEST_CORRELATION = 0.1
SMALLEST_SHARE = 0.2
TINY = 1e-300
"""A constant's covariance is zero at all lags, and stays so divided by this."""

WORKING_BYTES = 2**21
"""Series are searched together while the medians over all their windows take no more than this."""

Z_90 = 1.6448536269514722
"""Half width of a 90 % confidence band in standard errors."""


def find_period(values: Floats, *, granularity: str, interval: int) -> int:
    """(n,) without gaps -> period in points, 0 if none."""
    return calendar_period(values, granularity=granularity, interval=interval) or spectrum_periods(values[None])[0]


def find_periods(rows: Floats, *, granularity: str, interval: int) -> list[int]:
    """(m, n) without gaps -> the period of each, in points, 0 if none; in any batch the same."""
    periods = [calendar_period(row, granularity=granularity, interval=interval) for row in rows]
    # A constant has none, and a large one would keep its neighbours from being rounded to single precision.
    varied = rows.min(axis=1) < rows.max(axis=1)
    left = [number for number, period in enumerate(periods) if period == 0 and varied[number]]
    for part in chunks(len(left), rows.shape[1] ** 2 // 3, size=WORKING_BYTES):
        for number, period in zip(left[part], spectrum_periods(rows[left[part]]), strict=True):
            periods[number] = period
    return periods


def calendar_periods(granularity: str, interval: int) -> tuple[int, ...]:
    """The periods that the calendar suggests, in the order in which they are tried."""
    day = {"minutely": 1440, "secondly": 86400}.get(granularity)
    if day is not None:
        return (day * 7 // interval, day // interval, day * 2 // interval)
    if granularity == "hourly":
        return (168 // interval, 24 // interval)
    return {"daily": (7,), "weekly": (12, 4), "monthly": (12,), "microsecond": (1000,)}.get(granularity, ())


def calendar_period(values: Floats, *, granularity: str, interval: int) -> int:
    """The first calendar period that explains the series, 0 if none; the longest where that is a multiple of it."""
    periods = calendar_periods(granularity, interval)
    for period in periods:
        if period >= MIN_PERIOD and len(values) > 2 * period and _explains(values, period):
            longest = periods[0]
            fits = len(values) > 2 * longest and longest % period == 0
            return longest if fits else period
    return 0


def _explains(values: Floats, period: int) -> bool:
    scaled = normalise(values)
    smooth = smooth_spikes(scaled)
    if smooth.var() <= ZERO:
        return False
    if explained(smooth, period) > _needed(period, (0.35, 0.15, 0.1)):
        return True
    flat = smooth_spikes(scaled - running_median(scaled, period, ends=True))
    flat = _cut_phases(flat, period)
    return bool(flat.var() > ZERO) and explained(flat, period) > _needed(period, (0.35, 0.65, 0.7))


def _needed(period: int, shares: tuple[float, float, float]) -> float:
    """The share to be explained: up to a day of hours, up to a week of hours, beyond."""
    return shares[0] if period <= 24 else shares[1] if period <= 168 else shares[2]


def _cut_phases(values: Floats, period: int) -> Floats:
    """Replaces, phase by phase, what stands out above the phase's median.

    The service meant three deviations above it, but left out the absolute value: its measure of spread is the
    rounding error of the median in single precision, so nearly every value above the median (where that error is
    negative: below it) becomes the median.
    """
    answer = values.copy()
    for places in phase_places(len(values), period):
        answer[places] = _cut_columns(values[places])
    return np.asarray(answer)


def _cut_columns(table: Floats) -> Floats:
    middle = in_single(np.median(in_single(table), axis=0))
    away = table - middle
    spread = 1.4826 * in_single(np.median(in_single(away), axis=0)) + ZERO
    with np.errstate(divide="ignore", invalid="ignore"):
        out: Bools = away / spread >= 3.0
    return np.asarray(np.where(out, middle, table))


def spectrum_periods(rows: Floats) -> list[int]:
    """(m, n) -> what explains most among the peaks of the autocorrelation, times the periods of its cycles."""
    series = normalise(rows)
    periods = _one_period(series)
    for number, found in enumerate(periods):
        cycles = series[number]
        while found:
            cycles = cycles[::found]
            found = _one_period(cycles[None])[0]
            periods[number] *= max(found, 1)
    return periods


def _one_period(series: Floats) -> list[int]:
    """(m, n) -> the best period of each, 0 where none is good enough."""
    if series.shape[1] < MIN_POINTS:
        return [0] * len(series)
    flat = smooth_spikes(series).copy()
    for number, period in enumerate(rough_periods(flat).tolist()):
        flat[number] -= spline_trend(flat[number], period=period, to_the_bit=False)
    return [_best_period(flat[number], candidates) for number, candidates in enumerate(candidate_periods(flat))]


def _best_period(flat: Floats, candidates: list[int]) -> int:
    """(n,) without trend -> the candidate that explains most of it, 0 where that is not enough."""
    spread = float(flat.var()) if candidates else 0.0
    if spread <= ZERO:
        return 0
    errors = {period: error_of_season(flat, period) for period in candidates}
    best = min(errors, key=errors.__getitem__)
    enough = errors[best] == 0.0 or 1 - errors[best] / spread >= SMALLEST_SHARE
    return best if enough and len(flat) / best + 1 > 3 else 0


def candidate_periods(values: Floats) -> list[list[int]]:
    """(m, n) -> for each the lags whose autocorrelation lies above its 90 % band and above 0.1, the highest first.

    A list ends at the first lag, in order of correlation, that does not.
    """
    n = values.shape[1]
    longest = int(min(n / 3, LONGEST_LAG))
    correlation = autocorrelation(values, longest)
    squares = correlation * correlation
    band = Z_90 * np.sqrt((1 + 2 * (squares.cumsum(axis=1) - squares)) / n)
    weak = correlation < np.maximum(band, SMALLEST_CORRELATION)
    return [
        [] if none else _strong_lags(correlation[number], weak[number])
        for number, none in enumerate(weak.all(axis=1).tolist())
    ]


def _strong_lags(correlation: Floats, weak: Bools) -> list[int]:
    order = np.argsort(-correlation, kind="stable")
    count = int(np.argmax(weak[order])) if weak.any() else len(order)
    return [int(lag) for lag in order[:count] + 1 if MIN_PERIOD < lag < len(correlation)]


def autocorrelation(values: Floats, longest: int) -> Floats:
    """(..., n) -> (..., longest) at the lags 1, 2, ..., by the Fourier transform: n log n instead of n squared."""
    centred = values - values.mean(axis=-1, keepdims=True)
    size = 1 << (2 * values.shape[-1] - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    covariance = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size)
    return np.asarray(covariance[..., 1 : longest + 1] / np.maximum(covariance[..., :1], TINY))
