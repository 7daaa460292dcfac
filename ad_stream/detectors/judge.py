"""A dense matrix (series, minutes) to verdicts on chosen cells, each from its own past only.

Stream, backfill and laptop all call `judge`, so their rows are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.rule import BLOCK_BYTES, chunks
from ad_stream.model import LastPoint, Windows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ad_stream.detectors.base import Detector
    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]
    Times = NDArray[np.datetime64]

PADDED_BYTES = 64 * 2**20
"""Series are padded in groups of about this size; beside the answer it bounds the extra memory."""


def judge(
    matrix: Floats, judged: Bools, detector: Detector, *, ends: Times | None = None
) -> tuple[Ints, Ints, LastPoint]:
    """Verdicts on the cells where `judged` is true.

    matrix (series, time) float64, NaN = empty minute; judged (series, time); ends (time,) datetime64 of the columns
    or None. -> row numbers (k,), column numbers (k,), LastPoint of k verdicts, ordered by row, then column.
    Raises ValueError where the shapes differ.
    """
    if matrix.ndim != 2 or matrix.shape != judged.shape:
        raise ValueError(f"matrix and judged must have one shape (series, time), got {matrix.shape} and {judged.shape}")
    rows, columns = np.nonzero(judged)
    parts = [
        detector.detect_last(Windows(values, end=None if ends is None else ends[columns[cells]]))
        for cells, values in _windows(matrix, rows, columns, detector.points)
    ]
    return rows, columns, _join(parts, detector)


def _windows(matrix: Floats, rows: Ints, columns: Ints, points: int) -> Iterator[tuple[slice, Floats]]:
    """Yields (which cells, their windows (k, points)) in order, NaN where a window starts before the matrix."""
    width = points + (int(columns.max() - columns.min()) if len(columns) else 0)
    for series in chunks(len(matrix), width, size=PADDED_BYTES):
        first, last = np.searchsorted(rows, [series.start, series.stop])
        if first == last:
            continue
        low, high = int(columns[first:last].min()), int(columns[first:last].max())
        view = np.lib.stride_tricks.sliding_window_view(_padded(matrix[series], low - points + 1, high), points, axis=1)
        for piece in chunks(int(last - first), points, size=BLOCK_BYTES):
            cells = slice(int(first) + piece.start, int(first) + piece.stop)
            yield cells, view[rows[cells] - series.start, columns[cells] - low]


def _padded(matrix: Floats, start: int, stop: int) -> Floats:
    """The columns start..stop of the matrix, NaN where start is negative."""
    known = matrix[:, max(0, start) : stop + 1]
    if start >= 0:
        return known
    return np.concatenate([np.full((len(matrix), -start), np.nan), known], axis=1)


def _join(parts: list[LastPoint], detector: Detector) -> LastPoint:
    if not parts:
        return detector.detect_last(Windows(np.empty((0, detector.points))))
    return LastPoint(**{key: np.concatenate([getattr(part, key) for part in parts]) for key in LastPoint.columns()})
