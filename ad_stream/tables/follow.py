"""One Delta table, read forward: what it holds when first seen, then only what each new version adds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ad_stream.tables.names import folder_of

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.fs import FileSystem

BATCH_ROWS = 131_072
TEXT = ("device_id", "signal", "status", "reason", "detector", "sink", "state")
MOST_PARTS = 500
"""Files handed out at once, so that a long absence is caught up in steps."""


@dataclass(frozen=True)
class Part:
    """A data file. written: seconds since the epoch; first, last: of its windows, seconds since the epoch, None where not recorded."""

    path: str
    written: float
    first: int | None
    last: int | None


@dataclass(frozen=True)
class News:
    """Files that came in. whole: they are all that the table holds, so what was read before does not count."""

    parts: list[Part]
    whole: bool


class TableLog:
    """Follows the log of `<tables>/<name>`; tables is a folder or an address such as abfss://…"""

    def __init__(self, tables: str | Path, name: str) -> None:
        self.name = name
        self._place = folder_of(tables, name)
        self._version: int | None = None
        self._mark: object = None
        self._opened: FileSystem | None = None

    @property
    def version(self) -> int | None:
        """The version that has been read, None before the table exists."""
        return self._version

    def news(self) -> News | None:
        """What came in since the last call, None if nothing did or there is no table yet."""
        if self._version is None:
            return self._snapshot()
        mark, following = self._look(self._version)
        if mark != self._mark:
            return self._snapshot()  # the table was made anew, or its log was cleaned
        parts: list[Part] = []
        while following and len(parts) < MOST_PARTS:
            found = self._commit(self._version + 1)
            if found is None:
                return self._snapshot()
            parts += found
            self._version += 1
            self._mark, following = self._look(self._version)
        return News(parts, whole=False) if parts else None

    def batches(self, part: Part, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The rows of a file, at most BATCH_ROWS at a time; columns that it lacks are left out."""
        import pyarrow.parquet as pq

        with self._files().open_input_file(part.path) as file:
            known = pq.read_metadata(file)
            there = [column for column in columns if column in known.schema.names]
            text = [column for column in there if column in TEXT]
            reader = pq.ParquetFile(file, metadata=known, coerce_int96_timestamp_unit="us", read_dictionary=text)
            yield from reader.iter_batches(BATCH_ROWS, columns=there)

    def _snapshot(self) -> News | None:
        import pyarrow as pa
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        known = self._version is not None
        try:
            table = DeltaTable(self._place)
        except TableNotFoundError:
            self._version = None
            return News([], whole=True) if known else None
        self._version = table.version()
        self._mark = self._look(self._version)[0]
        actions = pa.table(table.get_add_actions(flatten=True))
        wanted = [name for name in ("path", "modification_time", *STATISTICS) if name in actions.column_names]
        return News([_of_snapshot(row) for row in actions.select(wanted).to_pylist()], whole=True)

    def _commit(self, version: int) -> list[Part] | None:
        """The files that a version adds, None if it takes rows away."""
        with self._files().open_input_stream(_commit_file(version)) as file:
            actions = [json.loads(line) for line in file.read().splitlines() if line.strip()]
        if any(action["remove"].get("dataChange", True) for action in actions if "remove" in action):
            return None
        adds = [action["add"] for action in actions if "add" in action]
        return [_of_commit(add) for add in adds if add.get("dataChange", True)]

    def _look(self, version: int) -> tuple[object, bool]:
        """-> (what tells this version's file from another's, whether there is a next version)."""
        here, following = self._files().get_file_info([_commit_file(version), _commit_file(version + 1)])
        return (here.mtime_ns, here.size), following.is_file

    def _files(self) -> FileSystem:
        if self._opened is None:
            from pyarrow import fs

            if "://" in self._place:
                from deltalake.fs import DeltaStorageHandler

                self._opened = fs.PyFileSystem(DeltaStorageHandler(self._place))
            else:
                self._opened = fs.SubTreeFileSystem(self._place, fs.LocalFileSystem())
        return self._opened


STATISTICS = ("min.minute", "max.minute")


def _commit_file(version: int) -> str:
    return f"_delta_log/{version:020}.json"


def _of_snapshot(row: dict[str, Any]) -> Part:
    first, last = (_second(row.get(name)) for name in STATISTICS)
    return Part(unquote(row["path"]), row["modification_time"] / 1000, first, last)


def _of_commit(add: dict[str, Any]) -> Part:
    found = json.loads(add.get("stats") or "{}")
    first, last = (_second((found.get(name) or {}).get("minute")) for name in ("minValues", "maxValues"))
    return Part(unquote(add["path"]), add["modificationTime"] / 1000, first, last)


def _second(moment: datetime | str | None) -> int | None:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return int(aware.timestamp())
