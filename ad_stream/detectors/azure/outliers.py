"""Outliers among sorted values: generalised ESD and a z-score, each side by itself, merged by rank.

Rosner, "Percentage Points for a Generalized ESD Many-Outlier Procedure", Technometrics 25 (1983), 165-172, one-sided,
with median and MAD (and, where those find nothing, mean and standard deviation) of what is left after the more
extreme values are taken away. Both are computed for all k at once: the spread around the moving median is found by
a binary search over the two halves of the sorted values, k searches side by side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from ad_stream.detectors.azure.arrays import MAD_TO_SIGMA, ZERO, in_single, median_deviation
from ad_stream.detectors.azure.ties import quicksort_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]

FAR = 3.0


@dataclass(frozen=True)
class Sorted:
    """Values in ascending order with their places in the series; `last` is the place of the judged point or None."""

    values: Floats
    places: Ints
    last: int | None

    @classmethod
    def of(cls, series: Floats, *, last: bool) -> Sorted:
        """(n,) -> Sorted; `last`: only the verdict on the last point counts."""
        order = quicksort_order(series)
        return cls(series[order], order, len(series) - 1 if last else None)


def vote(ballots: list[Ints], *, limit: int, n: int) -> Ints:
    """The places that win one side: lowest sum of ranks first, at most `limit`.

    A ballot that comes later and names a new place ranks it n behind those of the ballot before.
    """
    score: dict[int, int] = {}
    for number, ballot in enumerate(ballots):
        for rank, place in enumerate(ballot.tolist()):
            score[place] = score[place] + rank if place in score else rank + number * n
    return np.asarray(sorted(score, key=score.__getitem__)[:limit], dtype=np.int64)


def find_outliers(main: Sorted, remainder: Sorted | None, *, ratio: float, alpha: float) -> Bools:
    """(n,) -> (n,) which points stand out in `main` (ESD and z-score) or in `remainder` (ESD).

    At most ceil(n * ratio) on either side; alpha is the significance of the ESD test.
    """
    n = len(main.values)
    limit = min(max(math.ceil(n * ratio), 1), n // 2 - 1)
    found = np.zeros(n, dtype=np.bool_)
    for upper in (True, False):
        ballots = [esd(main, upper=upper, limit=limit, alpha=alpha), far_away(main, upper=upper, limit=limit)]
        if remainder is not None:
            ballots.append(esd(remainder, upper=upper, limit=limit, alpha=alpha))
        found[vote(ballots, limit=limit, n=n)] = True
    return found


def majority(values: Floats) -> float | None:
    """The value that at least half of the sorted values have, unless it is the lowest or the highest of them."""
    if not np.isclose(median_deviation(values)[1], 0):
        return None
    middle = values[(len(values) - 1) // 2]
    if np.isclose(middle, values[0]) or np.isclose(middle, values[-1]):
        return None
    return float(middle)


def far_away(series: Sorted, *, upper: bool, limit: int) -> Ints:
    """Places, most extreme first, of the `limit` outermost values more than 3 sigma from the median."""
    centre, sigma = median_deviation(series.values)
    if sigma == 0:
        centre, sigma = float(series.values.mean()), float(series.values.std())
    step = -1 if upper else 1
    values = series.values[::step][:limit]
    if sigma == 0:
        return np.empty(0, np.int64)
    return series.places[::step][:limit][np.abs(values - centre) / sigma > FAR]


def esd(series: Sorted, *, upper: bool, limit: int, alpha: float) -> Ints:
    """Places, most extreme first, that the one-sided generalised ESD test rejects on this side."""
    step = -1 if upper else 1
    values, places = series.values[::step], series.places[::step]
    common = majority(series.values)
    if common is not None:
        stop = int(np.flatnonzero(np.abs(values - common) < ZERO)[-1]) + 1
        values, places = values[:stop], places[:stop]
    start = 0
    if series.last is not None:
        position = np.flatnonzero(places == series.last)
        if not len(position):
            return np.empty(0, np.int64)
        start = int(position[0])
    if start >= limit:
        return np.empty(0, np.int64)
    rejected = _rejected(values if not upper else -values, limit, alpha)[start:]
    if not rejected.any():
        return np.empty(0, np.int64)
    # For the last point the first rejection at or beyond its rank is enough; otherwise the outermost one counts.
    step = int(np.argmax(rejected)) if series.last is not None else int(np.flatnonzero(rejected)[-1])
    return places[: start + step + 1]


def _rejected(values: Floats, limit: int, alpha: float) -> Bools:
    """(n,) ascending, the low side is tested -> (limit,): is value k an outlier among values k, k + 1, ...?"""
    single = in_single(values)
    limits = critical_values(len(values), limit, alpha)
    middle, spread = medians(single, limit)
    mean, deviation = means(single, limit)
    tested = single[:limit]
    by_median = (middle - tested) / np.maximum(spread, ZERO) > limits
    return np.asarray(by_median | ((mean - tested) / np.maximum(deviation, ZERO) > limits))


@lru_cache(maxsize=64)
def critical_values(n: int, limit: int, alpha: float) -> Floats:
    """(limit,) one-sided critical values of Rosner's test for n values, k = 1 .. limit."""
    left = n - np.arange(1.0, limit + 1)
    t = special.stdtrit(left - 1, 1 - alpha / (left + 1))
    return np.asarray(t * left / np.sqrt((left - 1 + t**2) * (left + 1)))


