"""The time that a body tells: rare forms rewritten while bodies are taken apart, local times resolved where a zone is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ad_stream.pipeline.steps.shapes import replaced
from ad_stream.sources.contract import quoted
from ad_stream.sources.instants import NUMBER, TimeForms, is_rare, rewritten, usual

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame

    from ad_stream.config import Telemetry

TIME = "raw_time"
NAMES_ZONE = "(?i)(?::[0-9.]+|T[0-9]{4,6}) *(?:z|[+-][0-9]{2}:?[0-9]{0,2}|[a-z]{3,4}|[a-z]+/[a-z_]+) *$"


def forms_of(telemetry: Telemetry) -> TimeForms:
    """How the settings say that times are meant."""
    return TimeForms(telemetry.time_zone, telemetry.time_unit, telemetry.day_first)


def usual_times(elements: str, time: str, fields: Sequence[str] | None, forms: TimeForms) -> str:
    """SQL: elements -> the same with times in usual forms.

    fields: members of an element that is a struct; None: it is a map.
    """
    all_of = f"transform({elements}, e -> {usual_time('e', time, fields, forms)})"
    return f"if({any_rare(elements, time, forms)}, {all_of}, {elements})"


def any_rare(elements: str, time: str, forms: TimeForms) -> str:
    """SQL: whether the first or the last element has a time in no usual form.

    What sends a body writes all its times alike; a look at each of thousands would cost more than reading them.
    """
    ends = [
        is_rare(f"{end}[{quoted(time)}]", forms) for end in (f"get({elements}, 0)", f"try_element_at({elements}, -1)")
    ]
    return f"({ends[0]} or (size({elements}) > 1 and {ends[1]}))"


def usual_time(element: str, time: str, fields: Sequence[str] | None, forms: TimeForms) -> str:
    """SQL: one element with its time in a usual form."""
    text = f"{element}[{quoted(time)}]"
    new = rewritten(text, forms)
    if fields is None:
        changed = replaced(element, time, new)
    else:
        kept = [new if name == time else f"{element}[{quoted(name)}]" for name in fields]
        members = ", ".join(f"{quoted(name)}, {sql}" for name, sql in zip(fields, kept, strict=True))
        changed = f"named_struct({members})"
    return f"if({is_rare(text, forms)}, {changed}, {element})"


def with_time(rows: DataFrame, text: str, forms: TimeForms, near: str) -> DataFrame:
    """Rows -> with `raw_time`, the instant that the SQL `text` stands for (null: none; it may be one that no table holds).

    With a zone also `in_fold` and `in_gap`: whether a clock shows the local time twice, or never. near: SQL of the latest time
    that is likely; of two instants the later one counts where it is not beyond.
    """
    found = rows.selectExpr("*", f"{usual(text)} as {TIME}")
    return found if forms.zone in (None, "UTC") else _in_zone(found, text, str(forms.zone), near)


def _in_zone(rows: DataFrame, text: str, zone: str, near: str) -> DataFrame:
    """Times whose text names no zone, and so were read as UTC, as local times of the zone; one in a gap moves on by it."""
    named, day = quoted(zone), "interval 24 hours"
    tells = f"({text} rlike {quoted(NAMES_ZONE)} or {text} rlike '{NUMBER}')"
    # What one step uses more than once is a column of the step before it.
    first = rows.selectExpr("*", f"if({tells}, cast(null as timestamp), {TIME}) as local").selectExpr(
        "*", f"to_utc_timestamp(local, {named}) as first"
    )
    later = f"(local - (from_utc_timestamp(first + {day}, {named}) - (first + {day})))"
    both = first.selectExpr("*", f"{later} as other").selectExpr(
        "*", f"if(other > first and from_utc_timestamp(other, {named}) = local, other, null) as later"
    )
    others = [name for name in rows.columns if name != TIME]
    return both.selectExpr(
        *others, f"if(local is null, {TIME}, if(later <= {near}, later, first)) as {TIME}", "later is not null as in_fold",
        f"coalesce(from_utc_timestamp(first, {named}) <> local, false) as in_gap",
    )  # fmt: skip
