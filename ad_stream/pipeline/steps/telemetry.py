"""Events -> readings: every element of a body is good, late or odd and says why.

Good and bad travel in one plan, because a second query would steal the Event Hubs epoch and a second read would
cost as much as the first. A row is good while `odd` is null; otherwise `odd` holds all that the tables `quarantine`
or `late` will show. Rows travel under `minute`: that of the event for good rows, that of the enqueued time for odd
ones, so that no device clock moves the watermark past the hub's. A row whose hub time is not trusted has no minute
(`ad_stream.pipeline.steps.clock`).

A reason travels with what it rests on behind it ("bad_time: ts is 'soon'"); the tables keep the two apart (`windows.quarantine`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.pipeline.steps import members as of_members
from ad_stream.pipeline.steps.bodies import elements_of, is_heartbeat, is_longer
from ad_stream.pipeline.steps.clock import BAD_ENQUEUED_TIME, Clock, window_start
from ad_stream.sources.contract import SET_ASIDE, storable
from ad_stream.sources.instants import TimeForms, instant, later_of_fold, let, literal, raw_instant
from ad_stream.sources.instants import literal as quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from ad_stream.config import Config, Telemetry

LATE = "late"
NAN = "not_a_number"
BEHIND = ": "
"""Between a reason and what it rests on."""
ZONES, NEAR_ZONE = 900, 120
"""Seconds: time zones differ by whole quarters of an hour; a clock this near to one is taken for a zone."""
LONGEST_DETAIL = 200
HELP = {
    "empty": "the message has no body",
    "not_utf8": "if bodies are packed, set telemetry.compressed",
    "too_large": "set telemetry.max_body",
    "too_deep": "set telemetry.max_depth",
    "too_many_elements": "set telemetry.max_elements",
    "too_many_members": "set telemetry.max_members, or declare telemetry.signals",
    "no_device": "name the member that holds it in telemetry.device_id",
}
"""Reason -> the way out, where it is the same for every message."""

__all__ = ["LATE", "checked", "instant", "quoted", "readings"]


def readings(events: DataFrame, config: Config, clock: Clock | None = None) -> DataFrame:
    """Events -> one row per body element: key, element, minute, event_time, sequence, device_id, odd, nan_odd, members.

    members: struct of the declared signals (double), or map name -> double (auto); null = not sent or no number.
    nan_odd: the quarantine row of an element some of whose members are no numbers; its other members live.
    minute: start of the window; with it `seen`, what the watermark is taken from, where the two differ (windows.minutes).
    Both null where the hub's time is not trusted. clock: what such times are measured by, this machine's by default.
    """
    telemetry = config.telemetry
    clock = clock or Clock(telemetry.max_ahead)
    return (
        events.transform(_counted)
        .where(_is_telemetry() | is_heartbeat())
        .transform(lambda df: elements_of(df, telemetry, clock))
        .transform(lambda df: _measured(df, telemetry))
        .transform(lambda df: _judged(df, config))
    )


def _counted(events: DataFrame) -> DataFrame:
    """Counts arrive in the batch's progress as `observedMetrics.events`."""
    return events.observe(
        "events",
        F.count(F.when(~is_heartbeat(), 1)).alias("events"),
        F.count(F.when(~is_heartbeat() & ~_is_telemetry(), 1)).alias("non_telemetry"),
    )


def _is_telemetry() -> Column:
    return F.coalesce(F.lower("message_source").isin("telemetry", SET_ASIDE), F.lit(True))


