"""What a worker keeps of `history` between triggers: a file for each bucket, a copy of what the table held, nothing else.

A window is judged from a day of windows and more, of which the next trigger needs all but the newest again. So a task that was
sent all of them leaves them beside Spark's own local files, and the next trigger sends only what came since. A copy is of use
where it was made by the same run and is not older than the rows that are sent; else the task says so and is asked again with
all rows. It holds no state: whoever loses it reads the table.

    file    <local folder of Spark>/ad_stream-history-<key>/<bucket>, arrays in numpy's own format, never a pickle
"""

from __future__ import annotations

import os
import tempfile
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.scoring.long_history import hours_of
from ad_stream.scoring.matrix import Packed, joined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

FOLDERS = "SPARK_LOCAL_DIRS"
"""Spark tells its Python workers where its local files lie; it removes them with the executor."""


@dataclass(frozen=True)
class CopyOrder:
    """What a trigger tells its tasks of copies; travels to the workers.

    key, run    which query's they are, and which start of it made them
    number      of the trigger; a copy is as old as the trigger that made it
    oldest      trigger whose copies are of use, with the rows from the step `since` on; None: all rows are sent
    renewed     trigger from which on copies are young enough; older ones are made anew
    first       step from which on rows are kept; thinned: step before which only those of slow series are, which came in at
                most `most` windows of an hour of `seconds` long windows (None: all are kept)
    """

    key: str
    run: str
    number: int
    oldest: int | None
    renewed: int
    since: int
    first: int
    thinned: int
    most: int | None
    seconds: int


@dataclass(frozen=True)
class HistoryCopy:
    """What a file holds: made by a trigger of a run, the rows of one bucket in the order of time."""

    run: str
    number: int
    rows: Packed


def past_of(bucket: int, sent: Packed, order: CopyOrder) -> Packed | None:
    """All rows of a bucket that verdicts may see; None where the copy that has the others is missing."""
    path = _path(order, bucket)
    if order.oldest is None:
        _keep(path, sent, order)
        return sent
    copy = read(path)
    if copy is None or copy.run != order.run or copy.number < order.oldest:
        return None
    past = joined([_between(copy.rows, order.first, order.since), sent])
    if copy.number < order.renewed:
        _keep(path, past, order)
    return past


def read(path: Path) -> HistoryCopy | None:
    """The copy in a file; None where there is none, or none that can be read."""
    try:
        with path.open("rb") as file:
            head, steps, sizes, same, ids, values = (np.load(file, allow_pickle=False) for _ in range(6))
    except (OSError, ValueError, EOFError):
        return None
    runs = _split(ids, sizes[same == 0])
    rows = Packed(steps, [runs[one] for one in (np.cumsum(same == 0) - 1).tolist()], _split(values, sizes))
    return HistoryCopy(str(head[0]), int(head[1]), rows)


def write(path: Path, copy: HistoryCopy) -> None:
    """A file that is there whole or not at all; OSError where it cannot be written."""
    rows = copy.rows
    same = np.array(
        [0, *(np.array_equal(a, b) for a, b in zip(rows.ids[1:], rows.ids, strict=False))][: len(rows.steps)]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_name(f"{path.name}-{uuid.uuid4().hex}")
    values = np.concatenate([np.empty(0), *rows.values])
    own = [one for one, again in zip(rows.ids, same.tolist(), strict=True) if not again]
    parts: list[Any] = [
        np.array([copy.run, str(copy.number)]), np.asarray(rows.steps, dtype=np.int64),
        np.array([len(one) for one in rows.ids], dtype=np.int64), same.astype(np.int8),
        np.concatenate([np.empty(0, dtype=np.int64), *own]), values,
    ]  # fmt: skip
    try:
        with begun.open("wb") as file:
            for part in parts:
                np.save(file, part, allow_pickle=False)
        begun.replace(path)
    finally:
        begun.unlink(missing_ok=True)


def _split(values: NDArray[Any], sizes: Ints) -> list[NDArray[Any]]:
    ends = np.cumsum(sizes)
    return [values[end - size : end] for end, size in zip(ends.tolist(), sizes.tolist(), strict=True)]


def _keep(path: Path, rows: Packed, order: CopyOrder) -> None:
    # Where nothing can be written, the next trigger finds nothing, and is sent all rows as it would be anyway.
    with suppress(OSError):
        write(path, HistoryCopy(order.run, order.number, _thinned(rows, order)))


def _path(order: CopyOrder, bucket: int) -> Path:
    folders = (os.environ.get(FOLDERS) or tempfile.gettempdir()).split(",")
    return Path(folders[bucket % len(folders)], f"ad_stream-history-{order.key}", str(bucket))


def _between(rows: Packed, first: int, before: int) -> Packed:
    chosen = np.flatnonzero((rows.steps >= first) & (rows.steps < before)).tolist()
    return Packed(rows.steps[chosen], [rows.ids[one] for one in chosen], [rows.values[one] for one in chosen])


def _thinned(rows: Packed, order: CopyOrder) -> Packed:
    """Without what no verdict sees: as `history` itself is thinned once an hour."""
    if order.most is None:
        return rows
    hours, old = hours_of(rows.steps, order.seconds), rows.steps < order.thinned
    ids, values = list(rows.ids), list(rows.values)
    for hour in np.unique(hours[old]).tolist():
        mine = np.flatnonzero(old & (hours == hour)).tolist()
        slow = _seldom([rows.ids[one] for one in mine], rows.steps[mine], order.most)
        for one in mine:
            stays = np.isin(ids[one], slow)
            ids[one], values[one] = ids[one][stays], values[one][stays]
    return Packed(rows.steps, ids, values)


def _seldom(ids: list[Ints], steps: Ints, most: int) -> Ints:
    """The series that came in at most so many of these windows; a window that a repeated batch left twice counts once."""
    series, codes = np.unique(np.concatenate(ids), return_inverse=True)
    windows = np.repeat(steps - steps.min(), [len(one) for one in ids])
    once = np.unique(codes * (int(windows.max(initial=0)) + 1) + windows) // (int(windows.max(initial=0)) + 1)
    return np.asarray(series[np.bincount(once, minlength=len(series)) <= most])
