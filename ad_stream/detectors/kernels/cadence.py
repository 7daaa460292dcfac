"""Each series on its own cadence: the readings of a device that reports every seven minutes stand seven columns apart.

Filled in, such a history would be one seventh readings and the rest lines between them, and what is judged would be the
filling (of readings every 5 minutes 46 % were flagged). So the readings of a slow series move together, one column a
reading; a reading that was missed stays one empty column, and `max_gap`, `min_points` and `points` count readings.

    cadence  c = mean of those of the last RECENT distances that lie within half and one and a half of their median
    column   of the reading before one at distance d: max(1, round(d / c)) columns further back

Distances are counted from reading to reading, so jitter does not add up, and what a device sent before its cadence
changed stays one column a reading. Only the readings themselves are looked at: the same give the same bits anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ad_stream.model import OwnCadence

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]

RECENT = 24
SLOW = 1.25
"""Columns from reading to reading from which on a series is not read column by column."""
LOOK = 64
"""Columns at the end that tell a series with holes from a slow one without looking at all of it."""


def on_own_cadence(values: Floats) -> tuple[Floats, Floats]:
    """(m, n) with NaN where nothing was read -> the same shape with slow rows moved together, cadence (m,) in columns.

    Rows that are not slow are handed on as they are, with the cadence 1; so are those without a last value.
    """
    cadence = np.ones(len(values))
    near = ~np.isnan(values[:, -LOOK:])
    maybe = np.flatnonzero(near[:, -1] & (near.sum(axis=1) * SLOW < near.shape[1]))
    if not len(maybe):
        return values, cadence
    rows, columns = np.nonzero(~np.isnan(values[maybe]))
    together, own = moved_together(
        rows, columns, values[maybe[rows], columns], np.ones(len(maybe), dtype=np.bool_), values.shape[1]
    )
    slow = np.flatnonzero(own.cadence > 1)
    if not len(slow):
        return values, cadence
    cadence[maybe[slow]] = own.cadence[slow]
    moved = values.copy()
    moved[maybe[slow]] = together[slow]
    return moved, cadence


def moved_together(
    rows: Ints, steps: Ints, values: Floats, maybe: Bools, width: int
) -> tuple[Floats, OwnCadence]:  # fmt: skip
    """Readings (k,) sorted by row and step, each row's last one the judged -> (m, width) with them in columns, NaN elsewhere.

    maybe (m,): rows that may be slow; all others, and those that turn out not to be, keep their steps as columns.
    """
    distance, last = _distances(rows, steps)
    cadence = np.where(maybe, _if_slow(_cadence(rows, distance, last, len(maybe))), 1.0)
    back = _columns_back(rows, distance, last, cadence)
    seen = back < width
    rows, column = rows[seen], width - 1 - back[seen]
    together, behind = np.full((len(maybe), width), np.nan), np.full((len(maybe), width), -1, dtype=np.int64)
    together[rows, column] = values[seen]
    behind[rows, column] = (steps[last][rows] - steps[seen]) if len(rows) else 0
    return together, OwnCadence(cadence, behind)


def cadence_of(rows: Ints, steps: Ints, count: int) -> Floats:
    """Readings (k,) sorted by row and step -> (count,): windows from reading to reading, 1 of rows that are not slow."""
    return _if_slow(_cadence(rows, *_distances(rows, steps), count))


def _if_slow(cadence: Floats) -> Floats:
    return np.where(cadence >= SLOW, cadence, 1.0)


def _distances(rows: Ints, columns: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Readings (k,) sorted by row and column -> distance to the next reading (0 for the last), whether it is the last."""
    last = np.append(rows[1:] != rows[:-1], True)
    distance = np.append(columns[1:] - columns[:-1], 0)
    return np.where(last, 0, distance), last


def _cadence(rows: Ints, distance: Ints, last: NDArray[np.bool_], count: int) -> Floats:
    """(count,): 1 where a row has fewer than two distances."""
    ends = np.flatnonzero(last)
    place = ends[np.searchsorted(rows[ends], rows)] - np.arange(len(rows))  # readings after this one
    recent = (place >= 1) & (place <= RECENT)
    table = np.full((count, RECENT), np.nan)
    table[rows[recent], place[recent] - 1] = distance[recent]
    known = (~np.isnan(table)).sum(axis=1) >= 2
    out = np.ones(count)
    if known.any():
        table = table[known]
        median = np.nanmedian(table, axis=1, keepdims=True)
        usual = (table >= median / 2) & (table <= median * 1.5)
        out[known] = np.where(usual, table, 0.0).sum(axis=1) / np.maximum(usual.sum(axis=1), 1)
    return np.asarray(np.maximum(out, 1.0))


def _columns_back(rows: Ints, distance: Ints, last: NDArray[np.bool_], cadence: Floats) -> Ints:
    """(k,): how many columns before the last one each reading stands."""
    steps = np.where(last, 0, np.maximum(1, np.rint(distance / cadence[rows]))).astype(np.int64)
    total = np.cumsum(steps[::-1])[::-1]  # to the end of all rows
    ends = np.flatnonzero(last)
    after = np.append(total[1:], 0)[ends]  # what the rows behind add
    return np.asarray(total - after[np.searchsorted(rows[ends], rows)])