def _measured(elements: DataFrame, telemetry: Telemetry) -> DataFrame:
    """Adds device, body_time, members, any_member, any_nan and what there is to say of them."""
    times = telemetry.event_time != "enqueued"
    time_text = of_members.member(telemetry, telemetry.event_time) if times else "cast(null as string)"
    is_auto = telemetry.signals == "auto"
    found = of_members.auto(telemetry) if is_auto else of_members.declared(telemetry)
    devices = ["device_id" if name == "system" else of_members.member(telemetry, name) for name in telemetry.device_id]
    device = "coalesce(" + ", ".join(f"nullif({text}, '')" for text in devices) + ")"
    shown = f"translate(left({device}, {telemetry.max_name}), char(0), '\ufffd')"
    # All names in one text first: where that is short and holds no 0, no name is long or holds one.
    names = "array_join(map_keys(members), '')"
    longer = f"exists(map_keys(members), k -> {is_longer('k', telemetry.max_name)})"
    long_signal = f"(octet_length({names}) > {telemetry.max_name} and {longer})" if is_auto else "false"
    bad_signal = _has_nul(names) if is_auto else "false"
    forms = TimeForms(telemetry.time_zone, telemetry.time_unit, telemetry.day_first)
    near = f"(enqueued_time + interval {_micros(telemetry.max_future)} microseconds)"
    # The numbers in a step of their own, so that the flags look at them and do not make them again.
    numbers = elements.selectExpr(
        "*", f"{found.members} as members", f"{raw_instant(time_text, forms, near)} as raw_time"
    )
    return numbers.selectExpr(
        *[name for name in elements.columns if name != "one"],
        "one is null as no_object",
        f"if({is_longer(device, telemetry.max_name)} or {_has_nul(device)}, {shown}, {device}) as device",
        f"{is_longer(device, telemetry.max_name)} or {long_signal} as long_name",
        f"{_has_nul(device)} or {bad_signal} as bad_name",
        f"{f'size(one) > {telemetry.max_members}' if is_auto else 'false'} as many_members",
        f"{time_text} is not null as has_time",
        f"{storable('raw_time')} as body_time",
        f"left({time_text}, 60) as time_text",
        f"{_gap(time_text, telemetry.time_zone)} as in_gap",
        "members",
        f"{found.any_member} as any_member",
        f"{found.any_nan} as any_nan",
        f"if({found.any_nan}, {found.nan_detail}, null) as nan_detail",
        f"if({found.any_member}, null, {found.none_detail}) as none_detail",
    )


def _gap(text: str, zone: str | None) -> str:
    """SQL: whether a clock of the zone never shows the local time of a text (beginning of summer time)."""
    if zone in (None, "UTC"):
        return "false"
    local, named = f"try_cast(left({text}, 19) as timestamp)", literal(str(zone))
    return f"coalesce(from_utc_timestamp(to_utc_timestamp({local}, {named}), {named}) <> {local}, false)"


def _has_nul(text: str) -> str:
    """SQL: whether a text holds the character 0, which databases and reports behind the tables refuse."""
    return f"locate(char(0), {text}) > 0"


def _judged(elements: DataFrame, config: Config) -> DataFrame:
    """Gives each element its reason, its travelling minute and the key by which its copies are known."""
    telemetry = config.telemetry
    future = f"unix_micros(body_time) > unix_micros(enqueued_time) + {_micros(telemetry.max_future)}"
    reason = (
        F.when(F.col("unreadable").isNotNull(), F.col("unreadable"))
        .when(F.col("no_object"), "malformed")
        .when(F.col("enqueued_time").isNull(), BAD_ENQUEUED_TIME)
        .when(F.col("many_members"), "too_many_members")
        .when(F.col("long_name"), "name_too_long")
        .when(F.col("bad_name"), "bad_name")
        .when(F.col("device").isNull(), "no_device")
        .when(F.col("has_time") & F.col("body_time").isNull(), "bad_time")
        .when(F.expr(future), "future_time")
        .when(~F.col("any_member"), "no_signal")
    )
    placed = elements.select(
        "*",
        reason.alias("reason"),
        F.least(F.col("body_time"), F.col("enqueued_time")).alias("event_time"),
        F.coalesce(F.col("position"), F.lit(0)).cast("long").alias("element"),
        F.expr(
            "if(message_id is not null, concat_ws('|', 'm', device, message_id, body_hash),"
            " concat_ws('|', 's', source, partition, sequence))"
        ).alias("key"),
    )
    return _tagged(placed, config)


def _tagged(placed: DataFrame, config: Config) -> DataFrame:
    # The stream closes a window as soon as an event enqueued `watermark` after its end may have been seen.
    grid, watermark = config.minutes.grid, config.minutes.watermark
    closes = F.unix_micros(window_start("event_time", grid.seconds)) + F.lit(_micros(watermark + grid.every))
    is_late = F.col("reason").isNull() & (F.unix_micros("enqueued_time") >= closes)
    reason = F.when(is_late, LATE).otherwise(F.col("reason"))
    is_nan = F.col("any_nan") & (F.col("reason").isNull())
    timed = _clocks_observed(placed.withColumn("is_late", is_late), config.telemetry).withColumn(
        "told", F.when(reason.isNull(), F.col("event_time")).otherwise(F.col("enqueued_time"))
    )
    tick = grid.tick(watermark)
    return timed.select(
        "key", "element", "event_time", "sequence", window_start("told", grid.seconds).alias("minute"),
        *([] if tick == grid.seconds else [window_start("told", tick).alias("seen")]),
        F.col("device").alias("device_id"),
        F.when(reason.isNotNull(), _odd(reason, _with_detail(reason, config.telemetry))).alias("odd"),
        F.when(is_nan, _odd(F.lit(NAN), F.concat_ws(BEHIND, F.lit(NAN), _shown("nan_detail")))).alias("nan_odd"),
        F.when(F.col("reason").isNull(), F.col("members")).alias("members"),
    )  # fmt: skip


