"""What a table is made of, as plain data: each column is written once, in `tables.catalog`, and all else derives from it.

DDL for Spark, types for Arrow, the tables of docs/formats.md, the columns that are pushed, the counters that add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 8
"""Version of the table set, a property of each table. It is raised when a column or a table is added: 1 is 0.1.0."""
PROPERTY = "ad_stream.schema"

VERDICT, PUSHED, PAGE, COUNT, SETTING, FLAG = "verdict", "pushed", "page", "count", "setting", "flag"
"""Uses of a column: a field of a verdict; a target may get it; the live page keeps it; it adds up over batches; a setting
of a series; it flags the window."""


@dataclass(frozen=True)
class Column:
    """One column. type: as Delta names it; about: its comment; since: the `VERSION` that added it."""

    name: str
    type: str
    about: str
    since: int = 1
    uses: frozenset[str] = frozenset()

    def ddl(self) -> str:
        """As CREATE TABLE and ALTER TABLE ADD COLUMNS want it."""
        return f"{self.name} {self.type} COMMENT '{self.about}'"


@dataclass(frozen=True)
class Table:
    """One table. key: the columns that tell its rows apart; clustered, partitioned: how its files are laid out."""

    name: str
    about: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ()
    clustered: tuple[str, ...] = ()
    partitioned: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, in their order."""
        return tuple(column.name for column in self.columns)

    def used(self, use: str) -> tuple[Column, ...]:
        """The columns of one use, in their order."""
        return tuple(column for column in self.columns if use in column.uses)

    def named(self, use: str) -> tuple[str, ...]:
        """Their names."""
        return tuple(column.name for column in self.used(use))

    def ddl(self) -> str:
        """The columns as CREATE TABLE wants them."""
        return ", ".join(column.ddl() for column in self.columns)

    def all_properties(self) -> dict[str, str]:
        """What TBLPROPERTIES holds."""
        return {"delta.appendOnly": "false", **self.properties, PROPERTY: str(VERSION)}


def plain_ddl(columns: Iterable[Column]) -> str:
    """'name type, …' without comments: the schema of a DataFrame."""
    return ", ".join(f"{column.name} {column.type}" for column in columns)


def arrow(columns: Iterable[Column]) -> pa.Schema:
    """The columns as an Arrow schema."""
    import pyarrow as pa

    return pa.schema([(column.name, _arrow_type(column.type)) for column in columns])


def _arrow_type(name: str) -> Any:
    """A type as Delta names it -> that of Arrow."""
    import pyarrow as pa

    if name.startswith("array<"):
        return pa.list_(_arrow_type(name[len("array<") : -1]))
    if name.startswith("struct<"):
        parts = (part.split(":") for part in name[len("struct<") : -1].split(","))
        return pa.struct([(field, _arrow_type(kind)) for field, kind in parts])
    types: dict[str, Any] = {
        "string": pa.string(), "long": pa.int64(), "int": pa.int32(), "double": pa.float64(), "boolean": pa.bool_(),
        "binary": pa.binary(), "timestamp": pa.timestamp("us", "UTC"),
    }  # fmt: skip
    return types[name]
