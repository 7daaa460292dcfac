"""A run: configuration in, one streaming query, what it did out. Owns foreachBatch."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from ad_stream.errors import AdStreamError, RunError
from ad_stream.pipeline import connect, history, sources
from ad_stream.pipeline.batch import Batches, Report, unknown
from ad_stream.pipeline.cpu import process_tree_seconds
from ad_stream.pipeline.minutes import minutes
from ad_stream.pipeline.owner import Owner
from ad_stream.pipeline.progress import Progress
from ad_stream.pipeline.session import session
from ad_stream.pipeline.tables import Tables
from ad_stream.pipeline.telemetry import readings
from ad_stream.secrets import redact

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

    from ad_stream.config import Config

LOOK_EVERY = 1
"""Seconds between two looks at the running query."""
WRITE_EVERY = 20.0
"""Seconds between two appends to `progress` while the query runs."""
ADDED_UP = (
    "minutes_closed", "scored", "anomalies", "warming_up", "declined", "late", "pushed", "push_failed",
    "fallback_calls", "fallback_failed",
)  # fmt: skip


@dataclass
class Summary:
    """What a run did; `quarantined` by reason, cpu_seconds of the whole process tree (null on a cluster)."""

    query_id: str = ""
    batches: int = 0
    events: int = 0
    non_telemetry: int = 0
    duplicates: int = 0
    dropped_by_watermark: int = 0
    source_lost: int = 0
    minutes_closed: int = 0
    scored: int = 0
    anomalies: int = 0
    warming_up: int = 0
    declined: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    late: int = 0
    pushed: int = 0
    push_failed: int = 0
    fallback_calls: int = 0
    fallback_failed: int = 0
    scoring_seconds: float = 0.0
    cpu_seconds: float | None = None
    wall_seconds: float = 0.0

    def add(self, row: dict[str, Any]) -> None:
        """One batch more."""
        self.batches += 1
        for name in ADDED_UP:
            setattr(self, name, getattr(self, name) + row.get(name, 0))
        self.scoring_seconds += row.get("scoring_seconds") or 0.0
        self.quarantined = dict(Counter(self.quarantined) + Counter(row["reasons"]))

    def add_progress(self, row: dict[str, Any]) -> None:
        """What the progress of a batch adds."""
        for name in ("events", "non_telemetry", "duplicates", "dropped_by_watermark", "source_lost"):
            setattr(self, name, getattr(self, name) + row[name])

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)

    def sentence(self) -> str:
        """What the stream says on exit."""
        odd = ", ".join(f"{n} {reason}" for reason, n in sorted(self.quarantined.items())) or "none"
        return (
            f"{self.events} events in {self.batches} batches: {self.minutes_closed} minutes closed, {self.scored} scored, "
            f"{self.anomalies} anomalies, {self.warming_up} warming up, {self.declined} declined; quarantined: {odd}; "
            f"late {self.late}, duplicates {self.duplicates}, dropped by the watermark {self.dropped_by_watermark}, "
            f"lost by the source {self.source_lost}; "
            f"pushed {self.pushed}, failed {self.push_failed}; {self.wall_seconds:.1f} s"
        )


def run(
    config: Config, *, progress: Report | None = None, spark: SparkSession | None = None, tables: Tables | None = None
) -> Summary:
    """Run the stream until it ends (available_now) or is interrupted; -> what it did.

    progress: called after each batch with its counts and `first`, `last` (minutes, UTC). tables: where to write, in
    place of a plain `Tables` (fault tests).
    Raises RunError where the query failed; OwnedError where another run owns the tables.
    """
    started, cpu = time.monotonic(), process_tree_seconds()
    spark = spark or session(config.source.kind, config.spark)
    cpu_of = _cpu_of(spark)
    sources.check(spark, config.source)
    tables = tables or Tables(spark, config.tables)
    tables.create()
    owner = Owner(tables, config.checkpoint)
    owner.claim()
    summary = Summary()
    try:
        _stream(spark, config, tables, owner, summary, progress)
    finally:
        owner.release()
        summary.wall_seconds = time.monotonic() - started
        by_now = cpu_of()
        summary.cpu_seconds = None if cpu is None or by_now is None else by_now - cpu
    return summary


def _stream(
    spark: SparkSession, config: Config, tables: Tables, owner: Owner, summary: Summary, progress: Report | None
) -> None:  # fmt: skip
    def report(row: dict[str, Any]) -> None:
        summary.add(row)
        if progress is not None:
            progress(row)

    batches = Batches.of(config, tables, cpu=_cpu_of(spark), report=report)
    history.rebuild(tables, batches.scorer.detector.points)
    query = _started(spark, config, tables, batches)
    summary.query_id = str(query.id)
    told = connect.Ledger(tables, report) if connect.is_remote(spark) else None
    written = Progress(tables)

    def look() -> None:
        rows = written.collect(query)
        for row in rows:
            summary.add_progress(row)
        if told is not None:
            told(rows)

    _watch(query, look, owner)


def _started(spark: SparkSession, config: Config, tables: Tables, batches: Batches) -> StreamingQuery:
    now = config.trigger == "available_now"
    source = sources.to_the_end(config.source) if now else config.source
    groups = minutes(readings(sources.read(spark, source, _start(tables, config)), config), config)
    if connect.is_remote(spark):
        connect.check_travels(batches)
    writer = (
        groups.writeStream.queryName(f"ad_stream_{uuid.uuid4().hex[:8]}").outputMode("append").foreachBatch(batches)
    )
    timed = {"availableNow": True} if now else {"processingTime": f"{config.trigger.total_seconds():g} seconds"}  # type: ignore[union-attr]
    return writer.option("checkpointLocation", config.checkpoint).trigger(**timed).start()


def _watch(query: StreamingQuery, look: Callable[[], None], owner: Owner) -> None:
    written = time.monotonic()
    try:
        while not query.awaitTermination(LOOK_EVERY):
            owner.renew()
            if time.monotonic() - written >= WRITE_EVERY:
                written = time.monotonic()
                look()
    except KeyboardInterrupt:
        query.stop()
    except Exception as error:
        query.stop()  # it may still run: this may be the owner's renewal that failed
        raise _failed(error) from None
    look()
    if query.exception() is not None:
        raise _failed(query.exception())


def _failed(error: object) -> AdStreamError:
    """The cause in a sentence; Spark's own text is a page of Java."""
    cause = str(error)
    lines = [line.strip() for line in cause.splitlines() if line.strip()]
    told = next(
        (line for line in reversed(lines) if "Error:" in line or "Exception:" in line),
        lines[0] if lines else "no cause given",
    )
    return RunError(redact(f"the stream stopped: {told[:500]}"))


def _start(tables: Tables, config: Config) -> datetime | None:
    """Where a source without a checkpoint begins: what is stored is not read again, but for what may overlap."""
    if _exists(tables.spark, config.checkpoint):
        return None
    stored = tables.read("detections").where("revision = 0")
    _, packed = history.span(tables.read("history"))
    near = stored if packed is None else stored.where(F.col("minute") >= F.lit(packed - timedelta(days=1)))
    newest = history.span(near)[1] or history.span(stored)[1]  # the whole table only where its end is not near
    return None if newest is None else newest - config.minutes.watermark - timedelta(minutes=1)


def _exists(spark: SparkSession, checkpoint: str) -> bool:
    try:
        return spark.read.text(f"{checkpoint}/metadata").count() > 0
    except Exception:  # the path is missing; Spark's error class for that differs between classic and Connect
        return False


def _cpu_of(spark: SparkSession) -> Callable[[], float | None]:
    if connect.is_remote(spark):
        return unknown
    local = str(spark.conf.get("spark.master", "") or "").startswith("local")
    return process_tree_seconds if local else unknown