def _clocks_observed(placed: DataFrame, telemetry: Telemetry) -> DataFrame:
    """What the clocks of devices look like: `observedMetrics.clocks` of the batch's progress."""
    if telemetry.event_time == "enqueued":
        return placed
    timed, ahead = F.col("body_time").isNotNull(), F.col("reason") == "future_time"
    off = F.when(timed, F.unix_seconds("body_time") - F.unix_seconds("enqueued_time"))
    fold = F.lit(False)
    if telemetry.time_zone not in (None, "UTC"):
        zone = str(telemetry.time_zone)
        local = f"from_utc_timestamp(body_time, {literal(zone)})"
        fold = F.expr(f"{let(local, 'l', later_of_fold('l', zone))} is not null")
    return placed.observe(
        "clocks", F.count(F.when(timed, 1)).alias("timed"), F.count(F.when(ahead, 1)).alias("ahead"),
        F.count(F.when(F.col("is_late"), 1)).alias("late"), F.min(off).alias("least"), F.max(off).alias("most"),
        F.count(F.when(timed & fold, 1)).alias("folds"), F.count(F.when(timed & F.col("in_gap"), 1)).alias("gaps"),
    )  # fmt: skip


def _with_detail(reason: Column, telemetry: Telemetry) -> Column:
    """The reason and, behind it, what it rests on in this message and the way out; `late` stays bare, rows are told by it."""
    seconds = F.expr("unix_seconds(body_time) - unix_seconds(enqueued_time)")
    near = F.abs(seconds - F.round(seconds / ZONES) * ZONES) <= NEAR_ZONE
    zone = F.when(near, ", local time of a zone? set telemetry.time_zone").otherwise("")
    dated = F.when(
        F.col("time_text").rlike("^ *[0-9]{1,2}[/-][0-9]{1,2}[/-][0-9]{4}"), ", set telemetry.day_first"
    ).otherwise("")
    time = F.lit(telemetry.event_time)
    detail = (
        F.when(reason == "bad_time", F.concat(time, F.lit(" is '"), F.col("time_text"), F.lit("'"), dated))
        .when(
            reason == "future_time",
            F.concat(time, F.lit(" is "), seconds.cast("string"), F.lit(" s ahead of the hub"), zone),
        )
        .when(reason == "no_signal", F.col("none_detail"))
    )
    for name, way_out in HELP.items():
        detail = detail.when(reason == name, way_out)
    return F.when(reason == LATE, reason).otherwise(F.concat_ws(BEHIND, reason, _shown(detail)))


def _shown(detail: Column | str) -> Column:
    """Short, and without what databases refuse."""
    return F.regexp_replace(F.substring(detail, 1, LONGEST_DETAIL), "[\\x00-\\x1f]", " ")


def _odd(reason: Column, told: Column) -> Column:
    return F.struct(
        told.alias("reason"),
        F.when(reason != LATE, F.col("cut")).alias("body"),
        "body_bytes", "enqueued_time", "event_time", "source", "partition", "sequence", "element",
    )  # fmt: skip


def _micros(duration: timedelta) -> int:
    """For sums of whole numbers: adding an interval to a timestamp asks the calendar."""
    return duration // timedelta(microseconds=1)


def checked(elements: DataFrame, config: Config) -> DataFrame:
    """Elements that nobody had to parse -> readings, by the checks of those that were parsed.

    elements: the columns that `bodies.elements_of` makes, with `one` as the declared shape (or a map) of texts, the device
    in `device_id`, and `time` (timestamp) beside it.
    """
    # These settings are about members of bodies; the text of a row is a value that is no number.
    own = {"device_id": ["system"], "event_time": "enqueued", "text": "quarantine"}
    measured = _measured(elements, config.telemetry.model_copy(update=own))
    enqueued = config.model_copy(update={"telemetry": config.telemetry.model_copy(update={"event_time": "enqueued"})})
    return _judged(measured.withColumns({"has_time": F.lit(True), "body_time": F.col("time")}), enqueued)
