"""Small kernels that several parts of the service share; arrays (n,) float64, or (..., n) where it is said."""

from __future__ import annotations

from bisect import bisect_right, insort
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]

MAD_TO_SIGMA = 0.6744897501960817
"""Third quartile of the standard normal: a median absolute deviation divided by it estimates sigma."""

LARGEST_SINGLE = 3e38
SMALL_SLIDE = 10_000
"""Up to this many numbers all windows are sorted at once."""

ZERO = 1e-8
"""Below this the service takes a number for zero."""


def in_single(values: Floats) -> Floats:
    """Values rounded to single precision, in which the service's compiled kernels worked.

    Near-constant data depend on it. Values beyond its range stay as they are.
    """
    if np.abs(values).max(initial=0.0) > LARGEST_SINGLE:
        return values
    return np.asarray(values.astype(np.float32).astype(np.float64))


def normalise(values: Floats) -> Floats:
    """(..., n) to 0..1; a constant stays as it is."""
    low, high = values.min(axis=-1, keepdims=True), values.max(axis=-1, keepdims=True)
    constant = low == high
    if constant.any():
        low, high = np.where(constant, 0.0, low), np.where(constant, 1.0, high)
    return np.asarray((values - low) / (high - low))


def median(values: Floats) -> float:
    """The median of finite values; a third of the time of the general function."""
    half = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, half)[half])
    below, above = np.partition(values, (half - 1, half))[half - 1 : half + 1].tolist()
    return float((below + above) / 2)


def median_deviation(values: Floats) -> tuple[float, float]:
    """(median, median absolute deviation scaled to sigma)."""
    middle = median(values)
    return middle, median(np.abs(values - middle)) / MAD_TO_SIGMA


def bridge(values: Floats, holes: Bools) -> Floats:
    """Straight lines over the holes, level beyond the outermost value."""
    if not holes.any() or holes.all():
        return values
    index = np.arange(len(values))
    filled = values.copy()
    filled[holes] = np.interp(index[holes], index[~holes], values[~holes])
    return np.asarray(filled)


def smooth_spikes(values: Floats) -> Floats:
    """(..., n): points three standard deviations or more from the mean, replaced by straight lines."""
    away = values - values.sum(axis=-1, keepdims=True) / values.shape[-1]
    sigma = np.sqrt(np.einsum("...i,...i->...", away, away) / values.shape[-1]) + ZERO
    spikes = np.abs(away) >= 3 * sigma[..., None]
    if not spikes.any():
        return values
    smooth = values.copy()
    for series in np.ndindex(values.shape[:-1]):
        smooth[series] = bridge(values[series], spikes[series])
    return np.asarray(smooth)


def trailing_mean(values: Floats, count: int) -> Floats:
    """Mean of up to `count` points up to and including each."""
    total = np.cumsum(values)
    mean = total.copy()
    mean[count:] = total[count:] - total[:-count]
    mean /= np.minimum(np.arange(1, len(values) + 1), count)
    return np.asarray(mean)


@lru_cache(maxsize=32)
def phase_places(n: int, period: int) -> tuple[Ints, ...]:
    """Places (cycles, phases) of the phases of a season: those that have a cycle more, if any, then the others."""
    whole, rest = divmod(n, period)
    groups = ((0, rest, whole + 1), (rest, period, whole))
    return tuple(
        np.arange(first, stop) + period * np.arange(cycles)[:, None] for first, stop, cycles in groups if first < stop
    )


def running_median(values: Floats, window: int, *, ends: bool = False) -> Floats:
    """(..., n): median of the window (made odd) around each point, in single precision.

    `ends`: shrinking windows near both ends; otherwise the ends stay as they are, as does all of a series shorter
    than the window. Beyond a small size the sorted window is kept in a list: the cost is n log(window).
    """
    half = window // 2
    n = values.shape[-1]
    level = in_single(values)
    if n < 2 * half + 1:
        return level
    level = level.copy()
    if not ends and (n - 2 * half) * window <= SMALL_SLIDE:
        slices = np.lib.stride_tricks.sliding_window_view(level.copy(), 2 * half + 1, axis=-1)
        level[..., half : n - half] = np.partition(slices, half, axis=-1)[..., half]
        return np.asarray(level)
    for series in np.ndindex(values.shape[:-1]):
        level[series] = _running_median(values[series], half, ends=ends)
    return np.asarray(level)


def _running_median(values: Floats, half: int, *, ends: bool) -> Floats:
    single = in_single(values).tolist()
    n = len(single)
    answer = list(single)
    kept = sorted(single[:half])
    for right in range(half, 2 * half + 1):
        insort(kept, single[right])
        if ends or right == 2 * half:
            answer[right - half] = _middle(kept)
    for right in range(2 * half + 1, n):
        insort(kept, single[right])
        del kept[bisect_right(kept, single[right - 2 * half - 1]) - 1]
        answer[right - half] = kept[half]
    for centre in range(n - half, n if ends else 0):
        # The service looks the unrounded value up here, and so may drop its neighbour.
        del kept[max(bisect_right(kept, float(values[centre - half - 1])) - 1, 0)]
        answer[centre] = _middle(kept)
    return in_single(np.asarray(answer))


def _middle(ordered: list[float]) -> float:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
