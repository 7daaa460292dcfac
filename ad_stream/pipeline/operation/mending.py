"""A batch that fails before its rows exist is tried without some of its events, so that it does not fail for ever.

Spark repeats a failed batch with the same offsets at every start. What fails while rows are written is set aside there
(`store.set_aside`). What fails before (a source that cannot be read, a plugin's function that kills its worker, a message
that no parser survives) is found here by trying (`blame`), recorded in the table `set_aside`, and left out of that batch.

Where memory, disk, network or rights are told as the cause, nothing is tried: they heal, and events would be blamed for
what a machine did. A worker that dies is tried, because one event may kill it; it is blamed only where it alone does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ad_stream.pipeline.operation.blame import Blame
from ad_stream.pipeline.operation.failure import in_a_line, may_lie_in_the_events
from ad_stream.pipeline.steps.left_out import PASSED_OVER, QUARANTINED, How, LeftOut
from ad_stream.pipeline.steps.tally import tally_of
from ad_stream.sources import registry

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.streaming.query import StreamingQuery

    from ad_stream.config import Config
    from ad_stream.pipeline.batch_state import BatchState
    from ad_stream.pipeline.store.delta import DeltaTables

log = logging.getLogger(__name__)

Body = Callable[["DataFrame", int], None]
Start = Callable[[Body, "LeftOut | None"], "StreamingQuery"]
LOOK_SECONDS = 1
SEARCHING = "batch %d failed before it had any rows (%s): looking for the events that make it fail"


class TrialEnds(Exception):  # noqa: N818 (not an error: it keeps the batch of a trial from being committed)
    """The rows of the batch exist."""


@dataclass
class Trial:
    """In place of the body of foreachBatch: whether the rows of the batch come to exist."""

    config: Config
    passed: bool = False

    def __call__(self, groups: DataFrame, _: int) -> None:
        groups = groups.persist()
        try:
            tally_of(groups, self.config)
        finally:
            groups.unpersist()
        self.passed = True
        raise TrialEnds


@dataclass
class Mender:
    """Mends the batches of one run. start: starts the query with this body, without these events."""

    config: Config
    tables: DeltaTables
    state: BatchState
    start: Start
    renew: Callable[[], None]
    left_out: LeftOut | None = None
    mended: set[int] = field(default_factory=set)

    def __call__(self, query_id: str) -> bool:
        """After the query has failed: whether it is worth another start. Each batch is mended once."""
        failed, self.state.unread = self.state.unread, None
        if failed is None or not self.config.set_aside or failed.batch_id in self.mended:
            return False
        if not may_lie_in_the_events(failed.error):
            return False
        log.warning(SEARCHING, failed.batch_id, in_a_line(failed.error))
        self.mended.add(failed.batch_id)
        set_aside = self.state.set_aside
        time_ms, offsets = set_aside.begun(self.tables, failed.batch_id)
        blame = Blame(self._passes, time_ms, self._ways())
        found = blame()
        if found is not None:
            set_aside.record_events(
                self.tables, query_id, failed.batch_id, found.text(offsets), in_a_line(failed.error)
            )
            self.left_out = found
        return found is not None or blame.trials == 1

    def _ways(self) -> tuple[How, ...]:
        rows = registry.kind_of(self.config.source.kind).yields == "rows"
        return (PASSED_OVER,) if rows else (QUARANTINED, PASSED_OVER)

    def _passes(self, left_out: LeftOut | None) -> bool:
        trial = Trial(self.config)
        with _quiet():
            query = self.start(trial, left_out)
            try:
                while not query.awaitTermination(LOOK_SECONDS):
                    self.renew()
            except Exception as error:
                log.info("a trial failed: %s", in_a_line(error)) if not trial.passed else None
            finally:
                query.stop()
        return trial.passed


@contextmanager
def _quiet() -> Iterator[None]:
    """Py4J prints what foreachBatch raises; a trial always raises."""
    py4j = logging.getLogger("py4j")
    before = py4j.level
    py4j.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        py4j.setLevel(before)
