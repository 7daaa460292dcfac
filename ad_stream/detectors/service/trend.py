"""The smooth trend under a series: a coarse cubic spline whose ends are straightened.

After the package `seasonal` (Will Welch, MIT), which the service used: the number of spline segments follows a
rough period from Welch's averaged periodogram (Welch 1967), and the outer half windows, where a smoother has too
little on one side, become straight lines with the Theil-Sen slope (Sen 1968) of the outermost window.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import BSpline, LSQUnivariateSpline

from ad_stream.detectors.service.arrays import ZERO, in_single, running_median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats

LONGEST = 512
SHORTEST = 4
PEAK_SHARE = 0.9
SMALL = 160
"""Up to this many points the pairs are taken by index, beyond it distance by distance."""

SMALL_BASIS = 50_000
"""Up to this many numbers the basis of a spline is kept."""


def spline_trend(values: Floats, *, period: int | None = None, to_the_bit: bool = True) -> Floats:
    """(n,) -> (n,), n >= 6, unit of the values; `period` None has the rough period guessed, 0 and 1 mean none.

    to_the_bit: by FITPACK, as the service did, since integers often lie on the edge of a band to the last bit;
    False: by projection, which is faster and equal but for rounding.
    """
    n = len(values)
    if period is None:
        period = rough_period(values)
    window = min(n // 3, LONGEST) if period <= 1 else 2 * period - 1
    segments = max(2, n // (window * 2) + 2)
    if not to_the_bit and n * segments <= SMALL_BASIS:
        basis = _spline_basis(n, segments)
        return straight_ends(np.asarray(basis @ (values @ basis)), window)
    index = np.arange(n, dtype=np.float64)
    return straight_ends(np.asarray(LSQUnivariateSpline(index, values, _knots(n, segments))(index)), window)


def _knots(n: int, segments: int) -> Floats:
    """The inner knots, evenly spaced; the last segment is a double one."""
    return np.linspace(0, n - 1, segments + 2)[1:-2]


def rough_period(values: Floats) -> int:
    """The mean of the strong periods of the de-trended series, weighted by power; n // 3 (at most 512) if none is."""
    longest = min(len(values) // 3, LONGEST)
    window = 2 * longest - 1
    broad = in_single(straight_ends(running_median(values, window), window))
    periods, power = periodogram(values - broad, longest)
    if not len(power) or power.max() <= ZERO:
        return longest
    strong = power >= power.max() * PEAK_SHARE
    weights = power[strong]
    return round(float(periods[strong] @ weights / weights.sum()))


@lru_cache(maxsize=64)
def _spline_basis(n: int, segments: int) -> Floats:
    """(n, segments + 3) an orthonormal basis of those splines: the nearest one is a projection."""
    knots = np.concatenate([np.zeros(4), _knots(n, segments), np.full(4, n - 1.0)])
    design = BSpline.design_matrix(np.arange(n, dtype=np.float64), knots, 3).toarray()
    return np.asarray(np.linalg.qr(design)[0])


def periodogram(values: Floats, longest: int) -> tuple[Floats, Floats]:
    """Welch's power of each whole period from SHORTEST up to the first at or beyond `longest`.

    -> periods (k,) points, descending; power (k,) in squared units of the values. Half-overlapping Hann segments,
    each without its mean, one-sided, scaled so that a sine of amplitude a has the power a**2 / 2.
    """
    size = min(longest * 2, len(values) // 2)
    window = _hann(size)
    segments = values[_segments(len(values), size)]
    segments = (segments - segments.mean(axis=1, keepdims=True)) * window
    power = (np.abs(np.fft.rfft(segments, axis=1)) ** 2).mean(axis=0) / window.sum() ** 2
    power[1 : -1 if size % 2 == 0 else None] *= 2
    periods, first = _whole_periods(size)
    best = np.maximum.reduceat(power[1:], first)
    best[periods == size] = 0.0  # the one period as long as a segment is an artefact of the segment
    start = np.count_nonzero(periods >= longest) - 1
    stop = len(periods) - np.count_nonzero(periods < SHORTEST)
    return periods[start:stop], best[start:stop]


@lru_cache(maxsize=8)
def _segments(n: int, size: int) -> NDArray[np.intp]:
    """(segments, size) the places of segments that overlap by half."""
    return np.arange(0, n - size + 1, size - size // 2)[:, None] + np.arange(size)


@lru_cache(maxsize=32)
def _hann(size: int) -> Floats:
    return np.asarray(0.5 - 0.5 * np.cos(2 * math.pi * np.arange(size) / size))


@lru_cache(maxsize=32)
def _whole_periods(size: int) -> tuple[Floats, NDArray[np.intp]]:
    """The periods 1 / frequency rounded to points, without repeats, and where each begins among the frequencies."""
    periods = np.round(1.0 / np.fft.rfftfreq(size)[1:])
    first = np.flatnonzero(np.diff(periods, prepend=-1.0))
    return periods[first], first


def straight_ends(values: Floats, window: int) -> Floats:
    """The outer window // 2 points at each end on lines with the Theil-Sen slope of the outermost window."""
    half = window // 2
    answer = values.copy()
    answer[:half] = np.arange(-half, 0) * theil_sen(values[:window]) + values[half]
    answer[-half:] = np.arange(1, half + 1) * theil_sen(values[-window:]) + values[-half - 1]
    return np.asarray(answer)


def theil_sen(values: Floats) -> float:
    """The median of the slopes between all pairs of points, unit per point."""
    n = len(values)
    slopes = _differences(values)
    slopes /= _distances(n)
    middle = len(slopes) // 2
    wanted = [middle] if len(slopes) % 2 else [middle - 1, middle]
    slopes.partition(wanted)
    return float(slopes[wanted].mean())


def _differences(values: Floats) -> Floats:
    """(n,) -> (n * (n - 1) / 2,): later minus earlier, all pairs of neighbours first, then those two apart, ..."""
    n = len(values)
    if n <= SMALL:
        earlier, later = _pairs(n)
        return np.asarray(values[later] - values[earlier])
    answer = np.empty(n * (n - 1) // 2)
    first = 0
    for distance in range(1, n):
        stop = first + n - distance
        np.subtract(values[distance:], values[:-distance], answer[first:stop])
        first = stop
    return answer


@lru_cache(maxsize=8)
def _distances(n: int) -> Floats:
    """How many points apart the pairs of `_differences` are."""
    return np.repeat(np.arange(1.0, n), np.arange(n - 1, 0, -1))


@lru_cache(maxsize=32)
def _pairs(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The places of the pairs of `_differences`."""
    distance = _distances(n).astype(np.intp)
    earlier = np.concatenate([np.arange(n - d) for d in range(1, n)])
    return earlier, earlier + distance