def means(values: Floats, limit: int) -> tuple[Floats, Floats]:
    """(n,) -> mean and standard deviation of values[k:] for k < limit, each (limit,)."""
    n = len(values)
    shift = values[n // 2]
    count = n - np.arange(limit)
    centred = values - shift
    first = np.cumsum(centred[::-1])[::-1][:limit] / count
    second = np.cumsum((centred**2)[::-1])[::-1][:limit] / count
    return first + shift, np.sqrt(np.maximum(second - first**2, 0.0))


def medians(values: Floats, limit: int) -> tuple[Floats, Floats]:
    """(n,) ascending -> median and scaled MAD of values[k:] for k < limit, each (limit,)."""
    n = len(values)
    k = np.arange(limit)
    count = n - k
    half = k + count // 2
    odd = count % 2 == 1
    middle = np.where(odd, values[half], (values[half - 1] + values[half]) / 2)
    need = (count + 1) // 2
    taken = _nearest(values, middle, k, half, need)
    below = _distance(values, middle, half - taken, k, n)
    above = _distance(values, middle, half + need - taken - 1, half, n)
    inner = np.maximum(np.where(taken > 0, below, 0.0), np.where(need > taken, above, 0.0))
    next_below = np.where(half - taken - 1 >= k, _distance(values, middle, half - taken - 1, k, n), np.inf)
    next_above = np.where(half + need - taken < n, _distance(values, middle, half + need - taken, half, n), np.inf)
    spread = np.where(odd, inner, (inner + np.minimum(next_below, next_above)) / 2)
    return middle, spread / MAD_TO_SIGMA


def _distance(values: Floats, middle: Floats, place: Ints, low: Ints, n: int) -> Floats:
    return np.asarray(np.abs(values[np.clip(place, low, n - 1)] - middle))


def _nearest(values: Floats, middle: Floats, k: Ints, half: Ints, need: Ints) -> Ints:
    """How many of the `need` values nearest to the median lie below it: binary search, all k at once."""
    n = len(values)
    low, high = np.zeros_like(k), np.minimum(half - k, need)
    low = np.maximum(low, need - (n - half))
    while (low < high).any():
        taken = (low + high) // 2
        # One more from below belongs in if it is nearer than the outermost one taken from above.
        below = _distance(values, middle, half - taken - 1, k, n)
        above = _distance(values, middle, half + need - taken - 1, half, n)
        more = (below < above) & (low < high)
        low = np.where(more, taken + 1, low)
        high = np.where(more, high, np.where(low < high, taken, high))
    return np.asarray(low)
