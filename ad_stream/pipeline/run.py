"""A run: configuration in, one streaming query, what it did out. Owns foreachBatch."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.errors import RunError
from ad_stream.pipeline.batch import Batches, Report, no_cpu
from ad_stream.pipeline.operation import connect, metrics
from ad_stream.pipeline.operation.attributes import Attributes
from ad_stream.pipeline.operation.cpu import process_tree_seconds
from ad_stream.pipeline.operation.device_clocks import DeviceClocks
from ad_stream.pipeline.operation.earlier_bodies import as_begun
from ad_stream.pipeline.operation.failure import stopped, told_in_a_sentence
from ad_stream.pipeline.operation.feeding import feeding
from ad_stream.pipeline.operation.mending import Mender
from ad_stream.pipeline.operation.pipeline_incidents import PipelineIncidents
from ad_stream.pipeline.operation.progress import Progress
from ad_stream.pipeline.operation.reports import Listener, hand
from ad_stream.pipeline.operation.session import session
from ad_stream.pipeline.operation.signals import asked_to_stop
from ad_stream.pipeline.operation.summary import Summary
from ad_stream.pipeline.operation.telling import Tell, Telling
from ad_stream.pipeline.steps import history, new_series, rows
from ad_stream.pipeline.steps.clock import Clock
from ad_stream.pipeline.steps.telemetry import readings
from ad_stream.pipeline.steps.windows import minutes
from ad_stream.pipeline.store.delta import DeltaTables
from ad_stream.pipeline.store.owner import Owner
from ad_stream.scoring.depth import Depth
from ad_stream.sources import registry

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

    from ad_stream.config import Config
    from ad_stream.pipeline.batch_state import BatchReport
    from ad_stream.pipeline.delivery import Deliver
    from ad_stream.pipeline.operation.mending import Body
    from ad_stream.pipeline.steps.left_out import LeftOut
    from ad_stream.sources.contract import SourceSettings

LOOK_EVERY = 1
"""Seconds between two looks at the running query."""
WRITE_EVERY = 20.0
"""Seconds between two appends to `progress` while the query runs."""


def run(
    config: Config,
    *,
    progress: Report | None = None,
    tell: Tell | None = None,
    spark: SparkSession | None = None,
    tables: DeltaTables | None = None,
) -> Summary:
    """Run the stream until it ends (available_now) or is interrupted; -> what it did.

    progress: called after each batch with its report. tell: called with a line every few seconds from the start on.
    tables: where to write, in place of a plain `DeltaTables` (fault tests).
    Raises RunError where the query failed; OwnedError where another run owns the tables.
    """
    started, cpu = time.monotonic(), process_tree_seconds()
    tell = tell or _nobody
    tell("starting Spark")
    spark = spark or session(config.source.kind, config.spark)
    cpu_of = _cpu_of(spark)
    registry.reader_of(config.source).check(spark, config.source)
    tables = replace(tables or DeltaTables(spark, config.tables), grid=config.minutes.grid)
    owner, summary = Owner(tables, config.checkpoint), Summary()
    with asked_to_stop() as asked:  # from here on: PySpark's own answer to Ctrl-C is a traceback
        with told_in_a_sentence():
            config = as_begun(config, tables.create(), tell)
            owner.claim()
        try:
            with metrics.served(config.metrics, summary), told_in_a_sentence(), feeding(config, tell, asked) as ended:
                _stream(spark, config, tables, owner, summary, progress, tell, ended)
        finally:
            owner.release()
        summary.wall_seconds = time.monotonic() - started
        by_now = cpu_of()
        summary.cpu_seconds = None if cpu is None or by_now is None else by_now - cpu
    return summary


def _stream(
    spark: SparkSession, config: Config, tables: DeltaTables, owner: Owner, summary: Summary, progress: Report | None, tell: Tell,
    asked: Callable[[], bool],
) -> None:  # fmt: skip
    troubles, clocks = PipelineIncidents(tables, config), DeviceClocks(tell)
    noted: list[Listener] = [clocks, Attributes(tell)]
    told: list[Listener] = [*noted, *([] if tell is _nobody else [Telling(tell, time.monotonic)])]

    def report(done: BatchReport) -> None:
        summary.add(done)
        troubles.batch(done)
        clocks.batch(done)
        if progress is not None:
            progress(done)

    batches = Batches(config, tables, cpu=_cpu_of(spark), report=report)
    history.rebuild(tables, Depth.of(batches.state.scorer))
    new_series.seed(tables)
    newest, remote = _newest(tables, config), connect.is_remote(spark)
    batches.deliver.start(tables, newest)
    troubles.start()
    start = partial(_started, spark, config, newest=newest)
    mender = Mender(config, tables, batches.state, start, owner.renew, _left_out(tables, batches))
    ledger = connect.RemoteLedger(tables, report) if remote else None
    newest_of = partial(registry.reader_of(config.source).newest, spark, config.source)
    written = Progress(tables, None if remote else newest_of)

    def look(query: StreamingQuery) -> None:
        hand(query.recentProgress, noted)
        finished = written.collect(query)
        for row in finished:
            summary.add_progress(row)
        troubles.progress(finished)
        if ledger is not None:
            ledger(finished)

    def between(query: StreamingQuery) -> None:
        hand(query.recentProgress, told)
        _push_between(batches.deliver, troubles.look(), remote=remote)
        summary.add_pushes(batches.deliver)

    def to_its_end() -> None:
        if asked():
            return
        query = start(batches, mender.left_out)
        summary.query_id = str(query.id)
        _watch(query, partial(look, query), owner, partial(between, query), asked)

    try:
        _mended(to_its_end, mender, summary)
        batches.deliver.finish(tables if remote else None)
    finally:
        summary.add_pushes(batches.deliver)


def _push_between(deliver: Deliver, trouble: tuple[str, int] | None, *, remote: bool) -> None:
    """Between batches what waits is sent; trouble: a batch of rows of the stream's own incidents."""
    if remote:  # over Spark Connect the batches have outboxes of their own, which are not to be crossed
        return
    deliver.quiet()
    if trouble is not None:
        deliver.add(trouble)


