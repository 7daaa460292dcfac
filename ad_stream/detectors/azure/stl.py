"""Seasonal-trend decomposition by loess, robust, with an all but constant season (R's `s.window = "periodic"`).

Cleveland, Cleveland, McRae, Terpenning: "STL: A Seasonal-Trend Decomposition Procedure Based on Loess", Journal of
Official Statistics 6 (1990), 3-73, with the defaults of R's `stl(robust = TRUE)`: one inner pass, fifteen robust
ones, trend window nextodd(1.5 p / (1 - 1.5 / s)), loess evaluated at every tenth of its window. All windows of a
pass are one matrix; the season is a weighted mean over the cycles, four matrix products a pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.azure.arrays import phase_places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats

    Ints = NDArray[np.int64]

ROBUST_PASSES = 15
JUMP = 10


@dataclass(frozen=True)
class Loess:
    """Local straight lines with tricube weights on n evenly spaced points, evaluated at some, joined by lines.

    at       (k,) where lines are fitted, points from 0
    first    (k,) where each window begins; columns (k, w) are the window's points
    weights  (k, w) tricube weights; offset (k, w) distance of each point from the window's first
    """

    n: int
    at: Ints
    first: Ints
    columns: Ints
    weights: Floats
    offset: Floats

    def smooth(self, values: Floats, robustness: Floats | None) -> Floats:
        """(n,), weights (n,) or None -> (n,)."""
        window = values[self.columns]
        weights = self.weights if robustness is None else self.weights * robustness[self.columns]
        total = weights.sum(axis=1)
        empty = total <= 0
        weights = weights / np.where(empty, 1.0, total)[:, None]
        centre = (weights * self.offset).sum(axis=1)
        away = self.offset - centre[:, None]
        spread = (weights * away * away).sum(axis=1)
        tilt = (self.at - self.first - centre) / np.where(spread > 0, spread, 1.0)
        tilt[np.sqrt(spread) <= 0.001 * (self.n - 1)] = 0.0
        fitted = (weights * (1 + tilt[:, None] * away) * window).sum(axis=1)
        fitted[empty] = values[self.at[empty]]
        return np.asarray(np.interp(np.arange(self.n), self.at, fitted))


@lru_cache(maxsize=8)
def loess(n: int, width: int) -> Loess:
    """The windows of a loess of `width` (odd) neighbours; beyond n points, the window is all of them."""
    jump = min(math.ceil(width / JUMP), n - 1)
    at = np.arange(0, n, jump)
    half = (width + 1) // 2
    size = min(width, n)
    first = np.clip(at - half + 1, 0, n - size)
    if at[-1] != n - 1:
        # The last point is fitted from the window of the evaluated point before it, as in the Fortran original.
        at, first = np.append(at, n - 1), np.append(first, first[-1])
    columns = first[:, None] + np.arange(size)
    reach = np.maximum(at - first, first + size - 1 - at) + max(width - n, 0) // 2
    return Loess(
        n=n,
        at=at,
        first=first,
        columns=columns,
        weights=tricube(np.abs(columns - at[:, None]) / reach[:, None]),
        offset=np.broadcast_to(np.arange(size, dtype=np.float64), columns.shape),
    )


def tricube(distance: Floats) -> Floats:
    """(1 - d**3)**3, exactly 1 and 0 near the ends of 0..1, as the Fortran original has it."""
    weight = (1 - np.minimum(distance, 1.0) ** 3) ** 3
    return np.asarray(np.where(distance <= 0.001, 1.0, np.where(distance > 0.999, 0.0, weight)))


def decompose(values: Floats, period: int) -> tuple[Floats, Floats]:
    """(n,), n > 2 * period >= 4 -> season (n,), trend (n,); unit of the values."""
    n = len(values)
    season_width = 10 * n + 1
    width = math.ceil(1.5 * period / (1 - 1.5 / season_width))
    trend_loess = loess(n, max(3, width + 1 - width % 2))
    low_loess = loess(n, max(3, period + 1 - period % 2))
    season, trend = np.zeros(n), np.zeros(n)
    robustness: Floats | None = None
    for _ in range(1 + ROBUST_PASSES):
        cycles = smooth_phases(values - trend, period, robustness)
        low = low_loess.smooth(low_pass(cycles, period), None)
        season = cycles[period : period + n] - low
        trend = trend_loess.smooth(values - season, robustness)
        robustness = bisquare(values - (trend + season))
    return season, trend


def bisquare(residual: Floats) -> Floats:
    """Robustness weights: 1 at 0, falling to 0 at six times the median absolute residual."""
    size = np.abs(residual)
    limit = 6 * np.median(size)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        weight = (1 - (size / limit) ** 2) ** 2
    return np.asarray(np.where(size <= 0.001 * limit, 1.0, np.where(size > 0.999 * limit, 0.0, weight)))


def low_pass(cycles: Floats, period: int) -> Floats:
    """(n + 2 period,) -> (n,): moving averages over a period, a period, and three points."""
    for width in (period, period, 3):
        total = np.concatenate([[0.0], np.cumsum(cycles)])
        cycles = (total[width:] - total[:-width]) / width
    return cycles


def smooth_phases(values: Floats, period: int, robustness: Floats | None) -> Floats:
    """(n,) -> (n + 2 period,): each phase's level over the cycles, and one cycle beyond either end.

    The window of the season is ten times the series, so the weights hardly fall: four weighted means (before the
    first cycle, at it, at the last, behind it) and a line between the inner two.
    """
    n = len(values)
    answer = np.zeros(-(-n // period) * period + 2 * period)
    for places in phase_places(n, period):
        table = values[places]
        weights = np.ones_like(table) if robustness is None else robustness[places]
        level = _levels(table, weights, n)
        between = np.linspace(0.0, 1.0, len(places))[:, None]
        rows = np.concatenate([level[:1], level[1] + (level[2] - level[1]) * between, level[3:]])
        answer[places[0] + period * np.arange(len(places) + 2)[:, None]] = rows
    return answer[: n + 2 * period]


def _levels(table: Floats, weights: Floats, n: int) -> Floats:
    """(cycles, phases) -> (4, phases): weighted means as seen from cycle -1, 0, last and last + 1."""
    kernel = _season_weights(len(table), 10 * n + 1)
    total = kernel @ weights
    with np.errstate(invalid="ignore", divide="ignore"):
        level = (kernel @ (weights * table)) / total
    empty = total <= 0
    if empty.any():
        level[1], level[2] = np.where(empty[1], table[0], level[1]), np.where(empty[2], table[-1], level[2])
        level[0], level[3] = np.where(empty[0], level[1], level[0]), np.where(empty[3], level[2], level[3])
    return np.asarray(level)


@lru_cache(maxsize=32)
def _season_weights(cycles: int, width: int) -> Floats:
    """(4, cycles) tricube weights around cycle -1, 0, last, last + 1 in a window of `width` cycles."""
    at = np.array([-1, 0, cycles - 1, cycles])[:, None]
    place = np.arange(cycles)
    reach = np.maximum(at, cycles - 1 - at) + (width - cycles) // 2
    return tricube(np.abs(place - at) / reach)
