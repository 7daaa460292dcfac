"""A dense matrix (series, time) to verdicts on chosen cells, each from its own past only.

Stream, backfill and laptop all call `judge`, so their rows are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.slow import FEWEST, SlowVerdict, judge_slowly
from ad_stream.detectors.window_detector import BLOCK_BYTES, chunks
from ad_stream.grid import DEFAULT
from ad_stream.model import LastPoint, Windows
from ad_stream.scoring.kinds import joined, judge_kinds
from ad_stream.scoring.long_history import windows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from numpy.typing import NDArray

    from ad_stream.detectors.base import Detector
    from ad_stream.model import Bools, Floats, OwnCadence
    from ad_stream.scoring.long_history import LongHistory

    Ints = NDArray[np.int64]
    Times = NDArray[np.datetime64]

PADDED_BYTES = 64 * 2**20
"""Series are padded in groups of about this size; beside the answer it bounds the extra memory."""


def judge(
    matrix: Floats,
    judged: Bools,
    detector: Detector,
    *,
    ends: Times | None = None,
    profiles: Floats | None = None,
    step: timedelta = DEFAULT,
) -> tuple[Ints, Ints, LastPoint]:
    """Verdicts on the cells where `judged` is true.

    matrix (series, time) float64, NaN = empty window; judged (series, time); ends (time,) or (series, time) datetime64 of the columns
    or None; profiles (series, k) as in `Windows`, or None; step: from one column to the next. -> row numbers (k,),
    column numbers (k,), LastPoint of k verdicts, ordered by row, then column.
    Raises ValueError where the shapes differ.
    """
    return judge_both(matrix, judged, detector, ends=ends, profiles=profiles, step=step, slow=False)[:3]


def judge_both(
    matrix: Floats,
    judged: Bools,
    detector: Detector,
    *,
    ends: Times | None = None,
    profiles: Floats | None = None,
    step: timedelta = DEFAULT,
    slow: bool = True,
    history: LongHistory | None = None,
) -> tuple[Ints, Ints, LastPoint, SlowVerdict | None]:
    """As `judge`, and the slow verdict on the same windows; None where it is not wanted or they are too short for it.

    history: of those series of the matrix that may be slow, what was before it included; their windows are made of it.
    """
    if matrix.ndim != 2 or matrix.shape != judged.shape:
        raise ValueError(f"matrix and judged must have one shape (series, time), got {matrix.shape} and {judged.shape}")
    rows, columns = np.nonzero(judged)
    parts: list[LastPoint] = []
    slowly: list[SlowVerdict] = []
    places: list[Ints] = []
    slow = slow and detector.points >= FEWEST
    for cells, values, own in _all_windows(matrix, rows, columns, detector, history):
        known = None if profiles is None else profiles[rows[cells]]
        end = None if ends is None else (ends[columns[cells]] if ends.ndim == 1 else ends[rows[cells], columns[cells]])
        windows = Windows(values, end=end, step=step, profiles=known, own=own)
        first, second = judge_kinds(windows, detector, slow=slow)
        parts.append(first)
        places.append(cells)
        if second is not None:
            slowly.append(second)
    if not parts:
        nothing = Windows(np.empty((0, detector.points)))
        return rows, columns, detector.detect_last(nothing), judge_slowly(nothing) if slow else None
    return rows, columns, joined(parts, places), joined(slowly, places) if slow else None


def _all_windows(
    matrix: Floats, rows: Ints, columns: Ints, detector: Detector, history: LongHistory | None
) -> Iterator[tuple[Ints, Floats, OwnCadence | None]]:
    """Yields (which cells (k,), their windows (k, points or less), how these were moved together)."""
    at = np.full(len(rows), -1, dtype=np.int64)
    if history is not None and getattr(detector, "takes_own_cadence", False):
        at = history.places(rows, columns)
    plain = np.flatnonzero(at < 0)
    for cells, values in _windows(matrix, rows[plain], columns[plain], detector.points):
        yield plain[cells], values, None
    seldom = np.flatnonzero(at >= 0)
    for piece in chunks(len(seldom), detector.points, size=BLOCK_BYTES):
        assert history is not None
        values, own = windows_of(history, at[seldom[piece]], detector.points)
        yield seldom[piece], values, own


def _windows(matrix: Floats, rows: Ints, columns: Ints, points: int) -> Iterator[tuple[Ints, Floats]]:
    """Yields (which cells (k,), their windows (k, points or less)), NaN where a window starts before the matrix.

    Column by column, all series of a group together: windows that are still growing share their length then, and a
    detector works on many of them at once; columns that are before the matrix for all of them are left out.
    """
    width = points + (int(columns.max() - columns.min()) if len(columns) else 0)
    for series in chunks(len(matrix), width, size=PADDED_BYTES):
        first, last = np.searchsorted(rows, [series.start, series.stop])
        if first == last:
            continue
        cells = first + np.argsort(columns[first:last], kind="stable")
        start, high = int(columns[cells[0]]) - points + 1, int(columns[cells[-1]])
        padded = _padded(matrix[series], start, high)
        for piece in chunks(len(cells), points, size=BLOCK_BYTES):
            chosen = cells[piece]
            length = min(points, int(columns[chosen[-1]]) + 1)
            view = np.lib.stride_tricks.sliding_window_view(padded, length, axis=1)
            yield chosen, view[rows[chosen] - series.start, columns[chosen] - length + 1 - start]


def _padded(matrix: Floats, start: int, stop: int) -> Floats:
    """The columns start..stop of the matrix, NaN where start is negative."""
    known = matrix[:, max(0, start) : stop + 1]
    if start >= 0:
        return known
    return np.concatenate([np.full((len(matrix), -start), np.nan), known], axis=1)
