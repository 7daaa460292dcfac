"""What a batch can never write is set aside, so that one row of data cannot keep a stream from starting for ever.

Delivery: a step of a batch is written whole and once, or stands whole and once in the table `set_aside`.

Spark repeats a batch that failed, with the same offsets, at every start. Where the cause lies in the data it fails
again each time. So a step (the rows of one table) that fails for such a cause is tried once more; the second failure
sets the step aside: a row with the offsets, the minutes and the cause, an error in the log, a count in the summary. The
other steps of the batch are written, the stream goes on.

Only what the data alone decide counts (`causes.lies_in_the_data`): a storage that is away, a full disk, a killed or
starved process, a conflict of two writers heal by themselves, and setting data aside for them would lose it. They end
the run as ever.

Exactly once. The row is appended before the batch goes on, under a transaction of its own, and is the decision: a batch
that is repeated after a crash asks for its rows first, and leaves the step out even if it would succeed now, so a table
never holds what `set_aside` says it lacks. Batches before the last one started are never repeated, so the table is read
once a start. A step that had been written before the crash is skipped by Delta as ever.

A batch that fails before its rows exist has no step to leave out; then the events that make it fail are (`operation.mending`).
They have a row here, too, of the step `events`, with which events of which batch time they are.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from ad_stream import times
from ad_stream.pipeline.operation.failure import in_a_line, lies_in_the_data
from ad_stream.pipeline.steps.left_out import LeftOut
from ad_stream.tables.catalog import BATCH, SET_ASIDE
from ad_stream.tables.schema import plain_ddl

if TYPE_CHECKING:
    from ad_stream.pipeline.batch_state import Batch
    from ad_stream.pipeline.store.delta import DeltaTables

log = logging.getLogger(__name__)

TABLE = SET_ASIDE.name
EVENTS = "events"
"""In place of a step: events were left out before the batch had rows."""
EVENTS_TOLD = (
    "batch %d failed before it had any rows (%s): events of it are set aside, see the tables set_aside and quarantine"
)
TOLD = "batch %d failed twice at its step %r (%s): %d rows of %s to %s are set aside, see the table set_aside; the stream goes on"


@dataclass(frozen=True)
class SetAsideStep:
    """One of the writes of a batch: what its row in the table would say."""

    query_id: str
    batch_id: int
    name: str
    rows: int
    first: datetime
    last: datetime


@dataclass
class SetAside:
    """Runs the steps of batches and sets aside what fails twice for its data."""

    checkpoint: str
    wanted: bool = True
    count: int = 0
    """Steps set aside since the last `take`."""
    known: set[tuple[int, str]] | None = field(default=None)
    """(batch, step) of this query that an earlier start set aside."""
    now: Callable[[], datetime] = times.now

    def __call__(self, batch: Batch, table: str, rows: int, work: Callable[[], None]) -> bool:
        """Do one write of a batch; -> whether it is done. Raises what `work` raises where waiting or people can help."""
        tally, tables = batch.tally, batch.tables
        step = SetAsideStep(batch.query_id, batch.report.batch_id, table, rows, tally.first, tally.last)
        if self.wanted and (step.batch_id, step.name) in self._known(tables, step.query_id):
            log.warning("the step %r of batch %d stays set aside", step.name, step.batch_id)
            return False
        for attempt in (1, 2):
            try:
                work()
                return True
            except Exception as error:
                if not self.wanted or not lies_in_the_data(error):
                    raise
                log.warning(
                    "the step %r of batch %d failed (try %d of 2): %s",
                    step.name,
                    step.batch_id,
                    attempt,
                    in_a_line(error),
                )
                failed = error
        self._record(tables, step, in_a_line(failed))
        return False

    def take(self) -> int:
        """The steps set aside since the last call."""
        taken, self.count = self.count, 0
        return taken

    def events(self, tables: DeltaTables, query_id: str) -> LeftOut | None:
        """What an earlier start left out of the last batch that it had to; of any other batch it leaves out nothing."""
        rows = tables.read(TABLE).where((F.col("query_id") == query_id) & (F.col("step") == EVENTS))
        last = rows.orderBy(F.col("batch_id").desc()).select("offsets").first()
        return None if last is None else LeftOut.of(last["offsets"])

    def begun(self, tables: DeltaTables, batch_id: int) -> tuple[int, str]:
        """When a batch began (ms since 1970, as Spark has it) and where it ends at its source, from the checkpoint."""
        lines = tables.spark.read.text(f"{self.checkpoint}/offsets/{batch_id}", wholetext=True).collect()
        _, metadata, *offsets = lines[0]["value"].splitlines()
        return int(json.loads(metadata)["batchTimestampMs"]), "\n".join(offsets)

    def record_events(self, tables: DeltaTables, query_id: str, batch_id: int, which: str, cause: str) -> None:
        """The decision to leave out some events of a batch; it stands before the batch is repeated without them."""
        self._append(tables, query_id, batch_id, (EVENTS, None, None, None, which, cause, self.now()))
        log.error(EVENTS_TOLD, batch_id, cause)

    def _known(self, tables: DeltaTables, query_id: str) -> set[tuple[int, str]]:
        if self.known is None:
            rows = tables.read(TABLE).where(F.col("query_id") == query_id).select("batch_id", "step").collect()
            self.known = {(row["batch_id"], row["step"]) for row in rows}
        return self.known

    def _record(self, tables: DeltaTables, step: SetAsideStep, cause: str) -> None:
        offsets = self.begun(tables, step.batch_id)[1]
        row = (step.name, step.rows, step.first, step.last, offsets, cause, self.now())
        self._append(tables, step.query_id, step.batch_id, row)
        log.error(TOLD, step.batch_id, step.name, cause, step.rows, step.first, step.last)

    def _append(self, tables: DeltaTables, query_id: str, batch_id: int, row: tuple[Any, ...]) -> None:
        frame = tables.spark.createDataFrame(
            [row], plain_ddl(column for column in SET_ASIDE.columns if column not in BATCH)
        )
        tables.append(TABLE, frame, query_id=query_id, batch_id=batch_id, count=1, part=str(row[0]))
        self.count += 1
