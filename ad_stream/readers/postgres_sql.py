"""The SQL of a range: names quoted, times as whole numbers, everything else bound.

No timestamp crosses the wire: the database computes microseconds since 1970 UTC, so that no zone of a session, a driver or a
machine counts. Numbers are cast to double precision there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ad_stream.readers.contract import TimeRange
from ad_stream.readers.settings import PARTS, PostgresqlSource

HOURS_OF_ANY_CHANGE = 26
"""Local time is at most so far from UTC, changes of the clock included."""


def ident(name: str) -> str:
    """A name as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a literal (standard_conforming_strings is on, as the reader's session sets it)."""
    return "'" + text.replace("'", "''") + "'"


def place(settings: PostgresqlSource) -> str:
    """What stands behind `from`; a line break ends a comment at the end of a query."""
    if settings.query is not None:
        return f"({settings.query.rstrip().removesuffix(';')}\n) as source"
    return f"{ident(settings.schema_)}.{ident(str(settings.table))} as source"


def columns_query(settings: PostgresqlSource) -> str:
    """Every column and no row."""
    return f"select * from {place(settings)} limit 0"


def micros(settings: PostgresqlSource, naive: bool, column: str | None = None) -> str:
    """The time of a row as us since 1970 UTC."""
    time = column or f"source.{ident(settings.time)}"
    if naive:
        time = f"({time} at time zone {literal(str(settings.time_zone))})"
    return f"(extract(epoch from {time}) * 1000000)::bigint"


def earliest_query(settings: PostgresqlSource, naive: bool) -> str:
    """The oldest time; -infinity is none."""
    time = f"source.{ident(settings.time)}"
    return f"select {micros(settings, naive, f'min({time})')} from {place(settings)} where isfinite({time})"


def range_query(settings: PostgresqlSource, span: TimeRange, naive: bool, texts: Mapping[str, bool], only: int) -> str:
    """device, us, sequence and signal and value, or one value a signal.

    naive: whether the time column has no zone. texts: column -> whether it is a text as it stands. only: how many of device
    and signal are bound, as $1 and $2.
    """
    named = settings.columns()
    text = {name: _text(column, texts) for name, column in named.items()}
    sequence = text["sequence"] if "sequence" in named else "null::text"
    if settings.dimensions:
        parts = ", ".join(f"coalesce(source.{ident(column)}::text, '')" for column in settings.dimensions)
        text["device"] = f"concat_ws({literal(PARTS)}, {parts})"
    chosen = [text["device"], micros(settings, naive), sequence]
    values = [f"source.{ident(column)}::float8" for name, column in named.items() if name.startswith("value")]
    chosen += [text["signal"], *values] if settings.values is None else values
    where = [*_bounds(settings, span, naive), *_bound_texts(settings, text, only)]
    listed = ", ".join(f"{one} as c{number}" for number, one in enumerate(chosen))
    return f"select {listed} from {place(settings)} where {' and '.join(where)}"


def _text(column: str, texts: Mapping[str, bool]) -> str:
    # Without the cast an index on a text column serves.
    return f"source.{ident(column)}" + ("" if texts.get(column) else "::text")


def _bound_texts(settings: PostgresqlSource, text: Mapping[str, str], only: int) -> Sequence[str]:
    conditions = [f"{text['device']} = $1"] if only else []
    if only > 1 and settings.values is None:
        conditions.append(f"{text['signal']} = $2")
    return conditions


def _bounds(settings: PostgresqlSource, span: TimeRange, naive: bool) -> Sequence[str]:
    """Of a column without zone the instant decides, since in autumn its own order is not that of time; an index on the column
    serves by bounds that are wide enough for any zone."""
    start, end = (f"(timestamptz 'epoch' + {bound:d} * interval '1 microsecond')" for bound in (span.start, span.end))
    time = f"source.{ident(settings.time)}"
    if not naive:
        return [f"{time} >= {start}", f"{time} < {end}"]
    wide = f"interval '{HOURS_OF_ANY_CHANGE} hours'"
    instant = f"({time} at time zone {literal(str(settings.time_zone))})"
    return [
        f"{time} >= ({start} at time zone 'UTC') - {wide}", f"{time} < ({end} at time zone 'UTC') + {wide}",
        f"{instant} >= {start}", f"{instant} < {end}",
    ]  # fmt: skip
