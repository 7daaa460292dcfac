"""What pushes read and write: pages of `detections`, and the table `deliveries`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from ad_stream.incidents.events import FLOOD
from ad_stream.incidents.rules import LEVELS
from ad_stream.incidents.table import TIMES
from ad_stream.push.base import COLUMNS, FLAGS, SETTLED, Row, Which
from ad_stream.push.outbox import Batch, Key, Record
from ad_stream.tables.catalog import DELIVERIES, DETECTIONS
from ad_stream.tables.incidents import INCIDENT_EVENTS
from ad_stream.tables.joint import JOINT_DETECTIONS
from ad_stream.tables.schema import PUSHED, plain_ddl
from ad_stream.times import from_seconds

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from ad_stream.pipeline.store.delta import DeltaTables

INCIDENTS = "incidents:"
JOINT: Which = "joint"
BATCH = ["sink", "query_id", "batch_id"]
STARTS = [column.name for column in DETECTIONS.used(PUSHED) if column.type == "timestamp"]
RECORD = [field.name for field in fields(Record)]


class PushStore:
    """The tables of a run as its outboxes see them; `tables` is that of the batch in hand."""

    def __init__(self, tables: DeltaTables) -> None:
        self.tables = tables

    def page(self, batch: Batch, which: Which, after: Key | None, one_in: int, limit: int) -> list[Row]:
        """The first rows behind a key by (minute, device_id, signal); of normal rows one in so many of each series."""
        if which.startswith(INCIDENTS):
            return self._incident_page(batch, which, after, limit)
        if which == JOINT:
            return self._joint_page(batch, after, limit)
        rows = self._wanted(batch, which)
        if after is not None:
            rows = rows.where(_behind(after))
        if one_in > 1:
            number = f"unix_seconds(minute) div {self.tables.grid.seconds}"
            nth = f"pmod(pmod(xxhash64(device_id, signal), {one_in}) + {number}, {one_in})"
            rows = rows.where(_flagged() | (F.expr(nth) == 0))
        first = rows.orderBy("minute", "device_id", "signal").limit(limit)
        # Spark hands timestamps over in the zone of the driver's machine; numbers have none.
        chosen = first.withColumns({name: F.unix_seconds(name) for name in STARTS}).select(*COLUMNS)
        return [row.asDict() | {name: _start(row[name]) for name in STARTS} for row in chosen.collect()]

    def count(self, batch: Batch, which: Which) -> int:
        """All rows of a batch that are wanted."""
        return self._wanted(batch, which).count()

    def record(self, records: Sequence[Record]) -> None:
        """Append to `deliveries`: at once, also between batches, since a record tells of what has happened."""
        if records:
            frame = self.tables.spark.createDataFrame(
                [astuple(one) for one in records], plain_ddl(DELIVERIES[name] for name in RECORD)
            )
            self.tables.append_unnamed("deliveries", frame)

    def waiting(self) -> list[Record]:
        """All records of the batches that wait at a sink."""
        all_ = self.tables.read("deliveries")
        last = all_.groupBy(*BATCH).agg(F.max_by("state", "attempt").alias("last"))
        open_ = last.where(~F.col("last").isin(*SETTLED)).select(*BATCH)
        return self._records(all_.join(F.broadcast(open_), BATCH, "left_semi"))

    def sent_since(self, moment: datetime) -> list[Record]:
        """The records that charge an hour with rows, oldest first."""
        recent = self.tables.read("deliveries").where((F.col("at") > F.lit(moment)) & (F.col("sent") > 0))
        return sorted(self._records(recent), key=lambda record: record.at)

    def knows(self, batch: Batch) -> set[str]:
        """The sinks that have a record of a batch."""
        mine = (F.col("query_id") == batch[0]) & (F.col("batch_id") == batch[1])
        return {row["sink"] for row in self.tables.read("deliveries").where(mine).select("sink").distinct().collect()}

    def unrecorded(self, newest: datetime) -> list[Batch]:
        """The batches with the newest verdicts that have no row in `batches`: a crash came before their push ended."""
        at_end = self.tables.read("detections").where((F.col("minute") == F.lit(newest)) & (F.col("revision") == 0))
        named = at_end.select("query_id", "batch_id").distinct()
        left = named.join(self.tables.read("batches"), ["query_id", "batch_id"], "left_anti")
        return [(row["query_id"], row["batch_id"]) for row in left.collect()]

    def _joint_page(self, batch: Batch, after: Key | None, limit: int) -> list[Row]:
        """As `page`; a row is of a device, so its signal is ''."""
        rows = self._wanted(batch, JOINT)
        if after is not None:
            minute, device = F.lit(after[0]), F.lit(after[1])
            rows = rows.where(
                (F.col("minute") > minute) | ((F.col("minute") == minute) & (F.col("device_id") > device))
            )
        first = rows.orderBy("minute", "device_id").limit(limit).withColumn("minute", F.unix_seconds("minute"))
        found = [row.asDict(recursive=True) for row in first.select(*JOINT_DETECTIONS.named(PUSHED)).collect()]
        return [row | {"minute": _start(row["minute"]), "signal": ""} for row in found]

    def _incident_page(self, batch: Batch, which: Which, after: Key | None, limit: int) -> list[Row]:
        rows = self._wanted(batch, which).withColumn("number", F.format_string("%09d", "seq"))
        if after is not None:
            minute, name, number = (F.lit(part) for part in after)
            same = (F.col("minute") == minute) & (
                (F.col("incident_id") > name) | ((F.col("incident_id") == name) & (F.col("number") > number))
            )
            rows = rows.where((F.col("minute") > minute) | same)
        first = rows.orderBy("minute", "incident_id", "number").limit(limit)
        times = [F.unix_seconds(name).alias(name) if name in TIMES else F.col(name) for name in INCIDENT_EVENTS.names]
        found = [row.asDict() for row in first.select(*times).collect()]
        return [row | {name: None if row[name] is None else from_seconds(row[name]) for name in TIMES} for row in found]

    def _wanted(self, batch: Batch, which: Which) -> DataFrame:
        mine = (F.col("query_id") == batch[0]) & (F.col("batch_id") == batch[1]) & (F.col("revision") == 0)
        if which.startswith(INCIDENTS):
            level = which.removeprefix(INCIDENTS)
            told = F.col("told").isin(*LEVELS[LEVELS.index(level) :])
            in_flood = F.coalesce(F.array_contains(F.split("hidden", ","), level), F.lit(False))
            summary = (F.col("kind") != FLOOD) | (F.col("level") == level)
            return self.tables.read(INCIDENT_EVENTS.name).where(mine & F.col("notify") & told & ~in_flood & summary)
        if which == JOINT:
            return self.tables.read(JOINT_DETECTIONS.name).where(mine & F.col("is_anomaly"))
        rows = self.tables.read("detections").where(mine & (F.col("status") == "scored"))
        return rows if which == "all" else rows.where(_flagged())

    def _records(self, rows: DataFrame) -> list[Record]:
        told = rows.withColumns({"at": F.unix_micros("at"), "minute": F.unix_seconds("minute")}).select(*RECORD)
        return [Record(**_times(row.asDict())) for row in told.collect()]


def _flagged() -> Column:
    """Whether either verdict flags a row; rows of earlier versions have no slow one."""
    return F.expr(" OR ".join(f"coalesce({name}, false)" for name in FLAGS))


def _start(seconds: int | None) -> datetime | None:
    return None if seconds is None else from_seconds(seconds)


def _behind(key: Key) -> Column:
    minute, device, signal = F.lit(key[0]), F.lit(key[1]), F.lit(key[2])
    same_device = (F.col("device_id") == device) & (F.col("signal") > signal)
    same_minute = (F.col("minute") == minute) & ((F.col("device_id") > device) | same_device)
    # The first part alone is what files are skipped by.
    return (F.col("minute") >= minute) & ((F.col("minute") > minute) | same_minute)


def _times(row: dict[str, Any]) -> dict[str, Any]:
    at = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=row["at"])
    return row | {"at": at, "minute": _start(row["minute"])}
