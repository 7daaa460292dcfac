"""Tables that people write (`series_config`, `feedback`) without Spark, where they are folders of this machine; elsewhere
the SQL that does it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream.errors import InputError
from ad_stream.tables import creation
from ad_stream.tables.names import folder_of
from ad_stream.tables.schema import Column, Table, arrow

if TYPE_CHECKING:
    from deltalake import DeltaTable


Row = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One version of the table: what it added and what it took away."""

    version: int
    at: datetime
    operation: str
    added: list[Row]
    removed: list[Row]


def insert_sql(name: str, row: Mapping[str, Any]) -> str:
    """The statement that appends the row."""
    given = {key: value for key, value in row.items() if value is not None and key != "changed"}
    values = ", ".join(_literal(value) for value in given.values())
    return f"INSERT INTO {name} ({', '.join([*given, 'changed'])}) VALUES ({values}, current_timestamp())"


def read(table: Table, tables: Path, version: int | None = None) -> tuple[list[Row], int | None]:
    """The rows of a version (None: the newest) and its number; nothing and None where the table is not there."""
    found = _open(table, tables, version)
    return ([], None) if found is None else (_rows(table, found), found.version())


def append(table: Table, tables: Path, row: Mapping[str, Any], *, now: datetime) -> int:
    """Add the row, later than all others; -> the new version. Makes the table where it is missing."""
    import pyarrow as pa
    from deltalake import write_deltalake

    if not tables.is_dir():
        raise InputError(f"there is no folder {tables}: name the one that a run writes with --tables or --config")
    found = _open(table, tables) or create(table, tables)
    last = max((one["changed"] for one in _rows(table, found) if one["changed"] is not None), default=now)
    columns = _columns(table, found)
    _refuse_lost(table, row, columns)
    # Clocks of two people differ; what is said later must win all the same.
    said = {column.name: row.get(column.name) for column in columns} | {
        "changed": max(now, last + timedelta(microseconds=1))
    }
    write_deltalake(found, pa.Table.from_pylist([said], schema=arrow(columns)), mode="append")
    found.update_incremental()
    return int(found.version())


def _refuse_lost(table: Table, row: Mapping[str, Any], columns: list[Column]) -> None:
    """InputError where the row says something for which an earlier release made no column."""
    here = {column.name for column in columns}
    lost = [name for name in table.names if name not in here and row.get(name) is not None]
    if lost:
        raise InputError(
            f"the table {table.name} was made by an earlier release and has no column {lost[0]}: start the stream of this"
            " release once, which adds it, and say it again"
        )


def changes(table: Table, tables: Path, most: int) -> list[Change]:
    """The last versions, the newest first."""
    found = _open(table, tables)
    if found is None:
        return []
    commits = [one for one in found.history(most + 1) if "version" in one]
    rows = {one["version"]: read(table, tables, one["version"])[0] for one in commits}
    return [
        Change(
            version=one["version"],
            at=datetime.fromtimestamp(one["timestamp"] / 1000, timezone.utc),
            operation=one.get("operation", ""),
            added=_only_in(rows[one["version"]], rows.get(one["version"] - 1, [])),
            removed=_only_in(rows.get(one["version"] - 1, []), rows[one["version"]]),
        )
        for one in commits[:most]
    ]


def _only_in(here: list[Row], there: list[Row]) -> list[Row]:
    left = Counter(repr(row) for row in there)
    out = []
    for row in here:
        left[repr(row)] -= 1
        if left[repr(row)] < 0:
            out.append(row)
    return out


def _open(table: Table, tables: Path, version: int | None = None) -> DeltaTable | None:
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    try:
        return DeltaTable(folder_of(tables, table.name), version=version)
    except TableNotFoundError:
        return None


def _columns(table: Table, found: DeltaTable) -> list[Column]:
    """Those that this version of the table has: one that an earlier release wrote lacks what came later."""
    names = {field.name for field in found.schema().fields}
    return [column for column in table.columns if column.name in names]


def _rows(table: Table, found: DeltaTable) -> list[Row]:
    rows: list[Row] = found.to_pyarrow_table(columns=[column.name for column in _columns(table, found)]).to_pylist()
    return rows


def create(table: Table, tables: Path) -> DeltaTable:
    """As the stream would make it."""
    place = folder_of(tables, table.name)
    creation.make(table, Path(place))
    found = _open(table, tables)  # that of another process, where that was faster
    if found is None:
        raise InputError(f"the table {table.name} cannot be made: {place} holds something else, or cannot be written")
    return found


def _literal(value: object) -> str:
    if isinstance(value, datetime):
        return f"timestamp'{value.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S}Z'"
    if isinstance(value, (list, tuple)):
        return f"array({', '.join(_literal(one) for one in value)})"
    return (
        str(value)
        if isinstance(value, (int, float))
        else "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"
    )
