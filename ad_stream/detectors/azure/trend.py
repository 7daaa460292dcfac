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

from ad_stream.detectors.azure.arrays import ZERO, in_single, running_median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats

LONGEST = 512
SHORTEST = 4
PEAK_SHARE = 0.9
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
    """(n,) -> rough_periods of one series."""
    return int(rough_periods(values[None])[0])


def rough_periods(values: Floats) -> NDArray[np.int64]:
    """(m, n) -> (m,): the mean of the strong periods of the de-trended series, weighted by power.

    n // 3 (at most 512) if none is strong.
    """
    longest = min(values.shape[-1] // 3, LONGEST)
    window = 2 * longest - 1
    broad = in_single(straight_ends(running_median(values, window), window))
    periods, power = periodogram(values - broad, longest)
    top = power.max(axis=-1, initial=0.0, keepdims=True)
    weights = power * (power >= top * PEAK_SHARE)
    mean = (periods * weights).sum(axis=-1) / np.maximum(weights.sum(axis=-1), ZERO)
    return np.asarray(np.where(top[:, 0] > ZERO, np.rint(mean), longest), dtype=np.int64)


@lru_cache(maxsize=64)
def _spline_basis(n: int, segments: int) -> Floats:
    """(n, segments + 3) an orthonormal basis of those splines: the nearest one is a projection."""
    knots = np.concatenate([np.zeros(4), _knots(n, segments), np.full(4, n - 1.0)])
    design = BSpline.design_matrix(np.arange(n, dtype=np.float64), knots, 3).toarray()
    return np.asarray(np.linalg.qr(design)[0])


def periodogram(values: Floats, longest: int) -> tuple[Floats, Floats]:
    """Welch's power of each whole period from SHORTEST up to the first at or beyond `longest`.

    (..., n) -> periods (k,) points, descending; power (..., k) in squared units of the values. Half-overlapping Hann segments,
    each without its mean, one-sided, scaled so that a sine of amplitude a has the power a**2 / 2.
    """
    size = min(longest * 2, values.shape[-1] // 2)
    window = _hann(size)
    segments = values[..., _segments(values.shape[-1], size)]
    segments = (segments - segments.mean(axis=-1, keepdims=True)) * window
    power = (np.abs(np.fft.rfft(segments, axis=-1)) ** 2).mean(axis=-2) / window.sum() ** 2
    power[..., 1 : -1 if size % 2 == 0 else None] *= 2
    periods, first = _whole_periods(size)
    best = np.maximum.reduceat(power[..., 1:], first, axis=-1)
    best[..., periods == size] = 0.0  # the one period as long as a segment is an artefact of the segment
    start = np.count_nonzero(periods >= longest) - 1
    stop = len(periods) - np.count_nonzero(periods < SHORTEST)
    return periods[start:stop], best[..., start:stop]


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
    """(..., n): the outer window // 2 points at each end on lines with the Theil-Sen slope of the outermost window."""
    half = window // 2
    slopes = theil_sen(np.stack([values[..., :window], values[..., -window:]]))
    answer = values.copy()
    answer[..., :half] = np.arange(-half, 0) * slopes[0][..., None] + values[..., half, None]
    answer[..., -half:] = np.arange(1, half + 1) * slopes[1][..., None] + values[..., -half - 1, None]
    return np.asarray(answer)


def theil_sen(values: Floats) -> Floats:
    """(..., n) -> (...): the median of the slopes between all pairs of points, unit per point.

    Row d of the table holds the pairs that are d points apart and, wrapped around, those n - d apart: half of the
    distances make all pairs, in one subtraction.
    """
    lead, n = values.shape[:-1], values.shape[-1]
    pairs = n * (n - 1) // 2
    twice = np.empty((*lead, 2 * n))
    twice[..., :n] = twice[..., n:] = values
    around: Floats = np.ndarray((*lead, n // 2, n), buffer=twice, offset=8, strides=(*twice.strides, 8))
    slopes = around - values[..., None, :]
    slopes /= _distances(n)
    slopes = slopes.reshape(*lead, -1)[..., :pairs]
    middle = pairs // 2
    wanted = [middle] if pairs % 2 else [middle - 1, middle]
    slopes.partition(wanted, axis=-1)
    return np.asarray((slopes[..., wanted[0]] + slopes[..., wanted[-1]]) / 2)


@lru_cache(maxsize=8)
def _distances(n: int) -> Floats:
    """(n // 2, n): how far apart the pairs in the table of `theil_sen` are, negative where it is wrapped around."""
    apart = np.arange(1.0, n // 2 + 1)[:, None]
    return np.asarray(np.where(np.arange(n) < n - apart, apart, apart - n))
