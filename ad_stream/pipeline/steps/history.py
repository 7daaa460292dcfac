"""The last windows of every series, packed: one row per (bucket, window) with parallel arrays of series and values.

Why not the table `minutes` itself: re-reading long rows costs a shuffle and a sort of series x points rows each
trigger. A packed row is read as two arrays. Per series and trigger 16 bytes are written, whatever `points` is.
Delivery: as `minutes` (one append per batch, skipped when repeated). The table is a cache: `rebuild` makes it anew
from `minutes`, and hours that no window can reach any more are deleted. A batch that was killed between its appends to
`minutes` and to `history` is repeated after a rebuild that already holds its rows, and appends them again. That changes
nothing: who reads lays the values of a window into its column (`scoring.matrix`), and both rows say the same.

Buckets are made by device, so that all signals of a device meet in one task. Tables of schema 1 have them by series:
the first run makes their history anew, and only then marks it, so that a crash in between repeats the work.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.tables.catalog import BUCKETS_BY, BY_DEVICE
from ad_stream.times import from_seconds

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from ad_stream.pipeline.store.delta import DeltaTables

BUCKETS = 64
"""Fixed, because it is stored; a power of two, so that fewer and larger groups can be read."""


def series_id(signal: Column | str = "signal") -> Column:
    """The number by which the packed rows know a series: 64 bits; a million series share one with odds of 3 in 10^8."""
    return F.xxhash64("device_id", signal)


def part_of(parts: int) -> Column:
    """Which of so many parts a device falls into, all its signals together."""
    return F.pmod(F.xxhash64("device_id"), F.lit(parts)).cast("int")


def pack(minutes: DataFrame) -> DataFrame:
    """device_id, signal, minute, value -> hour, bucket, minute, ids, values."""
    pairs = minutes.select("minute", series_id().alias("id"), part_of(BUCKETS).alias("bucket"), "value")
    packed = pairs.groupBy("bucket", "minute").agg(F.sort_array(F.collect_list(F.struct("id", "value"))).alias("pairs"))
    return packed.select(
        F.date_trunc("hour", "minute").alias("hour"), "bucket", "minute",
        F.col("pairs.id").alias("ids"), F.col("pairs.value").alias("values"),
    )  # fmt: skip


def read(tables: DeltaTables, first: datetime, before: datetime) -> DataFrame:
    """The packed minutes first <= minute < before."""
    in_hours = F.col("hour") >= first.replace(minute=0, second=0, microsecond=0)
    return tables.read("history").where(in_hours & (F.col("minute") >= first) & (F.col("minute") < before))


def span(rows: DataFrame) -> tuple[datetime | None, datetime | None]:
    """The first and the last `minute` of some rows, UTC; None, None where there are none."""
    row = rows.agg(F.unix_seconds(F.min("minute")), F.unix_seconds(F.max("minute"))).first()
    if row is None or row[0] is None:
        return None, None
    return from_seconds(row[0]), from_seconds(row[1])


def rebuild(tables: DeltaTables, reach: timedelta) -> None:
    """Make the history of that length anew from `minutes` where it does not reach back far enough (points raised, table
    lost), or where its buckets are those of an earlier version."""
    if tables.is_new("history") and tables.is_new("minutes"):
        return
    is_earlier = tables.properties("history").get(BUCKETS_BY) != BY_DEVICE
    # The packed table is small; the long one is only searched in full where the packed one is lost.
    _, newest = span(tables.read("history"))
    newest = newest or span(tables.read("minutes").where("revision = 0"))[1]
    if newest is not None:
        _rebuild_after(tables, newest - reach, always=is_earlier)
    if is_earlier:
        tables.set_property("history", BUCKETS_BY, BY_DEVICE)


def _rebuild_after(tables: DeltaTables, first: datetime, *, always: bool) -> None:
    window = tables.read("minutes").where((F.col("revision") == 0) & (F.col("minute") > F.lit(first)))
    if not always and span(tables.read("history").where(F.col("minute") > F.lit(first)))[0] == span(window)[0]:
        return
    tables.overwrite("history", pack(window.select("device_id", "signal", "minute", "value")))


def tidy(tables: DeltaTables, newest: datetime, reach: timedelta) -> None:
    """Once an hour: the finished hours become one file each, hours out of reach go."""
    hour = newest.replace(minute=0, second=0, microsecond=0)
    name, spark = tables.name("history"), tables.spark
    spark.sql(f"DELETE FROM {name} WHERE hour < {_timestamp(newest - reach - timedelta(hours=2))}")
    spark.sql(f"OPTIMIZE {name} WHERE hour >= {_timestamp(hour - timedelta(hours=2))} AND hour < {_timestamp(hour)}")


def _timestamp(moment: datetime) -> str:
    return f"timestamp'{moment:%Y-%m-%d %H:%M:%S}'"
