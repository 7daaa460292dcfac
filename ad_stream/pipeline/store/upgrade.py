"""Tables of an earlier version go on: columns that came since are added in place, no row is rewritten, none is lost.

Each table keeps the version of its columns as a property. A table of a newer version than this code knows is refused,
because this code would leave its new columns empty.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ad_stream.errors import InputError
from ad_stream.secrets import first_line
from ad_stream.tables.catalog import MINUTES, TABLES
from ad_stream.tables.schema import PROPERTY, VERSION, Column

if TYPE_CHECKING:
    from ad_stream.pipeline.store.delta import DeltaTables

log = logging.getLogger(__name__)


def upgrade(tables: DeltaTables, properties: Mapping[str, str]) -> bool:
    """Bring every table to this version; -> whether one was of an earlier one. InputError where one is not ours.

    properties: those of `minutes`, which is brought to a version last and so speaks for the whole set: to ask each
    table costs a run seconds.
    """
    stored = _version(tables, properties)
    missing = {table: _missing(tables, table) for table in TABLES}
    if stored == VERSION and not any(missing.values()):
        return False
    for table in sorted(TABLES, key=lambda table: table == MINUTES.name):
        _add(tables, table, missing[table])
    added = [f"{table}.{column.name}" for table, columns in missing.items() for column in columns]
    log.warning(
        "the tables in %s are of version %d and were upgraded to version %d: %s; no row was rewritten",
        tables.place(), stored, VERSION, f"added {', '.join(added)}" if added else "nothing to add",
    )  # fmt: skip
    return True


def _version(tables: DeltaTables, properties: Mapping[str, str]) -> int:
    """The version the set was written by; 1 where it does not say. InputError where it is newer than this code."""
    text = properties.get(PROPERTY, "1")
    version = int(text) if text.isdigit() else 0
    if version > VERSION or version < 1:
        raise InputError(
            f"the tables in {tables.place()} are of schema version {text}, and this ad_stream knows versions up to {VERSION}: "
            f"install the newer release that wrote them, or name another place in `tables`"
        )
    return version


def _missing(tables: DeltaTables, table: str) -> list[Column]:
    """The later columns that the table lacks; InputError where one that it always had is not as it was."""
    found = tables.columns(table)
    missing = []
    for column in TABLES[table].columns:
        kind = column.type.replace("long", "bigint")
        if column.name not in found and column.since > 1:
            missing.append(column)
        elif found.get(column.name) != kind:
            have = f"is {found[column.name]}" if column.name in found else "is missing"
            raise InputError(
                f"the table {tables.name(table)} is not ours: column {column.name!r} {have}, {kind} is needed; name another "
                f"place in `tables`"
            )
    return missing


def _add(tables: DeltaTables, table: str, columns: list[Column]) -> None:
    name = tables.name(table)
    statements = (
        [f"ALTER TABLE {name} ADD COLUMNS ({', '.join(column.ddl() for column in columns)})"] if columns else []
    )
    statements.append(f"ALTER TABLE {name} SET TBLPROPERTIES ('{PROPERTY}'='{VERSION}')")
    for statement in statements:
        try:
            tables.spark.sql(statement)
        except Exception as error:  # what a catalog refuses fills pages of Java
            problem = first_line(error)
            raise InputError(
                f"the table {name} could not be upgraded ({problem}): its owner can run {statement}"
            ) from None
