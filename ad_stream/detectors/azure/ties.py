"""Ascending order where equal values stand as a median-of-three quicksort leaves them.

Which of several equal values is taken first decides flags where the largest number of anomalies cuts through them,
and the recorded answers of the service depend on it: a stable order fails one of them. numpy promises no order of
equals and has a different one on each kind of processor, so the plain algorithm is written out (Sedgewick,
"Implementing Quicksort programs", CACM 21 (1978): median of three, ranges of up to 16 by insertion).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats

SMALL = 15


def quicksort_order(values: Floats) -> NDArray[np.int64]:
    """(n,) -> (n,) places in ascending order of their values; the plain sort does where no two are equal."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    if (ordered[1:] > ordered[:-1]).all():
        return order
    keys = values.tolist()
    places = list(range(len(keys)))
    ranges = [(0, len(keys) - 1)]
    while ranges:
        low, high = ranges.pop()
        if high - low <= SMALL:
            places[low : high + 1] = sorted(places[low : high + 1], key=keys.__getitem__)
        else:
            middle = _partition(keys, places, low, high)
            ranges += [(low, middle - 1), (middle + 1, high)]
    return np.asarray(places, dtype=np.int64)


def _partition(keys: list[float], places: list[int], low: int, high: int) -> int:
    """Moves smaller keys before, larger ones behind the median of the first, middle and last; -> where that ends up."""
    middle = low + (high - low) // 2
    for first, second in ((low, middle), (middle, high), (low, middle)):
        if keys[places[second]] < keys[places[first]]:
            places[first], places[second] = places[second], places[first]
    pivot = keys[places[middle]]
    places[middle], places[high - 1] = places[high - 1], places[middle]
    left, right = low, high - 1
    while True:
        left += 1
        while keys[places[left]] < pivot:
            left += 1
        right -= 1
        while pivot < keys[places[right]]:
            right -= 1
        if left >= right:
            break
        places[left], places[right] = places[right], places[left]
    places[left], places[high - 1] = places[high - 1], places[left]
    return left
