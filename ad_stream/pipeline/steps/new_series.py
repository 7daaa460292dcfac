"""Which series the stream takes on: all it knows, and of new ones as many as the limits allow; the surplus is counted.

A device that sends another name with every message, or a stranger who draws device names, would fill tables, history and
every page. So a series is taken on once, in the order in which its first window closes (then by name), while its device has
fewer than `telemetry.max_signals_per_device` and the hour of that window took on fewer than `telemetry.max_new_series`.
Windows of the others are left out and counted in `batches` under `too_many_signals` or `too_many_new_series`. A series that
was taken on stays; one that was not is asked again with its next window.

Exactly once. The table `series` is the memory, and the hour is that of the window, not of a clock. A batch that is repeated
takes its own rows out of what is known, so it decides as it did at first; the append that it then repeats is skipped by
Delta. Tables of a version without `series` get it from `minutes`.

What it costs. The first count of a batch brings the hashes of its series along (`Tally.series`), so a batch without a new
one is done after a look-up of numbers, 8 bytes a series. Joins are made only where a limit could be met at all.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from pyspark.sql import Window
from pyspark.sql import functions as F

from ad_stream.pipeline.steps import windows
from ad_stream.pipeline.steps.history import series_id
from ad_stream.tables.catalog import MINUTES, SERIES

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, WindowSpec

    from ad_stream.pipeline.batch_state import Batch
    from ad_stream.pipeline.store.delta import DeltaTables

log = logging.getLogger(__name__)

NAME = ["device_id", "signal"]
SETTING_OF = {"too_many_signals": "max_signals_per_device", "too_many_new_series": "max_new_series"}
TOO_MANY_SIGNALS, TOO_MANY_NEW_SERIES = SETTING_OF
TOLD = (
    "batch %d: %d windows of series beyond a limit were left out (%s): raise telemetry.%s if these are devices of yours"
)


@dataclass(frozen=True)
class TakenOn:
    """The series that were taken on up to a batch, that batch included. ids: their hashes, ascending, int64 (n,)."""

    batch_id: int
    ids: np.ndarray


def admit(batch: Batch) -> None:
    """Take on the new series of a batch as far as the limits go; what is beyond them leaves the batch."""
    if not batch.tally.minutes:
        return
    known = batch.state.known_series
    if known is None or known.batch_id == batch.report.batch_id:  # a start, or the same batch once more
        known = TakenOn(-1, _ids(_stored(batch)))
    new = _without(batch.tally.series, known.ids)
    taken = _take_on(batch, len(known.ids), len(new)) if len(new) else new
    batch.state.known_series = TakenOn(
        batch.report.batch_id, np.union1d(known.ids, taken if taken is not None else new)
    )


def seed(tables: DeltaTables) -> None:
    """Where nothing was taken on yet: all that `minutes` holds, in one commit. After it the table is never empty."""
    if tables.is_new(MINUTES.name) or not tables.read(SERIES.name).isEmpty():
        return
    rows = tables.read(MINUTES.name).groupBy(*NAME)
    found = rows.agg(F.min("minute").alias("first"), F.min("query_id").alias("query_id"))
    tables.overwrite(SERIES.name, found.withColumn("batch_id", F.lit(-1).cast("long")))


def _stored(batch: Batch) -> DataFrame:
    """What was taken on before this batch."""
    own = (F.col("query_id") == batch.query_id) & (F.col("batch_id") == batch.report.batch_id)
    return batch.tables.read(SERIES.name).where(~own).select(*NAME, "first")


def _ids(series: DataFrame) -> np.ndarray:
    row = series.agg(F.sort_array(F.collect_set(series_id()))).first()
    return np.array(row[0] if row else [], dtype=np.int64)


def _without(ids: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Those of `ids` that are not in `known`, which is ascending."""
    if not len(known):
        return ids
    at = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    unknown: np.ndarray = ids[known[at] != ids]
    return unknown


def _take_on(batch: Batch, known: int, new: int) -> np.ndarray | None:
    """Store the new series of a batch within the limits; -> their ids, None where all are taken on."""
    stored, limits = _stored(batch), batch.config.telemetry
    closed = windows.closed(batch.groups, batch.config).select(*NAME, "minute")
    unknown = closed.join(stored, NAME, "left_anti") if known else closed
    first = unknown.groupBy(*NAME).agg(F.min("minute").alias("first"))
    if known + new <= min(limits.max_signals_per_device, limits.max_new_series):
        _append(batch, first, new)  # all series together are no more than one device or one hour may have
        return None
    judged = batch.hold(_judged(first, stored, batch))
    taken = judged.where("reason is null").select(*NAME, "first")
    _append(batch, taken, new)
    _leave_out(batch, closed, judged.where("reason is not null").select(*NAME, "reason"))
    return _ids(taken)


def _append(batch: Batch, rows: DataFrame, count: int) -> None:
    batch.write(SERIES.name, count, lambda: batch.tables.append(SERIES.name, rows, count=count, **batch.name))


def _judged(new: DataFrame, known: DataFrame, batch: Batch) -> DataFrame:
    """The new series with the reason why they are not taken on, null where they are."""
    limits, hour = batch.config.telemetry, F.date_trunc("hour", "first")
    had = known.join(new.select("device_id").distinct(), "device_id", "left_semi").groupBy("device_id")
    of_device = new.join(had.agg(F.count(F.lit(1)).alias("had")), "device_id", "left")
    fits = _place(Window.partitionBy("device_id").orderBy("first", "signal"), "had") <= limits.max_signals_per_device
    # The turn is counted among those that fit their device: one device cannot use up the hour of the others.
    in_hour = known.groupBy(hour.alias("hour")).agg(F.count(F.lit(1)).alias("in_hour"))
    placed = of_device.withColumns({"fits": fits, "hour": hour}).join(in_hour, "hour", "left")
    turn = _place(Window.partitionBy("hour", "fits").orderBy("first", *NAME), "in_hour")
    reason = F.when(~F.col("fits"), TOO_MANY_SIGNALS).when(turn > limits.max_new_series, TOO_MANY_NEW_SERIES)
    # As columns of their own: Spark 3.5 does not tell those of a generator (the declared signals) apart in a join with the
    # windows that they came from, and refuses the plan.
    own = [F.col(name).alias(name) for name in (*NAME, "first")]
    return placed.select(*own, reason.alias("reason"))


def _place(among: WindowSpec, before: str) -> Column:
    return F.row_number().over(among) + F.coalesce(F.col(before), F.lit(0))


def _leave_out(batch: Batch, closed: DataFrame, beyond: DataFrame) -> None:
    counts = {row["reason"]: row["count"] for row in closed.join(beyond, NAME).groupBy("reason").count().collect()}
    if not counts:
        return
    batch.surplus = beyond.select(*NAME)
    batch.tally = replace(batch.tally, minutes=batch.tally.minutes - sum(counts.values()))
    batch.report.counts.update(minutes_closed=-sum(counts.values()), **counts)
    for reason, left_out in counts.items():
        log.warning(TOLD, batch.report.batch_id, left_out, reason, SETTING_OF[reason])
