"""Windows of many series, in rows and packed arrays, laid out as matrices (series, time) that detectors slide over.

Plain numpy; windows are known by their steps (ad_stream.grid). Memory is bounded: a long catch-up is cut into
pieces that overlap by the window, and a hole that no window spans starts a new piece.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.grid import HOUR
from ad_stream.scoring.long_history import LongHistory, crowded, hours_of, seldom_read

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]

CELLS = 8_000_000
"""Most cells of one piece: 64 MB of values."""
TOGETHER = 64
"""Most windows that are laid into the matrix at once."""


@dataclass(frozen=True)
class Rows:
    """The windows to judge: parallel arrays (m,); `series` are the series' numbers, `ids` their 64-bit names."""

    ids: Ints
    steps: Ints
    values: Floats


@dataclass(frozen=True)
class Packed:
    """What was before: k packed windows, each with the ids (ascending) and values of its series; one may come twice."""

    steps: Ints
    ids: Sequence[Ints]
    values: Sequence[Floats]


def joined(some: Sequence[Packed]) -> Packed:
    """Several as one, in this order."""
    steps = np.concatenate([np.empty(0, dtype=np.int64), *[one.steps for one in some]])
    return Packed(steps, [ids for one in some for ids in one.ids], [values for one in some for values in one.values])


@dataclass(frozen=True)
class Piece:
    """A stretch of time of all series.

    series (s,) = their ids; matrix (s, t), NaN = empty window; judged (s, t); row_of (s, t) = which of Rows a judged cell is,
    else -1; first = step of column 0.
    """

    series: Ints
    matrix: Floats
    judged: Bools
    row_of: Ints
    first: int


def pieces(rows: Rows, past: Packed, points: int, *, cells: int = CELLS) -> Iterator[Piece]:
    """The pieces, of about `cells` cells, that together judge each of the rows once, with points - 1 windows before each."""
    series, codes = np.unique(rows.ids, return_inverse=True)
    for low, high in _spans(np.unique(rows.steps), points, max(points, cells // max(len(series), 1))):
        inside = np.flatnonzero((rows.steps >= low - points + 1) & (rows.steps <= high))
        first = low - points + 1
        matrix = np.full((len(series), high - first + 1), np.nan)
        scatter_past(matrix, series, past, first)
        matrix[codes[inside], rows.steps[inside] - first] = rows.values[inside]
        row_of = np.full(matrix.shape, -1, dtype=np.int64)
        mine = inside[rows.steps[inside] >= low]
        row_of[codes[mine], rows.steps[mine] - first] = mine
        yield Piece(series, matrix, row_of >= 0, row_of, first)


def history_of_seldom(piece: Piece, rows: Rows, past: Packed, reach: int, seconds: int) -> LongHistory | None:
    """What is known of those series of a piece that may be slow, so many windows back; None where there is none."""
    some = np.flatnonzero(seldom_read(piece.matrix, piece.judged))
    if not len(some):
        return None
    before = _before(piece, some, rows, past, reach)
    row, column = np.nonzero(~np.isnan(piece.matrix[some]))
    codes = np.concatenate([before.ids, some[row]])
    steps = np.concatenate([before.steps, column + piece.first])
    values = np.concatenate([before.values, piece.matrix[some[row], column]])
    order = np.lexsort((steps, codes))
    codes, steps = codes[order], steps[order]
    once = np.r_[True, (codes[1:] != codes[:-1]) | (steps[1:] != steps[:-1])]
    codes, steps, values = codes[once], steps[once], values[order][once]
    many = crowded(codes, hours_of(steps, seconds), HOUR / seconds)
    return LongHistory(codes, steps - piece.first, steps, values, many, reach)


def _before(piece: Piece, some: Ints, rows: Rows, past: Packed, reach: int) -> Rows:
    """What those series were read before the piece; ids: their rows in it."""
    packed = np.flatnonzero((past.steps >= piece.first - reach) & (past.steps < piece.first)).tolist()
    mine = np.flatnonzero((rows.steps >= piece.first - reach) & (rows.steps < piece.first))
    sizes = [len(past.ids[one]) for one in packed]
    ids = np.concatenate([rows.ids[mine], *[past.ids[one] for one in packed]])
    steps = np.concatenate([rows.steps[mine], np.repeat(past.steps[packed], sizes)])
    values = np.concatenate([rows.values[mine], *[past.values[one] for one in packed]])
    wanted = piece.series[some]
    at = np.minimum(np.searchsorted(wanted, ids), len(wanted) - 1)
    known = np.flatnonzero((wanted[at] == ids) & ~np.isnan(values))
    return Rows(some[at[known]], steps[known], values[known])


def _spans(steps: Ints, points: int, most: int) -> Iterator[tuple[int, int]]:
    """Runs of steps (ascending) that share windows of the detector, none longer than `most`."""
    if not len(steps):
        return
    for run in np.split(steps, np.flatnonzero(np.diff(steps) >= points) + 1):
        for low in range(int(run[0]), int(run[-1]) + 1, most):
            yield low, min(low + most - 1, int(run[-1]))


def scatter_past(matrix: Floats, series: Ints, past: Packed, first: int) -> None:
    """Put what was before into a matrix (series, time) of these series (ascending) that begins at the step `first`."""
    columns = past.steps - first
    inside = np.flatnonzero((columns >= 0) & (columns < matrix.shape[1])).tolist()
    for run in _runs(inside, columns, past.ids):
        ids = past.ids[run[0]]
        at = np.minimum(np.searchsorted(series, ids), len(series) - 1)
        known = np.flatnonzero(series[at] == ids)
        block = np.stack([past.values[one] for one in run])
        whole = len(known) == len(ids)
        matrix[at[known], columns[run[0]] : columns[run[-1]] + 1] = (block if whole else block[:, known]).T


def _runs(rows: Sequence[int], columns: Ints, ids: Sequence[Ints]) -> Iterator[list[int]]:
    """Rows of windows that follow each other and hold the same series: a steady fleet packs the same ids window after window.
    Short enough that one turned over stays in the processor's cache."""
    run: list[int] = []
    for row in rows:
        goes_on = run and len(run) < TOGETHER and columns[row] == columns[run[-1]] + 1
        if run and not (goes_on and (ids[row] is ids[run[-1]] or np.array_equal(ids[row], ids[run[-1]]))):
            yield run
            run = []
        run.append(row)
    if run:
        yield run
