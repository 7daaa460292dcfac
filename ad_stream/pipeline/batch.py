"""One batch of closed minutes, from the groups that Spark hands over to the rows in the tables and the push.

The order makes a crash at any point harmless (DESIGN.md, "Exactly once"): what other queries already hold is left
out; minutes and history are appended before anything is scored from them; verdicts last, so that a verdict in the
table means that its whole batch is there; the push reads the table, never the frame in hand.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from ad_stream.pipeline import history, minutes
from ad_stream.pipeline.delivery import Deliver, targets
from ad_stream.pipeline.fallback import Fallback
from ad_stream.pipeline.pinned import Pinned
from ad_stream.pipeline.scoring import score
from ad_stream.pipeline.set_aside import SetAside, Step
from ad_stream.pipeline.sources import HEARTBEAT
from ad_stream.pipeline.telemetry import LATE
from ad_stream.series.verdicts import Scorer

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from ad_stream.config import Config
    from ad_stream.pipeline.tables import Tables

KEY = ["device_id", "signal", "minute"]
QUARANTINE_KEY = ["source", "partition", "sequence", "element"]
LATE_KEY = ["device_id", "signal", "event_time", "source", "partition", "sequence"]
LEDGER = (
    "minutes_closed", "scored", "anomalies", "warming_up", "declined", "quarantined", "late", "fallback_calls",
    "fallback_failed", "pushed", "push_failed", "duration_ms", "cpu_seconds", "scoring_seconds",
)  # fmt: skip
MINUTE = timedelta(minutes=1)
Report = Callable[[dict[str, Any]], None]


def nobody(_: dict[str, Any]) -> None:
    """Tells nobody."""


def unknown() -> None:
    """CPU seconds where the processes are not ours to look at."""


@dataclass
class QueryId:
    """The id of the query, as its checkpoint keeps it: the same after each restart, a new one after a lost checkpoint."""

    checkpoint: str
    found: str | None = None

    def __call__(self, spark: SparkSession) -> str:
        if self.found is None:
            row = spark.read.text(f"{self.checkpoint}/metadata").first()
            self.found = str(json.loads(row["value"])["id"]) if row else ""
        return self.found


@dataclass
class Tally:
    """What a batch holds, counted once."""

    first: datetime
    last: datetime
    minutes: int
    odd: dict[str, int]

    @property
    def late(self) -> int:
        return self.odd.get(LATE, 0)

    @property
    def quarantined(self) -> dict[str, int]:
        return {reason: n for reason, n in self.odd.items() if reason not in (LATE, HEARTBEAT)}


@dataclass
class Batches:
    """The body of foreachBatch for one query."""

    config: Config
    tables: Tables
    scorer: Scorer
    query_id: QueryId
    deliver: Deliver
    fallback: Fallback | None
    cpu: Callable[[], float | None]
    report: Report
    alone: bool = False
    """True once no other query holds rows at or after the current minute."""
    flags: dict[tuple[str, str], datetime] | None = field(default=None)
    """The latest flag of each series, as far back as `refractory`; null until read from the table."""
    tidied: datetime | None = None
    pinned: Pinned = field(init=False)
    guard: SetAside = field(init=False)

    def __post_init__(self) -> None:
        self.pinned = Pinned(self.config)
        self.guard = SetAside(self.config.checkpoint, self.config.set_aside)

    @classmethod
    def of(
        cls, config: Config, tables: Tables, *, cpu: Callable[[], float | None] = unknown, report: Report = nobody
    ) -> Batches:  # fmt: skip
        """The batches of a configuration. cpu: seconds of all processes so far; report: called after each batch."""
        scorer = Scorer.of(config.detection, config.fallback)
        return cls(
            config=config, tables=tables, scorer=scorer, query_id=QueryId(config.checkpoint), deliver=Deliver(targets(config)),
            fallback=Fallback.of(config.fallback, scorer.refractory), cpu=cpu, report=report,
        )  # fmt: skip

    def __reduce__(self) -> tuple[Any, ...]:
        # Over Spark Connect batches run in a process of the server: what they are made from is sent there.
        return Batches.of, (self.config, self.tables)

    def __call__(self, groups: DataFrame, batch_id: int) -> None:
        started, cpu = time.monotonic(), self.cpu()
        self.tables = replace(self.tables, spark=groups.sparkSession)
        groups = groups.persist()
        try:
            tally = self._tally(groups)
            if tally is None:
                return
            row: dict[str, Any] = {"minutes_closed": tally.minutes, "quarantined": sum(tally.quarantined.values()), "late": tally.late}
            row |= self._write(groups, tally, batch_id)
            row["duration_ms"] = round((time.monotonic() - started) * 1000)
            row["cpu_seconds"] = None if cpu is None else (self.cpu() or 0.0) - cpu
            self._close(row, batch_id)
            self._tidy(tally.last)
            self.report(
                row
                | {"batch_id": batch_id, "first": tally.first, "last": tally.last, "reasons": tally.quarantined}
                | {"set_aside": self.guard.take()}
            )
        finally:
            groups.unpersist()

    def _tally(self, groups: DataFrame) -> Tally | None:
        n = "n" if self.config.telemetry.signals == "auto" else _sum_of_signals(len(self.config.telemetry.signals))
        kinds = groups.groupBy("odd.reason").agg(
            F.expr(f"sum(cast({n} > 0 as int))" if n == "n" else f"sum({n})").alias("rows"), F.count(F.lit(1)).alias("groups"),
            F.min(F.unix_seconds("minute")).alias("first"), F.max(F.unix_seconds("minute")).alias("last"),
        ).collect()  # fmt: skip
        if not kinds:
            return None
        good = sum(kind["rows"] for kind in kinds if kind["reason"] is None)
        odd = {k["reason"]: k["rows"] if k["reason"] == LATE else k["groups"] for k in kinds if k["reason"] is not None}
        return Tally(_utc(min(k["first"] for k in kinds)), _utc(max(k["last"] for k in kinds)), good, odd)

    def _write(self, groups: DataFrame, tally: Tally, batch_id: int) -> dict[str, Any]:
        """Steps 1 to 5; -> the counts of the table `batches`."""
        query_id = self.query_id(self.tables.spark)
        self._look_for_others(tally, query_id)
        counts: dict[str, Any] = {"scored": 0, "anomalies": 0, "warming_up": 0, "declined": 0, "scoring_seconds": 0.0}
        stored = False
        if tally.minutes:
            self._pin(query_id, batch_id)
            closed = self._resolved(minutes.closed(groups, self.config), tally, query_id)
            stored = self._step("minutes", tally.minutes, tally, batch_id, lambda here: self._append_minutes(closed, tally, here))
        if quarantined := sum(tally.quarantined.values()):
            bad = minutes.quarantine(groups)
            self._step("quarantine", quarantined, tally, batch_id, lambda here: self._append_odd(bad, "quarantine", tally, here))
        if tally.late:
            late = minutes.late(groups, self.config)
            self._step("late", tally.late, tally, batch_id, lambda here: self._append_odd(late, "late", tally, here))
        if stored:  # no verdict without its minute
            self._step("detections", tally.minutes, tally, batch_id, lambda here: self._append_verdicts(closed, tally, here, counts))
            counts |= self.deliver(self.tables, query_id, batch_id)
        return counts

    def _step(self, name: str, rows: int, tally: Tally, batch_id: int, work: Callable[[dict[str, Any]], None]) -> bool:
        """One write of the batch; -> whether it is done, false where its rows were set aside."""
        query_id = self.query_id(self.tables.spark)
        step = Step(query_id, batch_id, name, rows, tally.first, tally.last)
        return self.guard(self.tables, step, lambda: work({"query_id": query_id, "batch_id": batch_id}))

    def _append_minutes(self, closed: DataFrame, tally: Tally, here: dict[str, Any]) -> None:
        self.tables.append("minutes", closed.where("not held"), count=tally.minutes, **here)
        reach = tally.last - self.scorer.points * MINUTE
        packed = history.pack(closed.where(F.col("minute") > F.lit(reach)))
        self.tables.append("history", packed, count=tally.minutes // 8, **here)

    def _append_odd(self, rows: DataFrame, table: str, tally: Tally, here: dict[str, Any]) -> None:
        key, count = (LATE_KEY, tally.late) if table == "late" else (QUARANTINE_KEY, sum(tally.quarantined.values()))
        new = self._others_rows_out(rows, table, key, "enqueued_time", tally, here["query_id"])
        self.tables.append(table, new, count=count, **here)

    def _append_verdicts(self, closed: DataFrame, tally: Tally, here: dict[str, Any], counts: dict[str, Any]) -> None:
        """Scores and appends; fills `counts`, for all of it or for nothing."""
        asked: dict[str, Any] = {}
        verdicts = self._scored(closed, tally).persist()
        try:
            if self.fallback is not None:
                verdicts, asked = self.fallback(verdicts, self.flags or {})
            found = self._counted(verdicts)
            rows = self._others_rows_out(verdicts, "detections", KEY, "minute", tally, here["query_id"])
            self.tables.append("detections", rows, count=tally.minutes, **here)
            self._remember_flags(verdicts, tally.last)
        finally:
            verdicts.unpersist()
        counts |= {**asked, **found}

    def _pin(self, query_id: str, batch_id: int) -> None:
        """The rules of this batch, with as much history as they want."""
        before = self.scorer.points
        self.scorer = self.scorer.under(self.pinned.of_batch(self.tables, query_id, batch_id))
        self.tables = replace(self.tables, notes={"minutes": self.pinned.note(query_id, batch_id)})
        if self.scorer.points > before:
            history.rebuild(self.tables, self.scorer.points)

    def _look_for_others(self, tally: Tally, query_id: str) -> None:
        """Rows of other queries at or after this batch exist only after a lost checkpoint, and end for good."""
        if self.alone:
            return
        first, other = F.lit(tally.first), F.col("query_id") != query_id
        sets = [
            self.tables.read(table).where((F.col(at) >= first) & other)
            for table, at in (
                ("minutes", "minute"),
                ("detections", "minute"),
                ("quarantine", "enqueued_time"),
                ("late", "enqueued_time"),
            )
        ]
        self.alone = not any(rows.limit(1).count() for rows in sets)

    def _resolved(self, closed: DataFrame, tally: Tally, query_id: str) -> DataFrame:
        """Adds `held`: another query stored this minute already. Its value counts then, ours may be a part of it."""
        closed = closed.withColumn("revision", F.lit(0))
        if self.alone:
            return closed.withColumn("held", F.lit(False))
        theirs = self._theirs("minutes", "minute", tally, query_id)
        stored = theirs.select(*KEY, F.col("value").alias("stored"), F.lit(True).alias("held"))
        joined = closed.join(stored, KEY, "left").withColumn("held", F.coalesce("held", F.lit(False)))
        return joined.withColumn("value", F.coalesce("stored", "value")).drop("stored")

    def _others_rows_out(
        self, rows: DataFrame, table: str, key: list[str], at: str, tally: Tally, query_id: str
    ) -> DataFrame:
        if self.alone:
            return rows
        theirs = self._theirs(table, at, tally, query_id)
        same = [F.col(f"a.{name}").eqNullSafe(F.col(f"b.{name}")) for name in key]
        return rows.alias("a").join(theirs.select(*key).alias("b"), same, "left_anti")

    def _theirs(self, table: str, at: str, tally: Tally, query_id: str) -> DataFrame:
        # A member that is no number travels under its event's minute, up to the watermark before its enqueued time.
        until = tally.last + MINUTE + self.config.minutes.watermark
        near = (F.col(at) >= F.lit(tally.first)) & (F.col(at) < F.lit(until))
        # Where the hub's time was not believed there is none, and nothing tells how near it was.
        rows = self.tables.read(table).where(near | F.col(at).isNull() if table == "quarantine" else near)
        stream = (
            F.col("revision") == 0 if "revision" in rows.columns else F.lit(True)
        )  # else a backfill had written them
        return rows.where(stream & (F.col("query_id") != query_id))

    def _scored(self, closed: DataFrame, tally: Tally) -> DataFrame:
        points = self.scorer.points
        first = tally.first - (points - 1) * MINUTE
        past = history.read(self.tables, first, tally.last + MINUTE)
        rows = self._with_flags(closed, tally.first)
        span = (tally.last - tally.first) // MINUTE + 1
        series = -(-tally.minutes // span)
        verdicts = score(rows, past, self.scorer, cells=series * (points + span))
        return verdicts.withColumns({
            "revision": F.lit(0), "config_version": F.lit(self.pinned.name),
        })  # fmt: skip

    def _with_flags(self, closed: DataFrame, first: datetime) -> DataFrame:
        """Adds `flagged`, the series' latest flag before this batch."""
        if self.flags is None:
            since = F.lit(first - self.scorer.refractory * MINUTE)
            stored = self.tables.read("detections").where(
                (F.col("minute") >= since)
                & (F.col("minute") < F.lit(first))
                & F.col("is_anomaly")
                & (F.col("revision") == 0)
            )
            latest = stored.groupBy("device_id", "signal").agg(F.unix_seconds(F.max("minute")).alias("at")).collect()
            self.flags = {(row["device_id"], row["signal"]): _utc(row["at"]) for row in latest}
        if not self.flags:
            return closed.withColumn("flagged", F.lit(None).cast("timestamp"))
        rows = [(device, signal, at) for (device, signal), at in self.flags.items()]
        known = closed.sparkSession.createDataFrame(rows, "device_id string, signal string, flagged timestamp")
        return closed.join(F.broadcast(known), ["device_id", "signal"], "left")

    def _remember_flags(self, verdicts: DataFrame, last: datetime) -> None:
        latest = (
            verdicts.where("is_anomaly").groupBy("device_id", "signal").agg(F.max("epoch_minute").alias("at")).collect()
        )
        new = {(row["device_id"], row["signal"]): _utc(row["at"] * 60) for row in latest}
        since = last - self.scorer.refractory * MINUTE
        self.flags = {series: at for series, at in ((self.flags or {}) | new).items() if at >= since}

    def _counted(self, verdicts: DataFrame) -> dict[str, Any]:
        row = verdicts.agg(
            *[F.count(F.when(F.col("status") == status, 1)).alias(status) for status in ("scored", "warming_up", "declined")],
            F.count(F.when(F.col("is_anomaly"), 1)).alias("anomalies"), F.sum("seconds").alias("scoring_seconds"),
        ).first()  # fmt: skip
        return dict(row.asDict()) if row else {}

    def _close(self, row: dict[str, Any], batch_id: int) -> None:
        """Step 6: the ledger of the batch."""
        kinds = {name: "double" if name.endswith("_seconds") else "long" for name in LEDGER}
        schema = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
        values = self.tables.spark.createDataFrame([tuple(row.get(name, 0) for name in LEDGER)], schema)
        self.tables.append("batches", values, query_id=self.query_id(self.tables.spark), batch_id=batch_id, count=1)

    def _tidy(self, last: datetime) -> None:
        """Once an hour of telemetry; a catch-up writes few files and needs none."""
        hour = last.replace(minute=0)
        if self.tidied is not None and hour > self.tidied:
            history.tidy(self.tables, last, self.scorer.points)
        self.tidied = hour


def _sum_of_signals(count: int) -> str:
    return " + ".join(f"cast(n_{i} > 0 as int)" for i in range(count))


def _utc(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
