"""Events -> readings: every element of a body (`steps.bodies`) is good, late or odd and says why.

Good and bad travel in one plan, because a second query would steal the Event Hubs epoch and a second read would
cost as much as the first. A row is good while `odd` is null; otherwise `odd` holds all that the tables `quarantine`
or `late` will show. Rows travel under `minute`: that of the event for good rows, that of the enqueued time for odd
ones, so that no device clock moves the watermark past the hub's. A row whose hub time is not trusted has no minute
(`ad_stream.pipeline.steps.clock`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.pipeline.steps import members as of_members
from ad_stream.pipeline.steps.bodies import elements_of, is_heartbeat, is_longer
from ad_stream.pipeline.steps.body_times import TIME, forms_of, with_time
from ad_stream.pipeline.steps.clock import BAD_ENQUEUED_TIME, Clock, micros, window_start
from ad_stream.pipeline.steps.observations import NAMES, joined, observed
from ad_stream.sources.contract import SET_ASIDE, storable

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from ad_stream.config import Config, Telemetry

LATE, FUTURE = "late", "future_time"
NAN = "not_a_number"


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
    """Adds device, body_time, members, any_member (one that counts) and any_nan."""
    is_auto, has_time = telemetry.signals == "auto", telemetry.event_time != "enqueued"
    time_text = of_members.member(telemetry, telemetry.event_time) if has_time else "cast(null as string)"
    found = of_members.auto(telemetry) if is_auto else of_members.declared(telemetry)
    devices = ["device_id" if name == "system" else of_members.member(telemetry, name) for name in telemetry.device_id]
    device = "coalesce(" + ", ".join(f"nullif({text}, '')" for text in devices) + ")"
    shown = f"translate(left({device}, {telemetry.max_name}), char(0), '\ufffd')"
    # All names in one text first: where that is short and holds no 0, no name is long or holds one.
    names = "array_join(map_keys(members), '')"
    longer = f"exists(map_keys(members), k -> {is_longer('k', telemetry.max_name)})"
    long_signal = f"(octet_length({names}) > {telemetry.max_name} and {longer})" if is_auto else "false"
    bad_signal = _has_nul(names) if is_auto else "false"
    # The numbers in steps of their own: whoever looks at one in the step that makes it, makes it again. Times before them: of the
    # two, only the numbers of `auto` hold a lambda, and steps between two that are not compiled would copy each row.
    timed = _timed(elements, time_text, telemetry)
    words = [f"{found.words} as words"] if found.words else []
    numbers = timed.selectExpr("*", *found.raw).selectExpr(*timed.columns, f"{found.members} as members", *words)
    kept = [name for name in timed.columns if name not in ("one", TIME)]
    return numbers.selectExpr(
        *kept,
        "one is null as no_object",
        f"if({is_longer(device, telemetry.max_name)} or {_has_nul(device)}, {shown}, {device}) as device",
        f"{is_longer(device, telemetry.max_name)} or {long_signal} as long_name",
        f"{_has_nul(device)} or {bad_signal} as bad_name",
        f"{f'size(one) > {telemetry.max_members}' if is_auto else 'false'} as many_members",
        f"{time_text} is not null as has_time",
        f"{storable(TIME)} as body_time",
        "members",
        f"{found.any_member if found.refused == 'false' else f'({found.any_member}) and not {found.refused}'} as any_member",
        f"{found.any_nan} as any_nan",
        *([f"{joined('words')} as {NAMES}"] if words else []),
    )


def _timed(elements: DataFrame, text: str, telemetry: Telemetry) -> DataFrame:
    if telemetry.event_time == "enqueued":
        return elements.selectExpr("*", f"cast(null as timestamp) as {TIME}")
    near = f"(enqueued_time + interval {micros(telemetry.max_future)} microseconds)"
    return with_time(elements, text, forms_of(telemetry), near)


def _has_nul(text: str) -> str:
    """SQL: whether a text holds the character 0, which databases and reports behind the tables refuse."""
    return f"contains({text}, char(0))"


def _judged(elements: DataFrame, config: Config) -> DataFrame:
    """Gives each element its reason, its travelling minute and the key by which its copies are known."""
    reason = (
        F.when(F.col("unreadable").isNotNull(), F.col("unreadable"))
        .when(F.col("no_object"), "malformed")
        .when(F.col("enqueued_time").isNull(), BAD_ENQUEUED_TIME)
        .when(F.col("many_members"), "too_many_members")
        .when(F.col("long_name"), "name_too_long")
        .when(F.col("bad_name"), "bad_name")
        .when(F.col("device").isNull(), "no_device")
        .when(F.col("has_time") & F.col("body_time").isNull(), "bad_time")
        .when(
            F.expr(f"unix_micros(body_time) > unix_micros(enqueued_time) + {micros(config.telemetry.max_future)}"),
            FUTURE,
        )
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
    closes = F.unix_micros(window_start("event_time", grid.seconds)) + F.lit(micros(watermark + grid.every))
    is_late = F.col("reason").isNull() & (F.unix_micros("enqueued_time") >= closes)
    reason = F.when(is_late, LATE).otherwise(F.col("reason"))
    is_nan = F.col("any_nan") & (F.col("reason").isNull())
    timed = observed(placed).withColumn(
        "told", F.when(reason.isNull(), F.col("event_time")).otherwise(F.col("enqueued_time"))
    )
    tick = grid.tick(watermark)
    return timed.select(
        "key", "element", "event_time", "sequence", window_start("told", grid.seconds).alias("minute"),
        *([] if tick == grid.seconds else [window_start("told", tick).alias("seen")]),
        F.col("device").alias("device_id"),
        F.when(reason.isNotNull(), _odd(reason)).alias("odd"),
        F.when(is_nan, _odd(F.lit(NAN))).alias("nan_odd"),
        F.when(F.col("reason").isNull(), F.col("members")).alias("members"),
    )  # fmt: skip


def _odd(reason: Column) -> Column:
    # How far a clock is ahead is told by what it says; such a time goes no further than quarantine.
    time = F.when(reason == FUTURE, F.col("body_time")).otherwise(F.col("event_time"))
    return F.struct(
        reason.alias("reason"),
        F.when(reason != LATE, F.col("cut")).alias("body"),
        "body_bytes", "enqueued_time", time.alias("event_time"), "source", "partition", "sequence", "element",
    )  # fmt: skip


def checked(elements: DataFrame, config: Config) -> DataFrame:
    """Elements that nobody had to parse -> readings, by the checks of those that were parsed.

    elements: the columns that `bodies.elements_of` makes, with `one` as the declared shape (or a map) of texts, the device
    in `device_id`, and `time` (timestamp) beside it.
    """
    # These settings are about members of bodies; the text of a row is a value that is no number.
    own = {"device_id": ["system"], "event_time": "enqueued", "text": "quarantine", "records": "off"}
    measured = _measured(elements, config.telemetry.model_copy(update=own))
    return _judged(measured.withColumns({"has_time": F.lit(True), "body_time": F.col("time")}), config)
