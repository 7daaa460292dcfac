"""T-SQL as far as our queries need it, carried out by SQLite: every statement of a batch runs, also one that was smuggled in."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.support.sql_server.tokens import ColumnType

PIECES = re.compile(
    r"(?P<text>N?'(?:[^']|'')*')|\[(?P<name>(?:[^\]]|\]\])*)\]|(?P<hex>0x[0-9A-Fa-f]+)|(?P<note>--[^\n]*)|(?P<end>;)|(?P<at>@\w+)"
)
DESCRIBE = re.compile(r"sys\.dm_exec_describe_first_result_set\((.*), null, 0\)", re.DOTALL)
FIRST = datetime(1970, 1, 1)
UNITS = {"day": 86_400_000_000, "second": 1_000_000, "microsecond": 1}


@dataclass(frozen=True)
class Result:
    """rows: None where a statement gives none."""

    names: list[str]
    types: list[ColumnType]
    rows: list[tuple[Any, ...]] | None


class SqlError(Exception):
    """number: as SQL Server counts its messages."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number


class Database:
    """Tables in memory; text compares as in SQL Server's usual collation, without regard to case."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        add = self.connection.create_function
        add(
            "datediff_big",
            3,
            lambda unit, start, end: None if end is None else _us(end) - _us(start),
            deterministic=True,
        )
        add("dateadd", 3, lambda unit, many, to: _iso(_us(to) + many * UNITS[unit]), deterministic=True)
        add("as_text", 1, _as_text, deterministic=True)
        add("concat", -1, lambda *parts: "".join("" if part is None else str(part) for part in parts))

    def run(self, batch: str, bound: Mapping[str, Any] | None = None) -> Iterator[Result]:
        """The results of all statements of a batch, one after the other; SqlError ends it."""
        for statement in statements(batch):
            try:
                if re.match(r"(set|use|begin tran|commit|rollback|if @@trancount)\b", statement, re.IGNORECASE):
                    yield Result([], [], None)
                elif described := DESCRIBE.search(statement):
                    yield self._described(described[1])
                else:
                    yield self._selected(statement, bound or {})
            except sqlite3.Error as error:
                raise _told(error) from None

    def _described(self, expression: str) -> Result:
        ((query,),) = self.connection.execute(f"select {translated(expression)}").fetchall()
        try:
            names = self.types_of(query)
        except sqlite3.Error:  # as the server has it: a row without a name, and the query itself says why
            return Result(["name", "system_type_name"], [ColumnType("nvarchar")] * 2, [(None, None)])
        rows = [
            (name, f"{kind.name}({kind.precision},{kind.scale})" if kind.name == "decimal" else kind.name)
            for name, kind in names
        ]
        return Result(["name", "system_type_name"], [ColumnType("nvarchar")] * 2, rows)

    def types_of(self, query: str) -> list[tuple[str, ColumnType]]:
        """Column -> declared type of what a query gives."""
        (only,) = statements(query)
        self.connection.execute(f"create temp view described as {translated(only)}")
        try:
            rows = self.connection.execute("pragma table_info(described)").fetchall()
        finally:
            self.connection.execute("drop view described")
        return [(name, declared(kind)) for _, name, kind, *_ in rows]

    def _selected(self, statement: str, bound: Mapping[str, Any]) -> Result:
        cursor = self.connection.execute(translated(statement), bound)
        if cursor.description is None:
            return Result([], [], None)
        names, rows = [one[0] for one in cursor.description], cursor.fetchall()
        known = dict(self.types_of(statement)) if not bound and "@" not in statement else {}
        types = [known.get(name) or _seen([row[n] for row in rows]) for n, name in enumerate(names)]
        shown = [_seen([row[n] for row in rows]) if kind.name == "unknown" else kind for n, kind in enumerate(types)]
        return Result(names, shown, rows)


def statements(batch: str) -> Iterator[str]:
    """The parts between semicolons that stand in no text, name or comment."""
    begun = 0
    for piece in PIECES.finditer(batch):
        if piece["end"]:
            yield from _whole(batch[begun : piece.start()])
            begun = piece.end()
    yield from _whole(batch[begun:])


def _whole(part: str) -> Iterator[str]:
    bare = PIECES.sub(lambda piece: "" if piece["note"] else piece[0], part)
    if bare.strip():
        yield part.strip()


def translated(statement: str) -> str:
    """One statement as SQLite writes it."""

    def piece(found: re.Match[str]) -> str:
        if found["name"] is not None:
            # Not in double quotes, which SQLite takes for a text where there is no such name.
            return "`" + found["name"].replace("]]", "]").replace("`", "``") + "`"
        if found["hex"]:
            return f"x'{found['hex'][2:]}'"
        return found[0].removeprefix("N") if found["text"] else found[0]

    out = PIECES.sub(piece, statement)
    out = re.sub(r"`dbo`\.", "", out)
    out = re.sub(r"\b(datediff_big|dateadd)\((\w+),", r"\1('\2',", out)
    out = re.sub(r"cast\(('[^']*') as datetime(2|offset)\(7\)\)", r"\1", out)
    out = re.sub(r"convert\(nvarchar\((?:\d+|max)\), ", "as_text(", out)
    out = re.sub(r"^select top \((\d+)\) (.*)$", r"select \2 limit \1", out, flags=re.DOTALL)
    return re.sub(r"convert\(float, ((?:[^()]|\([^()]*\))*)\)", r"cast(\1 as float)", out)


def declared(kind: str) -> ColumnType:
    """'decimal(38,10)' -> its type; '' of an expression is not known."""
    name, _, more = kind.lower().partition("(")
    if name.strip() == "decimal":
        precision, scale = more.rstrip(")").split(",")
        return ColumnType("decimal", int(scale), int(precision))
    return ColumnType(name.strip() or "unknown")


def _seen(values: list[Any]) -> ColumnType:
    value = next((one for one in values if one is not None), None)
    return ColumnType("bigint" if isinstance(value, int) else "float" if isinstance(value, float) else "nvarchar")


def _as_text(value: Any) -> Any:
    return value.decode("utf-16-le") if isinstance(value, bytes) else None if value is None else str(value)


def _us(text: str) -> int:
    return (datetime.fromisoformat(text[:26].removesuffix("+00:00")) - FIRST) // timedelta(microseconds=1)


def _iso(us: int) -> str:
    return (FIRST + timedelta(microseconds=us)).isoformat(timespec="microseconds")


def _told(error: sqlite3.Error) -> SqlError:
    """With the number and words that SQL Server has for it."""
    text = str(error)
    if found := re.match(r"no such table: (.*)", text):
        return SqlError(208, f"Invalid object name '{found[1]}'.")
    if found := re.match(r"no such column: (.*)", text):
        return SqlError(207, f"Invalid column name '{found[1]}'.")
    return SqlError(102, f"Incorrect syntax: {text}.")
