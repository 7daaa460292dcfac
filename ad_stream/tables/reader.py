"""Rows of the Delta tables as pandas frames."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream.errors import InputError
from ad_stream.grid import PROPERTY, Grid
from ad_stream.secrets import redact
from ad_stream.tables.catalog import DETECTIONS, MINUTES, TABLES
from ad_stream.tables.names import folder_of, grid_in
from ad_stream.tables.schema import PAGE

if TYPE_CHECKING:
    import pandas as pd
    from deltalake import DeltaTable

Value = str | int | float | datetime | tuple[str, ...]
SHOWN = DETECTIONS.named(PAGE)


def read_rows(
    tables: str | Path,
    table: str,
    columns: Sequence[str] | None = None,
    where: Sequence[tuple[str, str, Value]] | None = None,
    most: int | None = None,
) -> pd.DataFrame:
    """The rows of one table; a column that an earlier version did not write is null.

    where: [('device_id', '=', 'pi-01'), ('minute', '>=', datetime), ('signal', 'IN', ('a', 'b'))], all must hold. most:
    InputError where there are more rows; without it there may be any number.
    """
    import pyarrow as pa
    from deltalake import QueryBuilder

    opened = _opened(tables, table)
    # The query engine reads the other columns of the rows that match only, which a filter of the dataset does not.
    kinds = {field.name: str(getattr(field.type, "type", "")) for field in opened.schema().fields}
    later = [name for name in columns or TABLES[table].names if name not in kinds]
    chosen = ", ".join(_column(name, kinds[name]) for name in columns or kinds if name in kinds)
    conditions = " AND ".join(
        f'"{name}" {operator} {_literal(value)}' if name in kinds else "false" for name, operator, value in where or ()
    )
    query = f"SELECT {chosen} FROM rows" + (f" WHERE {conditions}" if conditions else "")
    query += f" LIMIT {most + 1}" if most is not None else ""
    frame: pd.DataFrame = pa.table(QueryBuilder().register("rows", opened).execute(query)).to_pandas()
    if most is not None and len(frame) > most:
        raise InputError(
            f"more than {most:,} rows of {table!r} lie in that time: ask for fewer signals or a shorter one"
        )
    return frame.assign(**dict.fromkeys(later)) if later else frame


def stored_span(tables: str | Path) -> tuple[datetime, datetime] | None:
    """The first and the last window of `minutes` (UTC), None while it is empty; computed where the rows are read."""
    [row] = _asked(tables, MINUTES.name, "SELECT min(minute) AS first, max(minute) AS last FROM rows")
    return None if row["last"] is None else (row["first"], row["last"])


def series_since(tables: str | Path, since: datetime) -> list[tuple[str, str]]:
    """(device, signal) of every series with a window from then on, in order of their names."""
    kinds = ", ".join(_column(name, "string") for name in ("device_id", "signal"))
    found = _asked(tables, MINUTES.name, f'SELECT DISTINCT {kinds} FROM rows WHERE "minute" >= {_literal(since)}')
    return sorted((str(row["device_id"]), str(row["signal"])) for row in found)


def devices_of(tables: str | Path, table: str) -> list[str]:
    """Every device with a row in a table, in order of their names; InputError where there is no such table."""
    found = _asked(tables, table, f"SELECT DISTINCT {_column('device_id', 'string')} FROM rows")
    return sorted(str(row["device_id"]) for row in found)


def _asked(tables: str | Path, table: str, query: str) -> list[dict[str, Any]]:
    """The few rows of an answer of the query engine, in which the table is called rows."""
    import pyarrow as pa
    from deltalake import QueryBuilder

    answer = QueryBuilder().register("rows", _opened(tables, table)).execute(query)
    found: list[dict[str, Any]] = pa.table(answer).to_pylist()
    return found


def _opened(tables: str | Path, table: str) -> DeltaTable:
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    try:
        return DeltaTable(folder_of(tables, table))
    except TableNotFoundError:
        raise InputError(
            f"there is no table {table!r} in {redact(str(tables))}: name the folder that a run wrote"
        ) from None


def grid_of(tables: str | Path) -> Grid:
    """The windows that a table set holds; those of one minute where there is no table yet."""
    from deltalake import DeltaTable
    from deltalake.exceptions import TableNotFoundError

    try:
        opened = DeltaTable(folder_of(tables, MINUTES.name))
    except TableNotFoundError:
        return grid_in(None)
    return grid_in(opened.metadata().configuration.get(PROPERTY))


def _column(name: str, kind: str) -> str:
    # pyarrow before 16 does not know the engine's own kind of text.
    return f'arrow_cast("{name}", \'Utf8\') AS "{name}"' if kind == "string" else f'"{name}"'


def _literal(value: Value) -> str:
    if isinstance(value, (int, float)):  # a flag, too
        return str(value).lower()
    if isinstance(value, tuple):
        return f"({', '.join(map(_literal, value))})"
    text = value.isoformat() if isinstance(value, datetime) else value
    return "'" + text.replace("'", "''") + "'"


def signals_of(tables: str | Path, device: str) -> list[str]:
    """The signals of which a device has stored minutes, none where there is no table."""
    try:
        found = read_rows(tables, "minutes", ["signal"], [("device_id", "=", device)])
    except InputError:
        return []
    return sorted(found["signal"].unique())


def read_detections(
    tables: str | Path, where: Sequence[tuple[str, str, Value]] | None = None, most: int | None = None
) -> pd.DataFrame:
    """The verdicts, highest revision of each minute, sorted by device, signal and minute (UTC). most: as `read_rows`."""
    rows = read_rows(tables, "detections", SHOWN, where, most).sort_values(
        ["device_id", "signal", "minute", "revision"]
    )
    latest: pd.DataFrame = rows.drop_duplicates(["device_id", "signal", "minute"], keep="last").reset_index(drop=True)
    return latest
