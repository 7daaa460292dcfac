"""From windows with empty minutes to dense rows of equal length, which is all the detectors see.

Rules: a gap that touches the judged minute is filled with the value before it, because a
line drawn to the judged value would hide a spike; other gaps are filled linearly up to `max_gap`; a longer gap
restarts the window. Values of the history that are not finite count as empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]

READY, FEW_POINTS, LONG_GAP, NO_VALUE, NOT_FINITE = range(5)


@dataclass(frozen=True)
class Dense:
    """Windows without holes: row i is usable from column start[i] on.

    rows    (m, n) the filled values, unit of the input
    start   (m,) first usable column; n where nothing is usable
    imputed (m,) how many of the usable values were filled in
    state   (m,) READY, FEW_POINTS, LONG_GAP, NO_VALUE or NOT_FINITE
    """

    rows: Floats
    start: Ints
    imputed: Ints
    state: Ints

    def groups(self) -> Iterator[tuple[Ints, Floats]]:
        """Yields (row numbers (g,), rows (g, length)) for each usable length among the READY rows."""
        ready = np.flatnonzero(self.state == READY)
        starts = self.start[ready]
        for start in np.unique(starts):
            chosen = ready[starts == start]
            whole = start == 0 and len(chosen) == len(self.rows)
            yield chosen, self.rows if whole else np.ascontiguousarray(self.rows[chosen, start:])


def fill(values: Floats, *, max_gap: int, min_points: int) -> Dense:
    """(m, n) with NaN -> Dense; `min_points` counts the values that were there, not the filled ones."""
    count, length = values.shape
    start = np.zeros(count, dtype=np.int64)
    imputed = np.zeros(count, dtype=np.int64)
    state = np.full(count, READY, dtype=np.int64)
    present = np.isfinite(values)
    holed = np.flatnonzero(~present.all(axis=1))
    start[holed] = present[holed].argmax(axis=1)
    # Most of them only begin late, as a new series does: there is nothing to fill.
    holed = holed[start[holed] + present[holed].sum(axis=1) < length]
    rows = values
    if len(holed):
        rows = values.copy()
        rows[holed], start[holed], imputed[holed], state[holed] = _fill_holes(
            values[holed], present[holed], max_gap=max_gap
        )
    few = np.flatnonzero((state == READY) & (length - start - imputed < min_points))
    state[few] = np.where(_any_before(present[few], start[few]), LONG_GAP, FEW_POINTS)
    return Dense(rows, start, imputed, state)


def _any_before(present: Bools, start: Ints) -> Bools:
    """(m, n), (m,) -> (m,): was there a value before the usable part, so that a gap cut it off?"""
    before: Bools = np.arange(present.shape[1]) < start[:, None]
    return np.asarray(np.any(present & before, axis=1))


def _fill_holes(values: Floats, present: Bools, *, max_gap: int) -> tuple[Floats, Ints, Ints, Ints]:
    """(m, n) with at least one hole each, which are filled in them -> rows, start, imputed, state of `Dense`.

    Hole by hole and not column by column: they are few, and a pass over all columns costs as much as a verdict.
    """
    row, first, after = _holes(present)
    length = values.shape[1]
    inner = (first > 0) & (after < length)
    start = np.zeros(len(values), dtype=np.int64)
    cuts = (first == 0) | (inner & (after - first > max_gap))
    np.maximum.at(start, row[cuts], after[cuts])
    filled = inner & (first >= start[row])
    row, first, after = row[filled], first[filled], after[filled]
    width = after - first
    hole = np.repeat(np.arange(len(row)), width)
    column = np.arange(len(hole)) - np.repeat(np.cumsum(width) - width, width) + first[hole]
    weight = (column - first[hole] + 1) / (width[hole] + 1)
    weight[after[hole] == length - 1] = 0.0
    left, right = values[row, first - 1][hole], values[row, after][hole]
    values[row[hole], column] = left * (1 - weight) + right * weight
    last = values[:, -1]
    state = np.where(np.isnan(last), NO_VALUE, np.where(np.isinf(last), NOT_FINITE, READY))
    return values, start, np.bincount(row, weights=width, minlength=len(values)).astype(np.int64), state


def _holes(present: Bools) -> tuple[Ints, Ints, Ints]:
    """(m, n) -> of each run of absent values its row, its first column and the column after it, ordered by row."""
    edges = np.zeros((len(present), present.shape[1] + 1), dtype=np.int8)
    np.subtract(present[:, :-1], present[:, 1:], out=edges[:, 1:-1], dtype=np.int8)
    edges[:, 0], edges[:, -1] = ~present[:, 0], present[:, -1].astype(np.int8) - 1
    row, first = np.nonzero(edges == 1)
    return row, first, np.nonzero(edges == -1)[1]
