"""The last windows of every series, packed: one row per (bucket, window) with parallel arrays of series and values.

Why not the table `minutes` itself: re-reading long rows costs a shuffle and a sort of series x points rows each
trigger. A packed row is read as two arrays. Per series and trigger 16 bytes are written, whatever `points` is.
Delivery: one append per batch. The table is a cache: `rebuild` makes it anew
from `minutes`, and hours that no window can reach any more are deleted; how far windows reach, and what of older hours is
kept, `scoring.depth` says. A batch that was killed after its append to `minutes` is repeated, and appends them again to what a
rebuild, or its earlier attempt, has put there. That changes
nothing: who reads lays the values of a window into its column (`scoring.matrix`), and both rows say the same.

Buckets are made by device, so that all signals of a device meet in one task. Tables of schema 1 have them by series:
the first run makes their history anew, and only then marks it, so that a crash in between repeats the work.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.pipeline.steps.thinning import crowded_hours, thinned, without
from ad_stream.scoring.depth import hour_of
from ad_stream.tables.catalog import BUCKETS_BY, BY_DEFAULT, BY_DEVICE, REACHES
from ad_stream.times import from_seconds

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from ad_stream.pipeline.store.delta import DeltaTables
    from ad_stream.scoring.depth import Depth

MARGIN = timedelta(hours=1)
"""A window may close this much after the newest one."""
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


def read(tables: DeltaTables, first: datetime) -> DataFrame:
    """The packed windows from this one on."""
    return tables.read("history").where((F.col("hour") >= hour_of(first)) & (F.col("minute") >= first))


def span(rows: DataFrame) -> tuple[datetime | None, datetime | None]:
    """The first and the last `minute` of some rows, UTC; None, None where there are none."""
    row = rows.agg(F.unix_seconds(F.min("minute")), F.unix_seconds(F.max("minute"))).first()
    if row is None or row[0] is None:
        return None, None
    return from_seconds(row[0]), from_seconds(row[1])


def rebuild(tables: DeltaTables, depth: Depth) -> None:
    """Make the history of that depth anew from `minutes` where it does not reach back far enough (points or history raised,
    table lost), or where it is of an earlier version: its buckets made otherwise, or slow series as short as all others."""
    reaches = str(depth.reach * depth.grid.seconds)
    if tables.is_new("history") and tables.is_new("minutes"):
        if reaches != BY_DEFAULT:
            tables.set_property("history", REACHES, reaches)
        return
    marks, found = {BUCKETS_BY: BY_DEVICE, REACHES: reaches}, tables.properties("history")
    is_earlier = found.get(BUCKETS_BY) != BY_DEVICE or int(found.get(REACHES, 0)) < int(reaches)
    # The packed table is small; the long one is only searched in full where the packed one is lost.
    _, newest = span(tables.read("history"))
    newest = newest or span(tables.read("minutes").where("revision = 0"))[1]
    if newest is not None:
        _rebuild_to(tables, newest, depth, always=is_earlier)
    for key, value in marks.items():
        if found.get(key) != value:
            tables.set_property("history", key, value)


def _rebuild_to(tables: DeltaTables, newest: datetime, depth: Depth, *, always: bool) -> None:
    all_of_it = tables.read("minutes").where(F.col("revision") == 0).select("device_id", "signal", "minute", "value")
    of_all = F.col("minute") > F.lit(newest - depth.points * depth.grid.every)
    if not always and span(tables.read("history").where(of_all))[0] == span(all_of_it.where(of_all))[0]:
        return
    within = all_of_it.where(F.col("minute") >= F.lit(depth.first(newest)))
    if depth.most is not None:
        within = without(within, "minute", crowded_hours(within, depth.whole_from(newest), depth.most))
    tables.overwrite("history", pack(within))


def tidy(tables: DeltaTables, newest: datetime, depth: Depth, *, thin_from: datetime) -> datetime:
    """Once an hour: the finished hours become one file each, hours out of reach go, and of those from `thin_from` on that only
    slow series see any more, the others; -> the hour up to which that is done."""
    hour = hour_of(newest)
    name, spark = tables.name("history"), tables.spark
    out_of_reach = depth.first(newest) - timedelta(hours=2)
    spark.sql(f"DELETE FROM {name} WHERE hour < {_timestamp(out_of_reach)}")
    spark.sql(f"OPTIMIZE {name} WHERE hour >= {_timestamp(hour - timedelta(hours=2))} AND hour < {_timestamp(hour)}")
    thin_to = max(thin_from, depth.whole_from(newest) - MARGIN)
    if depth.most is not None:
        hours = f"hour >= {_timestamp(max(thin_from, hour_of(out_of_reach)))} AND hour < {_timestamp(thin_to)}"
        rows = tables.read("history").where(hours)
        if not rows.isEmpty():
            tables.overwrite("history", thinned(rows, depth.most), where=hours)
    return thin_to


def _timestamp(moment: datetime) -> str:
    return f"timestamp'{moment:%Y-%m-%d %H:%M:%S}'"
