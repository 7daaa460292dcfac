"""The latest state of every incident, in memory: numbers and names as columns, and which devices were in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.incidents.events import FLOOD
from ad_stream.incidents.rules import LEVELS
from ad_stream.incidents.table import ABOUT_MEMBER

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from ad_stream.model import Bools

    Ints = NDArray[np.int64]

MOST_INCIDENTS = 100_000
"""Incidents held; of more, those that ended first are dropped."""
NEVER = -1
LEVEL = {level: place for place, level in enumerate(LEVELS)}
TEXTS = (
    "incident_id", "event", "kind", "site", "device_id", "signal", "reason", "direction", "close_reason", "why", "acked_by",
)  # fmt: skip
TIMES = ("started", "opened", "last", "ended", "peak_minute", "acked_until")
MEASURES = ("severity", "peak_value", "expected", "lower", "upper")
COUNTS = ("devices", "series", "open_series", "flagged_minutes", "out_minutes", "reopened")
COLUMNS = ("level", "revision", "seq", *TEXTS, *TIMES, *MEASURES, *COUNTS)


class IncidentRows:
    """What `incident_events` says last of each incident, in the order in which they were first seen.

    changes: grows with every batch taken in; dropped: incidents that are no longer held; devices: their names.
    """

    def __init__(self, *, most: int = MOST_INCIDENTS) -> None:
        self._most = most
        self.changes = self.dropped = 0
        self._columns = {
            **{name: np.empty(0, dtype=object) for name in TEXTS},
            **{name: np.empty(0, dtype=np.int64) for name in ("rank", "level", *TIMES, *COUNTS)},
            **{name: np.empty(0, dtype=np.float64) for name in MEASURES},
        }
        self._places: dict[str, int] = {}
        self._texts: dict[str, str] = {}
        self.devices: list[str] = []
        self._device_numbers: dict[str, int] = {}
        self._pairs = np.empty(0, dtype=np.int64)
        self._more_pairs: list[Ints] = []

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """(incidents,): a column; texts are objects, a level its place in LEVELS, times seconds since 1970, NEVER for none.

        rank: NEVER where only rows about members were seen so far, so that the other columns say nothing yet.
        """
        return self._columns[name][: len(self)]

    def find(self, name: str) -> int | None:
        """The place of an incident, None where it is not held."""
        return self._places.get(name)

    def apply(self, batch: pa.RecordBatch) -> None:
        """Takes rows of `incident_events` in, in any order; of an incident's rows the highest revision and seq counts."""
        columns = {name: batch.column(name) for name in COLUMNS if name in batch.schema.names}
        names, kinds, events = (columns[name].to_pylist() for name in ("incident_id", "kind", "event"))
        rows = np.array([n for n, name in enumerate(names) if name and kinds[n] != FLOOD], dtype=np.int64)
        places = np.array([self._places.setdefault(names[n], len(self._places)) for n in rows], dtype=np.int64)
        self.changes += 1
        self._make_room()
        whole = np.array([events[n] not in ABOUT_MEMBER for n in rows], dtype=bool)
        self._take_latest(columns, rows[whole], places[whole])
        self._take_devices(columns["device_id"].to_pylist(), rows, places)
        if len(self) > self._most + self._most // 10:
            self._drop()

    def pairs(self) -> tuple[Ints, Ints]:
        """Places of incidents and, beside each, the number of a device that was in it."""
        if self._more_pairs:
            self._pairs = np.unique(np.concatenate([self._pairs, *self._more_pairs]))
            self._more_pairs = []
        return self._pairs >> 32, self._pairs & 0xFFFFFFFF

    def with_device(self, chosen: Bools) -> Bools:
        """(incidents,): those in which one of the devices was; chosen: (devices,)."""
        places, devices = self.pairs()
        found = np.zeros(len(self), dtype=bool)
        found[places[chosen[devices]]] = True
        return found

    def _take_latest(self, columns: Mapping[str, pa.Array], rows: Ints, places: Ints) -> None:
        rank = (_whole(columns["revision"])[rows] << 32) + _whole(columns["seq"])[rows]
        order = np.lexsort((rank, places))
        order = order[np.append(places[order][1:] != places[order][:-1], True)] if len(order) else order
        order = order[rank[order] >= self._columns["rank"][places[order]]]
        rows, places = rows[order], places[order]
        self._columns["rank"][places] = rank[order]
        for name, column in columns.items():
            if name in self._columns:
                self._columns[name][places] = self._values(name, column.take(_indices(rows)))

    def _values(self, name: str, column: pa.Array) -> Any:
        if name in MEASURES:
            return column.to_numpy(zero_copy_only=False)
        if name in TIMES:
            return _seconds(column)
        if name in COUNTS:
            return _whole(column)
        texts = column.to_pylist()
        if name == "level":
            return [LEVEL.get(text, 0) for text in texts]
        return [None if text is None else self._texts.setdefault(text, text) for text in texts]  # one text is kept once

    def _take_devices(self, devices: list[str | None], rows: Ints, places: Ints) -> None:
        pairs = []
        for row, place in zip(rows.tolist(), places.tolist(), strict=True):
            device = devices[row]
            if device is None:
                continue
            number = self._device_numbers.setdefault(device, len(self.devices))
            if number == len(self.devices):
                self.devices.append(device)
            pairs.append((place << 32) + number)
        self._more_pairs.append(np.unique(np.array(pairs, dtype=np.int64)))

    def _make_room(self) -> None:
        room, wanted = len(self._columns["rank"]), len(self)
        if wanted <= room:
            return
        for name, column in self._columns.items():
            blank = None if name in TEXTS else NEVER if name in ("rank", *TIMES) else 0
            self._columns[name] = np.append(column, np.full(max(wanted, 2 * room) - room, blank, dtype=column.dtype))

    def _drop(self) -> None:
        """Those that ended first go; one that is open stays."""
        ended = np.where((self["ended"] == NEVER) & (self["rank"] != NEVER), np.iinfo(np.int64).max, self["ended"])
        kept = np.sort(np.argsort(ended, kind="stable")[-self._most :])
        places, devices = self.pairs()
        inside = np.isin(places, kept)
        self._pairs = (np.searchsorted(kept, places[inside]) << 32) + devices[inside]
        names = {place: name for name, place in self._places.items()}
        self.dropped += len(self) - len(kept)
        self._columns = {name: column[kept] for name, column in self._columns.items()}
        self._places = {names[old]: place for place, old in enumerate(kept.tolist())}
        self._texts = {}  # what is still held keeps its own


def _seconds(column: pa.Array) -> Ints:
    import pyarrow as pa

    found: Ints = column.cast(pa.timestamp("s", "UTC"), safe=False).cast(pa.int64()).fill_null(NEVER).to_numpy()
    return found


def _whole(column: pa.Array) -> Ints:
    found: Ints = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _indices(rows: Ints) -> pa.Array:
    import pyarrow as pa

    return pa.array(rows)
