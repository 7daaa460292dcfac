"""Values for the points of the grid that are missing; one function per imputeMode.

`auto` fills only where there is a season: short gaps by a cubic spline (by a line where the spline leaves the range
of steadily rising or falling neighbours), long ones by the weighted mean of the same phase in up to three cycles on
either side, the rest by lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.interpolate import make_interp_spline

from ad_stream.detectors.azure.arrays import bridge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]

LONGEST_GRID = 17280
LONGEST_SPLINE = 6
CYCLES = 3
WEIGHTS = np.array([0.1, 0.3, 0.6, 0.6, 0.3, 0.1])


@dataclass(frozen=True)
class Sparse:
    """A series on its grid: values (n,) at the places index (n,), index[0] = 0, ascending."""

    values: Floats
    index: Ints

    @property
    def length(self) -> int:
        """Points of the grid from the first to the last."""
        return int(self.index[-1]) + 1

    @property
    def missing_ratio(self) -> float:
        """The share of the grid that is missing."""
        return 1 - len(self.index) / self.length

    @property
    def has_gaps(self) -> bool:
        """Is there something to fill? A grid beyond LONGEST_GRID is left as it is."""
        return len(self.index) < self.length <= LONGEST_GRID

    def present(self) -> Bools:
        """(length,) where the grid has a value."""
        there = np.zeros(self.length, dtype=np.bool_)
        there[self.index] = True
        return there


def fill(series: Sparse, *, mode: str, value: float | None, period: int) -> Floats | None:
    """-> (length,) without gaps; None where the mode, or the lack of a gap, leaves the series as it is.

    mode is an imputeMode; value fills the gaps in the modes fixed and zero; period guides the mode auto.
    """
    if not series.has_gaps or mode == "notFill":
        return None
    if mode == "auto":
        return _by_season(series, period)
    there = series.present()
    if mode == "previous":
        return np.asarray(series.values[np.cumsum(there) - 1])
    full = np.full(series.length, np.nan if value is None else value)
    full[series.index] = series.values
    return bridge(full, ~there) if mode == "linear" else full


def gaps(there: Bools) -> list[tuple[int, int]]:
    """(first, behind the last) of each run of missing points."""
    edges = np.flatnonzero(np.diff(np.concatenate([[True], there, [True]]).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _by_season(series: Sparse, period: int) -> Floats:
    there = series.present()
    full = np.asarray(make_interp_spline(series.index, series.values, k=3)(np.arange(series.length)))
    full[series.index] = series.values
    known = there.copy()
    for first, stop in gaps(there):
        if stop - first > LONGEST_SPLINE or stop - first > period / 4:
            continue
        _keep_steady(full, there, first, stop)
        known[first:stop] = True
    full = np.clip(full, series.values.min(), series.values.max())
    full[~known] = np.nan
    for first, stop in gaps(known):
        for place in range(first, stop):
            full[place] = _by_phase(full, known, place, period)
    return bridge(full, np.isnan(full))


def _keep_steady(full: Floats, there: Bools, first: int, stop: int) -> None:
    """A line instead of a spline that leaves the range of neighbours which only rise or only fall."""
    around = [k for k in (first - 2, first - 1, stop, stop + 1) if 0 < k < len(full) and there[k]]
    steps = np.diff(full[around])
    if len(around) < 3 or not ((steps >= 0).all() or (steps <= 0).all()):
        return
    low, high = sorted((full[around[0]], full[around[-1]]))
    part = full[first:stop]
    if (part < low).any() or (part > high).any():
        full[first:stop] = np.linspace(full[first - 1], full[stop], stop - first + 2)[1:-1]


def _by_phase(full: Floats, known: Bools, place: int, period: int) -> float:
    """Weighted mean of the known points of the same phase around `place`, nearer ones weigh more; NaN if none."""
    before = _cycles(full, known, place, -period)[::-1]
    after = _cycles(full, known, place, period)
    weights = WEIGHTS[CYCLES - len(before) : CYCLES + len(after)]
    values = before + after
    return float(np.average(values, weights=weights)) if values else float("nan")


def _cycles(full: Floats, known: Bools, place: int, step: int) -> list[float]:
    """The known ones among the next three points of the phase; the cycles inside one gap count as one."""
    found: list[float] = []
    k = place + step
    for _ in range(CYCLES):
        if not 0 <= k < len(full):
            break
        if known[k]:
            found.append(float(full[k]))
        else:
            k += _skip(known, k, step)
        k += step
    return found


def _skip(known: Bools, place: int, step: int) -> int:
    """How far to go on, in whole periods, to stand on the last point of the phase inside this gap."""
    period = abs(step)
    if step > 0:
        missing_ahead = int(np.argmax(known[place:]))
        return (missing_ahead - 1) // period * period
    missing_behind = int(np.argmax(known[place::-1])) - 1
    return -(missing_behind // period) * period
