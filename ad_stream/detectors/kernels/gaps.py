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
    rows = values
    if len(holed):
        rows = values.copy()
        rows[holed], start[holed], imputed[holed], state[holed] = _fill_holes(
            values[holed], present[holed], max_gap=max_gap
        )
    few = (state == READY) & (length - start - imputed < min_points)
    state[few] = FEW_POINTS
    if few.any():
        state[few & _any_before(present, start)] = LONG_GAP
    return Dense(rows, start, imputed, state)


def _any_before(present: Bools, start: Ints) -> Bools:
    """(m, n), (m,) -> (m,): was there a value before the usable part, so that a gap cut it off?"""
    before: Bools = np.arange(present.shape[1]) < start[:, None]
    return np.asarray(np.any(present & before, axis=1))


def _fill_holes(values: Floats, present: Bools, *, max_gap: int) -> tuple[Floats, Ints, Ints, Ints]:
    """(m, n) with at least one hole each -> rows, start, imputed, state of `Dense`."""
    length = values.shape[1]
    column = np.arange(length)
    before = np.maximum.accumulate(np.where(present, column, -1), axis=1)
    after = np.minimum.accumulate(np.where(present, column, length)[:, ::-1], axis=1)[:, ::-1]
    inner = ~present & (before >= 0) & (after < length)
    long = inner & (after - before - 1 > max_gap)
    start = np.max(np.where(long, after, after[:, :1]), axis=1)
    usable = column >= start[:, None]
    left = np.take_along_axis(values, np.maximum(before, 0), axis=1)
    right = np.take_along_axis(values, np.minimum(after, length - 1), axis=1)
    weight = np.where(after == length - 1, 0.0, (column - before) / np.maximum(after - before, 1))
    holes = inner & usable
    rows = values.copy()
    rows[holes] = left[holes] * (1 - weight[holes]) + right[holes] * weight[holes]
    last = values[:, -1]
    state = np.where(np.isnan(last), NO_VALUE, np.where(np.isinf(last), NOT_FINITE, READY))
    return rows, start, holes.sum(axis=1), state
