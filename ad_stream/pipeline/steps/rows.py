"""Rows of a table or database -> readings: they enter behind parsing and pass the checks that messages pass.

A row becomes what a body with one member would be once it is parsed, so that number, name, clock, late and duplicate are
judged in one place (`telemetry`). A row arrived at its `enqueued_time`; where the source does not know that, `time` counts,
and no row is late. Either is believed within the bounds of the clock that hub times are measured by.

A row without a time that is believed has no minute to travel under; it gets one behind the watermark
(`Clock.behind_watermark`), so it is in quarantine once telemetry has reached the time at which it was read.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.pipeline.steps import telemetry
from ad_stream.sources.contract import HEARTBEAT, quoted, storable
from ad_stream.sources.instants import is_rare, rewritten, usual
from ad_stream.times import moment

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from ad_stream.config import Config
    from ad_stream.pipeline.steps.clock import Clock

NO_TIME = "timestamp'1970-01-01 00:00:00Z'"
"""What the checks take for the arrival of a row that has none: any time is ahead of it."""
IS_HEARTBEAT = f"coalesce(signal = {quoted(HEARTBEAT)}, false)"


def readings(rows: DataFrame, config: Config, clock: Clock, start: datetime | None = None) -> DataFrame:
    """Rows (ROW) -> the columns of `telemetry.readings`; of rows before `start`, or `source.start`, nothing is left."""
    wanted = _wanted(config)
    counted = rows.observe(
        "events",
        F.count(F.when(~F.expr(IS_HEARTBEAT), 1)).alias("events"),
        F.count(F.when(~F.expr(IS_HEARTBEAT) & ~wanted, 1)).alias("non_telemetry"),
    )
    timed = _timed(counted.where(F.expr(IS_HEARTBEAT) | wanted), clock)
    since = start or _configured(config.source.start)
    if since is not None:
        timed = timed.where(F.coalesce(F.coalesce("arrival", "time") >= F.lit(since), F.lit(True)))
    return telemetry.checked(_elements(timed, config), config).transform(_without_minute)


def _configured(start: str) -> datetime | None:
    return None if start in ("earliest", "latest") else moment(start)


def _without_minute(checked: DataFrame) -> DataFrame:
    """Takes minute and arrival from odd rows that had neither: under `NO_TIME` the watermark would drop them."""
    unknown = F.coalesce(F.col("odd.enqueued_time") == F.expr(NO_TIME), F.lit(False))
    odd = F.col("odd").withField("enqueued_time", F.lit(None).cast("timestamp"))
    return checked.withColumns({
        "minute": F.when(~unknown, F.col("minute")), "odd": F.when(unknown, odd).otherwise(F.col("odd")),
    })  # fmt: skip


def _wanted(config: Config) -> Column:
    """Signals that are not declared, or ignored, are passed over, as members of a body are; null is judged later."""
    declared, signal = config.telemetry.signals, F.col("signal")
    wanted = F.lit(True) if declared == "auto" else signal.isin(list(declared))
    ignored = signal.isin(config.telemetry.ignore) if config.telemetry.ignore else F.lit(False)
    return F.coalesce(wanted & ~ignored, F.lit(True))


def _timed(rows: DataFrame, clock: Clock) -> DataFrame:
    """Adds `arrival` and turns `time` into a timestamp, null where it is none."""
    is_time = dict(rows.dtypes)["time"] == "timestamp"
    timed = rows
    if not is_time:
        text = rows.withColumn("time", F.col("time").cast("string"))
        read = text.withColumn("time", F.expr(f"if({is_rare('time')}, {rewritten('time')}, time)"))
        timed = read.withColumn("time", F.expr(usual("time"))).withColumn("time", F.expr(storable("time")))
    believed = [clock.believed(name) for name in ("enqueued_time", "time")]
    return timed.withColumn("arrival", F.expr(f"coalesce({', '.join(believed)})"))


def _elements(timed: DataFrame, config: Config) -> DataFrame:
    """What `telemetry` makes of a body with one member; as `body` the row itself, for quarantine."""
    signals = config.telemetry.signals
    value = "cast(value as string)"
    one = (
        f"map_filter(map(coalesce(signal, ''), {value}), (k, v) -> k != '')"
        if signals == "auto"
        else "named_struct(" + ", ".join(f"{quoted(s)}, if(signal = {quoted(s)}, {value}, null)" for s in signals) + ")"
    )
    row = f"cast(concat(coalesce(signal, 'null'), ' = ', coalesce({value}, 'null')) as binary)"
    return timed.selectExpr(
        f"substring({row}, 1, {config.telemetry.keep_body}) as cut", f"cast(octet_length({row}) as bigint) as body_bytes",
        "cast(null as bigint) as body_hash",
        f"coalesce(arrival, {NO_TIME}) as enqueued_time", "device_id", "cast(null as string) as message_id",
        "source", "partition", "sequence", "time", f"if({IS_HEARTBEAT}, {quoted(HEARTBEAT)}, null) as unreadable",
        "0 as position", f"{one} as one",
    )  # fmt: skip
