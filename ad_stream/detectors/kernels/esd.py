"""The generalised ESD test (Rosner, Technometrics 25 (1983), 165-172) with median and median absolute deviation in place of mean
and standard deviation (Hochenbaum, Vallis, Kejariwal 2017, arXiv 1704.07706)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import t as student

from ad_stream.detectors.kernels.residuals import SMALLEST

if TYPE_CHECKING:
    from ad_stream.model import Floats

SIGMA = 1.4826
"""Of a normal distribution, in units of its median absolute deviation."""


def critical(length: int, most: int, alpha: float, *, one_tail: bool) -> Floats:
    """(most,): Rosner's lambda_i for i = 1 .. most, no unit."""
    left = length - np.arange(1, most + 1)
    tail = alpha / (left + 1) / (1 if one_tail else 2)
    quantile = student.ppf(1 - tail, left - 1)
    return np.asarray(left * quantile / np.sqrt((left - 1 + quantile**2) * (left + 1)))


def removals(ranked: list[float], direction: str) -> Iterator[tuple[int, float]]:
    """Values in ascending order -> the place of the most extreme of what is left and its statistic, one after the other.

    direction: both, up or down. What is left is one stretch, and the most extreme value stands at one of its ends.
    """
    low, high = 0, len(ranked)
    while low < high:
        middle, deviation = centre(ranked, low, high)
        up, down = ranked[high - 1] - middle, middle - ranked[low]
        take_high = direction == "up" or (direction == "both" and up >= down)
        yield (high - 1 if take_high else low), (up if take_high else down) / max(SIGMA * deviation, SMALLEST)
        low, high = (low, high - 1) if take_high else (low + 1, high)


def centre(ranked: list[float], low: int, high: int) -> tuple[float, float]:
    """Median and median absolute deviation of ranked[low:high], ascending, in O(log n).

    The deviations of the lower half, read downwards, and those of the upper half ascend: the median of two such lists is
    found by halving (Knuth, The Art of Computer Programming 3, 5.2.4).
    """
    count = high - low
    middle = (ranked[low + (count - 1) // 2] + ranked[low + count // 2]) / 2
    split = low + count // 2
    wanted = (count + 1) // 2
    below, above = max(0, wanted - (high - split)), min(split - low, wanted)
    while below < above:
        taken = (below + above) // 2
        if middle - ranked[split - 1 - taken] < ranked[split + wanted - taken - 1] - middle:
            below = taken + 1
        else:
            above = taken
    upper = split + wanted - below
    largest = max(
        middle - ranked[split - below] if below else -1.0, ranked[upper - 1] - middle if upper > split else -1.0
    )
    if count % 2:
        return middle, largest
    beyond = [middle - ranked[split - 1 - below]] if below < split - low else []
    beyond += [ranked[upper] - middle] if upper < high else []
    return middle, (largest + min(beyond)) / 2
