"""The last state of every series and its last windows, in memory that depends on the number of series alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.dashboard.verdict_arrays import Names, VerdictArrays
from ad_stream.grid import MINUTE, SILENT, Grid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools

    Ints = NDArray[np.int64]

RECENT_BYTES = 160 * 2**20
"""Room for the last windows of all series; beside MOST_ and LEAST_WINDOWS it decides how many are kept."""
MOST_WINDOWS, LEAST_WINDOWS = 1440, 30

RECENT = (
    ("value", np.float32), ("expected", np.float32), ("upper", np.float32), ("lower", np.float32),
    ("flag", np.int8), ("reason", np.uint8), ("revision", np.uint8), ("there", np.bool_),
)  # fmt: skip
CELL_BYTES = sum(np.dtype(kind).itemsize for _, kind in RECENT)
LAST = (
    ("minute", np.int64), ("revision", np.int64), ("value", np.float64), ("expected", np.float64),
    ("upper", np.float64), ("lower", np.float64), ("score", np.float64), ("flag", np.int8), ("status", np.int8),
    ("reason", np.uint8),
)  # fmt: skip


class Fleet:
    """last[name] (series,), recent[name] (series, width): column step % width; `there` says which cells hold a row.

    newest: the newest window of any series, its step in `grid`, -1 before the first.
    """

    def __init__(self, *, recent_bytes: int = RECENT_BYTES, grid: Grid = MINUTE) -> None:
        self.names = Names(grid)
        self.newest = -1
        self.width = MOST_WINDOWS
        self.last: dict[str, NDArray[Any]] = {name: np.empty(0, dtype=kind) for name, kind in LAST}
        self.recent: dict[str, NDArray[Any]] = {name: np.empty((0, 0), dtype=kind) for name, kind in RECENT}
        self._recent_bytes = recent_bytes

    def __len__(self) -> int:
        return len(self.names)

    @property
    def grid(self) -> Grid:
        """The windows that are counted."""
        return self.names.grid

    @property
    def oldest(self) -> int:
        """The first window that `recent` can hold."""
        return self.newest - self.width + 1

    def apply(self, rows: VerdictArrays) -> None:
        """Takes rows in, in any order; of a window's rows the highest revision counts."""
        if not len(rows):
            return
        self._make_room(len(self.names))
        self._advance(int(rows.minute.max()))
        rows = rows.take(np.lexsort((rows.revision, rows.minute)))
        self._apply_last(rows)
        self._apply_recent(rows)

    def cells(self, series: int | Ints, first: int, last: int) -> dict[str, NDArray[Any]]:
        """The windows first to last of `recent`, which must lie within oldest and newest; (..., windows) per name."""
        columns = np.arange(first, last + 1) % self.width
        chosen = series if isinstance(series, int) else np.asarray(series)[:, None]
        return {name: matrix[chosen, columns] for name, matrix in self.recent.items()}

    def newest_of_devices(self) -> Ints:
        """(devices,): the newest window of each, over its signals."""
        newest = np.full(len(self.names.devices), -1, dtype=np.int64)
        np.maximum.at(newest, self.names.device_of, self.last["minute"][: len(self)])
        return newest

    def _apply_last(self, rows: VerdictArrays) -> None:
        minute, revision = self.last["minute"][rows.series], self.last["revision"][rows.series]
        newer = (rows.minute > minute) | ((rows.minute == minute) & (rows.revision >= revision))
        # Rows are in the order of their windows, and of equal places the last assignment stays.
        chosen = rows.take(newer)
        for name, column in self.last.items():
            column[chosen.series] = getattr(chosen, name)

    def _apply_recent(self, rows: VerdictArrays) -> None:
        rows = rows.take(rows.minute >= self.oldest)
        columns = rows.minute % self.width
        known = self.recent["there"][rows.series, columns]
        newer = ~known | (rows.revision >= self.recent["revision"][rows.series, columns])
        chosen, columns = rows.take(newer), columns[newer]
        with np.errstate(over="ignore"):  # beyond single precision is infinite, which a page shows as nothing
            for name, matrix in self.recent.items():
                matrix[chosen.series, columns] = True if name == "there" else getattr(chosen, name)

    def _advance(self, minute: int) -> None:
        if minute <= self.newest:
            return
        if self.newest >= 0:
            steps = min(minute - self.newest, self.width)
            self.recent["there"][:, np.arange(minute - steps + 1, minute + 1) % self.width] = False
        self.newest = minute

    def _make_room(self, series: int) -> None:
        room = len(self.last["minute"])
        if series <= room:
            return
        # A quarter more than needed, so that a growing fleet is seldom copied.
        room = max(64, series + series // 4)
        for name, kind in LAST:
            grown = np.full(room, -1 if name in ("minute", "revision") else 0, dtype=kind)
            grown[: len(self.last[name])] = self.last[name]
            self.last[name] = grown
        self._resize_recent(room)

    def _resize_recent(self, room: int) -> None:
        width = int(np.clip(self._recent_bytes // (CELL_BYTES * room), LEAST_WINDOWS, MOST_WINDOWS))
        kept = np.arange(max(0, self.newest - min(width, self.width) + 1), self.newest + 1)
        for name, kind in RECENT:
            old, new = self.recent[name], np.zeros((room, width), dtype=kind)
            if len(old):
                new[: len(old), kept % width] = old[:, kept % self.width]
            self.recent[name] = new
        self.width = width


def silent_devices(fleet: Fleet, *, after: int = SILENT) -> Bools:
    """(devices,): those whose newest window lies more than `after` windows behind the fleet's."""
    silent: Bools = fleet.newest - fleet.newest_of_devices() > after
    return silent
