"""One batch of closed windows, from the groups that Spark hands over to the rows in the tables and the push.

The order of `STEPS` makes a crash at any point harmless (docs/architecture.md, "Exactly once"): what other queries
already hold is left out; windows and history are appended before anything is scored from them; verdicts last, so that
a verdict in the table means that its whole batch is there; the push reads the table, never the frame in hand. A step
that fails for its data is set aside (`store.set_aside`); whatever else fails ends the batch, and Spark repeats it.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ad_stream.pipeline.batch_state import Batch, BatchReport, BatchState, Unread
from ad_stream.pipeline.delivery import Deliver, targets_of
from ad_stream.pipeline.steps import (
    comparisons,
    config_version,
    incidents,
    joint,
    ledger,
    new_series,
    other_queries,
    stored_windows,
    upkeep,
    verdicts,
)
from ad_stream.pipeline.steps.config_version import BatchConfig
from ad_stream.pipeline.steps.fallback import FallbackScorer
from ad_stream.pipeline.steps.rejected import store_late, store_quarantine
from ad_stream.pipeline.steps.tally import tally_of
from ad_stream.pipeline.store.set_aside import SetAside
from ad_stream.scoring.joint_windows import JointRules
from ad_stream.scoring.verdicts import Scorer

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from ad_stream.config import Config
    from ad_stream.pipeline.batch_state import Tally
    from ad_stream.pipeline.store.delta import DeltaTables

Report = Callable[[BatchReport], None]
Step = Callable[[Batch], None]


def push(batch: Batch) -> None:
    """What `detections` holds for the batch goes to the targets."""
    if batch.stored:
        batch.report.counts.update(batch.deliver(batch.tables, batch.query_id, batch.report.batch_id))


STEPS: tuple[Step, ...] = (
    other_queries.find_others,
    config_version.pin,
    new_series.admit,
    stored_windows.store,
    store_quarantine,
    store_late,
    verdicts.judge,
    joint.store,
    comparisons.store,
    incidents.store,
    verdicts.store,
    push,
)
"""What is done with a batch, in order; then its row in `batches` is written. A new step is a file and a line here."""


def no_report(_: BatchReport) -> None:
    """Reports to nobody."""


def no_cpu() -> None:
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
class Batches:
    """The body of foreachBatch for one query: what a run is wired with, and its state."""

    config: Config
    tables: DeltaTables
    cpu: Callable[[], float | None] = no_cpu
    """Seconds of all processes so far."""
    report: Report = no_report
    """Called after each batch."""
    steps: tuple[Step, ...] = STEPS
    query_id: QueryId = field(init=False)
    deliver: Deliver = field(init=False)
    fallback: FallbackScorer | None = field(init=False)
    state: BatchState = field(init=False)

    def __post_init__(self) -> None:
        grid = self.config.minutes.grid
        joint_rules = JointRules.of(self.config.joint, grid, run=uuid.uuid4().hex)
        scorer = Scorer.of(
            self.config.detection,
            self.config.fallback,
            grid=grid,
            joint=joint_rules,
            compare=self.config.detection.compare,
        )
        self.query_id = QueryId(self.config.checkpoint)
        self.deliver = Deliver(targets_of(self.config))
        self.fallback = FallbackScorer.of(self.config.fallback, scorer.refractory, scorer.grid)
        set_aside = SetAside(self.config.checkpoint, self.config.set_aside)
        self.state = BatchState(scorer, BatchConfig(self.config), set_aside)

    def __reduce__(self) -> tuple[Any, ...]:
        # Over Spark Connect batches run in a process of the server: what they are made from is sent there.
        return Batches, (self.config, self.tables)

    def __call__(self, groups: DataFrame, batch_id: int) -> None:
        started, cpu = time.monotonic(), self.cpu()
        groups, batch = groups.persist(), None
        try:
            tally = self._tally(groups, batch_id)
            if tally is None:
                return
            batch = self._batch(groups, tally, batch_id)
            for step in self.steps:
                step(batch)
            report = batch.report
            report.duration_ms = round((time.monotonic() - started) * 1000)
            report.cpu_seconds = None if cpu is None else (self.cpu() or 0.0) - cpu
            ledger.close(batch)
            upkeep.maintain(batch)
            self.report(report)
        finally:
            groups.unpersist()
            if batch is not None:
                batch.release()

    def _tally(self, groups: DataFrame, batch_id: int) -> Tally | None:
        """The first look at the rows: up to here all of the plan is computed, so what fails here is no step's."""
        try:
            return tally_of(groups, self.config)
        except Exception as error:
            self.state.unread = Unread(batch_id, error)
            raise

    def _batch(self, groups: DataFrame, tally: Tally, batch_id: int) -> Batch:
        tables = replace(self.tables, spark=groups.sparkSession, earlier=self.state.begin(batch_id))
        report = BatchReport(
            batch_id, tally.first, tally.last, tally.quarantined, examples=tally.examples, off=tally.off
        )
        report.counts.update(
            minutes_closed=tally.minutes, quarantined=sum(tally.quarantined.values()), late=tally.late
        )  # fmt: skip
        return Batch(
            config=self.config, tables=tables, state=self.state, deliver=self.deliver, fallback=self.fallback,
            query_id=self.query_id(tables.spark), groups=groups, tally=tally, report=report,
        )  # fmt: skip
