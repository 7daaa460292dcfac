"""The T-SQL of a range: names in brackets, times as whole numbers, texts as hexadecimal digits.

The driver would write bound values into the statement itself, so that no text of others is handed to it: what is looked for travels as
the digits of its UTF-16, of which nothing can be executed. No timestamp crosses the wire, as in `postgres_sql`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ad_stream.readers.contract import Only, TimeRange
from ad_stream.readers.local_times import MOST
from ad_stream.readers.settings import PARTS, SqlServerSource

OFFSET, NAIVE = "cast('1970-01-01T00:00:00+00:00' as datetimeoffset(7))", "cast('1970-01-01' as datetime2(7))"


def ident(name: str) -> str:
    """A name in brackets."""
    return "[" + name.replace("]", "]]") + "]"


def text(value: str) -> str:
    """A text as the digits of its UTF-16."""
    return f"convert(nvarchar(max), 0x{value.encode('utf-16-le').hex()})"


def place(settings: SqlServerSource) -> str:
    """What stands behind `from`; a line break ends a comment at the end of a query."""
    if settings.query is not None:
        return f"({settings.query.rstrip().removesuffix(';')}\n) as source"
    return f"{ident(settings.schema_)}.{ident(str(settings.table))} as source"


def types_query(settings: SqlServerSource) -> str:
    """Name and type of every column, asked of the server without reading a row."""
    whole = text(f"select * from {place(settings)}")
    return f"select name, system_type_name from sys.dm_exec_describe_first_result_set({whole}, null, 0)"


def micros(time: str, naive: bool) -> str:
    """A time as us since 1970: UTC, or by its own clock where it names no offset."""
    return f"datediff_big(microsecond, {NAIVE if naive else OFFSET}, {time})"


def earliest_query(settings: SqlServerSource, naive: bool) -> str:
    """The oldest time, for which an index on the column serves."""
    return f"select {micros(f'min(source.{ident(settings.time)})', naive)} from {place(settings)}"


def range_query(
    settings: SqlServerSource, span: TimeRange, naive: bool, texts: frozenset[str], only: Only | None
) -> str:
    """device, us, sequence and signal and value, or one value a signal; what it gives beyond the span is left out later.

    naive: whether the time column has no offset. texts: columns that are texts as they stand.
    """
    named = settings.columns()
    told = {name: _text(column, texts) for name, column in named.items()}
    if settings.dimensions:
        parts = f", {text(PARTS)}, ".join(_text(column, frozenset()) for column in settings.dimensions)
        told["device"] = f"concat({parts}, '')"
    chosen = [told["device"], micros(f"source.{ident(settings.time)}", naive), told.get("sequence", "null")]
    values = [f"convert(float, source.{ident(column)})" for name, column in named.items() if name.startswith("value")]
    chosen += [told["signal"], *values] if settings.values is None else values
    where = [*_bounds(settings, span, naive), *_looked_for(settings, told, only)]
    listed = ", ".join(f"{one} as c{number}" for number, one in enumerate(chosen))
    return f"select {listed} from {place(settings)} where {' and '.join(where)}"


def _text(column: str, texts: frozenset[str]) -> str:
    # Without the conversion an index on a text column serves.
    name = f"source.{ident(column)}"
    return name if column in texts else f"convert(nvarchar(4000), {name})"


def _looked_for(settings: SqlServerSource, told: dict[str, str], only: Only | None) -> Sequence[str]:
    if only is None:
        return []
    signal = [f"{told['signal']} = {text(only.signal)}"] if only.signal is not None and settings.values is None else []
    return [f"{told['device']} = {text(only.device)}", *signal]


def _bounds(settings: SqlServerSource, span: TimeRange, naive: bool) -> Sequence[str]:
    wide = MOST if naive and settings.time_zone != "UTC" else 0
    time = f"source.{ident(settings.time)}"
    return [f"{time} >= {_moment(span.start - wide, naive)}", f"{time} < {_moment(span.end + wide, naive)}"]


def _moment(us: int, naive: bool) -> str:
    """In parts, since dateadd takes 32 bits."""
    days, rest = divmod(us, 86_400_000_000)
    seconds, rest = divmod(rest, 1_000_000)
    day = f"dateadd(day, {days:d}, {NAIVE if naive else OFFSET})"
    return f"dateadd(microsecond, {rest:d}, dateadd(second, {seconds:d}, {day}))"
