"""Readings -> closed windows: duplicates out, one row per (window, device, signal), emitted once the watermark closes it.

Rows travel under the start of their window, and the watermark is delayed by `watermark` + a window: a window is closed
exactly when an event at or after its end + watermark has been seen, and an event is never dropped while its window is
still open (Spark compares single rows with the watermark in the duplicate filter, but whole windows in the aggregation;
on starts of windows both comparisons are the same).

Where `watermark` is no whole number of windows, starts alone would close a window too late: an hour would wait for the
next hour but one. The watermark is then taken from the column `seen`, the time in ticks in which both are whole.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.pipeline.steps.clock import Clock
from ad_stream.pipeline.steps.telemetry import LATE
from ad_stream.pipeline.steps.ways_out import detail
from ad_stream.sources.contract import HEARTBEAT, quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from ad_stream.config import Config, Telemetry

MEASURES = ("value", "n", "min", "max", "mean")


def minutes(readings: DataFrame, config: Config, clock: Clock | None = None) -> DataFrame:
    """Streaming readings -> streaming groups, one per closed (window, device[, signal]) and one per odd element."""
    clock = clock or Clock(config.telemetry.max_ahead)
    grid = config.minutes.grid
    delay = config.minutes.watermark + grid.every
    told_by = "seen" if "seen" in readings.columns else "minute"
    timed = readings.withWatermark(told_by, f"{delay // timedelta(seconds=1)} seconds").drop("seen")
    once = clock.behind_watermark(timed, delay, grid).dropDuplicatesWithinWatermark(["key", "element"])
    return _auto(once, config) if config.telemetry.signals == "auto" else _declared(once, config)


def _auto(once: DataFrame, config: Config) -> DataFrame:
    """One group per signal found in the bodies."""
    rows = once.select("*", F.explode_outer("members").alias("signal", "x"))
    is_nan = F.col("signal").isNotNull() & F.col("x").isNull()
    rows = rows.withColumns({"odd": F.when(is_nan, F.col("nan_odd")).otherwise(F.col("odd"))}).withColumn(
        "signal", F.when(~is_nan, F.col("signal"))
    )
    return rows.groupBy("minute", "device_id", "signal", "odd").agg(*_measures(F.col("x"), "", config))


def _declared(once: DataFrame, config: Config) -> DataFrame:
    """One group per device, a set of columns per signal: fewer keys in the state than one group per signal."""
    both = F.when(F.col("nan_odd").isNull(), F.array("odd")).otherwise(F.array("odd", "nan_odd"))
    others = [name for name in once.columns if name not in ("odd", "nan_odd")]
    rows = once.select(*others, F.explode(both).alias("odd"))
    good = F.col("odd").isNull() | (F.col("odd.reason") == LATE)
    aggregates = [
        column
        for i, name in enumerate(config.telemetry.signals)
        for column in _measures(F.when(good, F.col("members")[name]), f"_{i}", config)
    ]
    return rows.groupBy("minute", "device_id", "odd").agg(*aggregates)


def _measures(value: Column, suffix: str, config: Config) -> list[Column]:
    columns = {
        "value": aggregate(value, config.minutes.aggregate), "n": F.count(value), "min": F.min(value),
        "max": F.max(value), "mean": F.avg(value),
    }  # fmt: skip
    return [column.alias(name + suffix) for name, column in columns.items()]


def aggregate(value: Column, kind: str) -> Column:
    """The value of a window from its readings; `last` needs the columns event_time and sequence beside them."""
    if kind == "last":  # a struct in the buffer makes Spark sort instead of hash, so only `last` pays for the order
        return F.max_by(value, F.when(value.isNotNull(), F.struct("event_time", "sequence")))
    plain = {"max": F.max, "min": F.min, "mean": F.avg, "sum": F.sum, "count": F.count}
    return plain[kind](value).cast("double")


def closed(groups: DataFrame, config: Config) -> DataFrame:
    """The good groups of a batch -> device_id, signal, minute, value, n, min, max, mean."""
    return _long(groups.where(F.col("odd").isNull()), config).select("device_id", "signal", "minute", *MEASURES)


def late(groups: DataFrame, config: Config) -> DataFrame:
    """The late readings of a batch -> the columns of the table `late` but query_id and batch_id."""
    odd = F.col("odd")
    return _long(groups.where(odd["reason"] == LATE), config).select(
        "device_id", "signal", odd["event_time"].alias("event_time"), odd["source"].alias("source"),
        odd["partition"].alias("partition"), odd["sequence"].alias("sequence"),
        F.col("max").alias("value"),  # the reading itself; the aggregate may be `count`
        odd["enqueued_time"].alias("enqueued_time"),
    )  # fmt: skip


def quarantine(groups: DataFrame, telemetry: Telemetry) -> DataFrame:
    """The bad elements of a batch -> the columns of the table `quarantine` but query_id and batch_id."""
    odd = F.col("odd")
    fields = ["source", "partition", "sequence", "element", "reason", "body", "body_bytes"]
    # Spark 4 asks a function for its type hints, which a partial has not.
    say = F.udf(lambda reason, body, element, off: detail(reason, body, element, off, telemetry), "string")
    return groups.where(odd.isNotNull() & ~odd["reason"].isin(LATE, HEARTBEAT)).select(
        *[odd[name].alias(name) for name in fields], "device_id", odd["enqueued_time"].alias("enqueued_time"),
        say(odd["reason"], odd["body"], odd["element"], seconds_ahead(odd)).alias("detail"),
    )  # fmt: skip


def seconds_ahead(odd: Column) -> Column:
    """How far the time of a rejected or late element is ahead of the hub's; negative where it is behind."""
    return F.unix_seconds(odd["event_time"]) - F.unix_seconds(odd["enqueued_time"])


def _long(groups: DataFrame, config: Config) -> DataFrame:
    """Wide groups -> one row per signal that has values."""
    if config.telemetry.signals == "auto":
        return groups.where("n > 0")
    names = list(config.telemetry.signals)
    rows = ", ".join(
        f"{quoted(name)}, " + ", ".join(f"{measure}_{i}" for measure in MEASURES) for i, name in enumerate(names)
    )
    stack = F.expr(f"stack({len(names)}, {rows})").alias("signal", *MEASURES)
    return groups.select("minute", "device_id", "odd", stack).where("n > 0")
