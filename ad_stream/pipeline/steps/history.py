"""The last minutes of every series, packed: one row per (bucket, minute) with parallel arrays of series and values.

Why not the table `minutes` itself: re-reading long rows costs a shuffle and a sort of series x points rows each
trigger. A packed row is read as two arrays. Per series and trigger 16 bytes are written, whatever `points` is.
Delivery: as `minutes` (one append per batch, skipped when repeated). The table is a cache: `rebuild` makes it anew
from `minutes`, and hours that no window can reach any more are deleted.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.times import from_seconds

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from ad_stream.pipeline.store.delta import Tables

BUCKETS = 64
"""Fixed, because it is stored; a power of two, so that fewer and larger groups can be read."""


def series_id() -> Column:
    """The number by which the packed rows know a series: 64 bits; a million series share one with odds of 3 in 10^8."""
    return F.xxhash64("device_id", "signal")


def pack(minutes: DataFrame) -> DataFrame:
    """device_id, signal, minute, value -> hour, bucket, minute, ids, values."""
    pairs = minutes.select(
        "minute", series_id().alias("id"), F.pmod(series_id(), F.lit(BUCKETS)).cast("int").alias("bucket"), "value"
    )
    packed = pairs.groupBy("bucket", "minute").agg(F.sort_array(F.collect_list(F.struct("id", "value"))).alias("pairs"))
    return packed.select(
        F.date_trunc("hour", "minute").alias("hour"), "bucket", "minute",
        F.col("pairs.id").alias("ids"), F.col("pairs.value").alias("values"),
    )  # fmt: skip


def read(tables: Tables, first: datetime, before: datetime) -> DataFrame:
    """The packed minutes first <= minute < before."""
    in_hours = F.col("hour") >= first.replace(minute=0, second=0, microsecond=0)
    return tables.read("history").where(in_hours & (F.col("minute") >= first) & (F.col("minute") < before))


def span(rows: DataFrame) -> tuple[datetime | None, datetime | None]:
    """The first and the last `minute` of some rows, UTC; None, None where there are none."""
    row = rows.agg(F.unix_seconds(F.min("minute")), F.unix_seconds(F.max("minute"))).first()
    if row is None or row[0] is None:
        return None, None
    return from_seconds(row[0]), from_seconds(row[1])


def rebuild(tables: Tables, reach: timedelta) -> None:
    """Make the history of that length anew from `minutes` where it does not reach back far enough (points raised, table lost)."""
    # The packed table is small; the long one is only searched in full where the packed one is lost.
    _, newest = span(tables.read("history"))
    newest = newest or span(tables.read("minutes").where("revision = 0"))[1]
    if newest is None:
        return
    first = newest - reach
    window = tables.read("minutes").where((F.col("revision") == 0) & (F.col("minute") > F.lit(first)))
    if span(tables.read("history").where(F.col("minute") > F.lit(first)))[0] == span(window)[0]:
        return
    tables.overwrite("history", pack(window.select("device_id", "signal", "minute", "value")))


def tidy(tables: Tables, newest: datetime, reach: timedelta) -> None:
    """Once an hour: the finished hours become one file each, hours out of reach go."""
    hour = newest.replace(minute=0, second=0, microsecond=0)
    name, spark = tables.name("history"), tables.spark
    spark.sql(f"DELETE FROM {name} WHERE hour < {_timestamp(newest - reach - timedelta(hours=2))}")
    spark.sql(f"OPTIMIZE {name} WHERE hour >= {_timestamp(hour - timedelta(hours=2))} AND hour < {_timestamp(hour)}")


def _timestamp(moment: datetime) -> str:
    return f"timestamp'{moment:%Y-%m-%d %H:%M:%S}'"