def _mended(to_its_end: Callable[[], None], mender: Mender, summary: Summary) -> None:
    """A query that failed for some of its events is started again without them."""
    while True:
        try:
            return to_its_end()
        except RunError:
            if not mender(summary.query_id):
                raise


def _left_out(tables: DeltaTables, batches: Batches) -> LeftOut | None:
    """What an earlier start had to leave out of a batch that may be repeated now."""
    if not _exists(tables.spark, batches.config.checkpoint):
        return None
    return batches.state.set_aside.events(tables, batches.query_id(tables.spark))


def _started(
    spark: SparkSession, config: Config, batches: Body, left_out: LeftOut | None = None, *, newest: datetime | None
) -> StreamingQuery:  # fmt: skip
    now = config.trigger == "available_now"
    source = registry.reader_of(config.source).to_the_end(config.source) if now else config.source
    # What is stored is not read again, but for what may overlap.
    start = None if newest is None else newest - config.minutes.watermark - config.minutes.every
    clock = Clock.at_start(spark, config, _newest_times(source))
    incoming = registry.read(spark, source, start)
    if left_out is not None:
        incoming = left_out(incoming)
    if registry.kind_of(source.kind).yields == "rows":
        parsed = rows.readings(incoming, config, clock, start)
    else:
        parsed = readings(incoming, config, clock)
    groups = minutes(parsed, config, clock)
    if connect.is_remote(spark):
        connect.check_travels(batches)
    writer = (
        groups.writeStream.queryName(f"ad_stream_{uuid.uuid4().hex[:8]}").outputMode("append").foreachBatch(batches)
    )
    timed = {"availableNow": True} if now else {"processingTime": f"{config.trigger.total_seconds():g} seconds"}  # type: ignore[union-attr]
    return writer.option("checkpointLocation", config.checkpoint).trigger(**timed).start()


def _watch(
    query: StreamingQuery, look: Callable[[], None], owner: Owner, between: Callable[[], None], asked: Callable[[], bool]
) -> None:  # fmt: skip
    written = time.monotonic()
    try:
        while not asked() and not query.awaitTermination(LOOK_EVERY):
            owner.renew()
            between()
            if time.monotonic() - written >= WRITE_EVERY:
                written = time.monotonic()
                look()
    except KeyboardInterrupt:
        query.stop()
    except Exception as error:
        query.stop()  # it may still run: this may be the owner's renewal that failed
        raise stopped(error) from None
    if asked():
        query.stop()
    look()
    if query.exception() is not None:
        raise stopped(query.exception())


def _nobody(line: str) -> None:
    """Tells nobody."""


def _newest_times(source: SourceSettings) -> list[datetime]:
    try:
        return registry.reader_of(source).newest_times(source)
    except OSError:  # files that come and go; the stream will say what is wrong with them
        return []


def _newest(tables: DeltaTables, config: Config) -> datetime | None:
    """The newest window with a verdict, where there are some but no checkpoint."""
    if tables.is_new("detections") or _exists(tables.spark, config.checkpoint):
        return None
    stored = tables.read("detections").where("revision = 0")
    _, packed = history.span(tables.read("history"))
    near = stored if packed is None else stored.where(F.col("minute") >= F.lit(packed - timedelta(days=1)))
    return history.span(near)[1] or history.span(stored)[1]  # the whole table only where its end is not near


def _exists(spark: SparkSession, checkpoint: str) -> bool:
    try:
        return spark.read.text(f"{checkpoint}/metadata").count() > 0
    except Exception:  # the path is missing; Spark's error class for that differs between classic and Connect
        return False


def _cpu_of(spark: SparkSession) -> Callable[[], float | None]:
    if connect.is_remote(spark):
        return no_cpu
    local = str(spark.conf.get("spark.master", "") or "").startswith("local")
    return process_tree_seconds if local else no_cpu
