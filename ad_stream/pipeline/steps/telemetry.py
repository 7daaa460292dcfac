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

from ad_stream.pipeline.steps.bodies import elements_of, is_heartbeat, is_longer, quoted
from ad_stream.pipeline.steps.clock import BAD_ENQUEUED_TIME, Clock, micros, window_start
from ad_stream.sources.contract import SET_ASIDE, storable, timestamp

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from ad_stream.config import Config, Telemetry

LATE = "late"
NAN = "not_a_number"
NOT_SIGNALS = (
    "id", "deviceId", "device_id", "messageId", "message_id", "time", "timestamp", "ts", "date", "datetime",
    "eventTime", "event_time", "enqueuedTime", "enqueued_time",
)  # fmt: skip
"""Members that `signals: auto` never takes for a signal: ids and times."""

LARGEST = "1.7976931348623157E308D"


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
    """Adds device, body_time, members, any_member and any_nan."""
    times = telemetry.event_time != "enqueued"
    time_text = _member(telemetry.event_time) if times else "cast(null as string)"
    is_auto = telemetry.signals == "auto"
    raw, members, any_member, any_nan = _auto(telemetry) if is_auto else _declared(telemetry)
    devices = ["device_id" if name == "system" else _member(name) for name in telemetry.device_id]
    device = "coalesce(" + ", ".join(f"nullif({text}, '')" for text in devices) + ")"
    shown = f"translate(left({device}, {telemetry.max_name}), char(0), '\ufffd')"
    # All names in one text first: where that is short and holds no 0, no name is long or holds one.
    names = "array_join(map_keys(members), '')"
    longer = f"exists(map_keys(members), k -> {is_longer('k', telemetry.max_name)})"
    long_signal = f"(octet_length({names}) > {telemetry.max_name} and {longer})" if is_auto else "false"
    bad_signal = _has_nul(names) if is_auto else "false"
    # The numbers in steps of their own: whoever looks at one in the step that makes it, makes it again.
    return (
        elements.selectExpr("*", *raw)
        .selectExpr(*elements.columns, f"{members} as members")
        .selectExpr(
            *[name for name in elements.columns if name != "one"],
            "one is null as no_object",
            f"if({is_longer(device, telemetry.max_name)} or {_has_nul(device)}, {shown}, {device}) as device",
            f"{is_longer(device, telemetry.max_name)} or {long_signal} as long_name",
            f"{_has_nul(device)} or {bad_signal} as bad_name",
            f"{f'size(one) > {telemetry.max_members}' if is_auto else 'false'} as many_members",
            f"{time_text} is not null as has_time",
            f"{instant(time_text)} as body_time",
            "members",
            f"{any_member} as any_member",
            f"{any_nan} as any_nan",
        )
    )


def _has_nul(text: str) -> str:
    """SQL: whether a text holds the character 0, which databases and reports behind the tables refuse."""
    return f"contains({text}, char(0))"


def _member(name: str) -> str:
    return f"one[{quoted(name)}]"


def instant(text: str) -> str:
    """SQL: ISO 8601 text with a date, or epoch seconds or milliseconds as a number; null where it is neither.

    Spark would also take a time of day (as one of today) and a bare year, and it hands 1793491450.5 over as 1.7934914505E9.
    """
    number = f"try_cast({text} as double)"
    epoch = f"timestamp_micros(cast({number} * if(abs({number}) > 1e11, 1000, 1000000) as bigint))"
    # Dates are told apart first because the pattern is dear.
    is_number = f"{text} rlike '^ *-?([0-9]{{9,13}}([.][0-9]+)?|[0-9][.][0-9]+E([89]|1[012])) *$'"
    return storable(
        f"if(substr(ltrim({text}), 5, 1) = '-', {timestamp(text)}, if({is_number}, {epoch}, cast(null as timestamp)))"
    )


def _number(text: str) -> str:
    """SQL: the number a text stands for, else null. Java would read '5d' and '0x1p3' as numbers, JSON users would not."""
    decimal = " and ".join(f"not contains({text}, '{letter}')" for letter in "dDfFxX")
    return f"try_cast(if({decimal}, {text}, null) as double)"


def _finite(number: str) -> str:
    """SQL: a number, null where it is infinite or none."""
    return f"if(abs({number}) <= {LARGEST}, {number}, cast(null as double))"


def _declared(telemetry: Telemetry) -> tuple[list[str], str, str, str]:
    """-> columns for the step before, then members, whether there is one, whether one is no number."""
    texts = [_member(name) for name in telemetry.signals]
    raw = [f"{_number(text)} as number_{place}" for place, text in enumerate(texts)]
    fields = ", ".join(f"{quoted(name)}, {_finite(f'number_{place}')}" for place, name in enumerate(telemetry.signals))
    any_nan = " or ".join(
        f"({text} is not null and members[{quoted(name)}] is null)"
        for name, text in zip(telemetry.signals, texts, strict=True)
    )
    return raw, f"named_struct({fields})", " or ".join(f"{text} is not null" for text in texts), any_nan


def _auto(telemetry: Telemetry) -> tuple[list[str], str, str, str]:
    """As `_declared`. Numeric members; objects, arrays, true, false and null are no signals, text that is no number is odd."""
    left_out = dict.fromkeys([*NOT_SIGNALS, *telemetry.device_id, telemetry.event_time, *telemetry.ignore])
    names = ",".join(quoted(name) for name in left_out)
    signal = f"k not in ({names}) and v not in ('true','false') and left(v, 1) not in ('{{','[')"
    numbers = f"transform_values(map_filter(one, (k, v) -> {signal}), (k, v) -> {_number('v')})"
    return (
        [],
        f"transform_values({numbers}, (k, v) -> {_finite('v')})",
        "cardinality(members) > 0",
        "exists(map_values(members), v -> v is null)",
    )


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
            "future_time",
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
    timed = placed.withColumn("told", F.when(reason.isNull(), F.col("event_time")).otherwise(F.col("enqueued_time")))
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
    return F.struct(
        reason.alias("reason"),
        F.when(reason != LATE, F.col("cut")).alias("body"),
        "body_bytes", "enqueued_time", "event_time", "source", "partition", "sequence", "element",
    )  # fmt: skip


def checked(elements: DataFrame, config: Config) -> DataFrame:
    """Elements that nobody had to parse -> readings, by the checks of those that were parsed.

    elements: the columns that `bodies.elements_of` makes, with `one` as the declared shape (or a map) of texts, the device
    in `device_id`, and `time` (timestamp) beside it.
    """
    own = {"device_id": ["system"], "event_time": "enqueued"}  # these settings are about members of bodies
    measured = _measured(elements, config.telemetry.model_copy(update=own))
    return _judged(measured.withColumns({"has_time": F.lit(True), "body_time": F.col("time")}), config)
