"""After the commit: what `detections` holds for a batch goes to the push targets, and `deliveries` says how it went.

At least once: what a crash left unrecorded is pushed again. What did not get out waits and is sent before anything
newer: with the next batch, between batches, at the start and at the end of a run. A target that fails never fails a
batch (docs/decisions/rows-that-wait.md).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ad_stream import times
from ad_stream.pipeline.store.outbox_rows import PushStore
from ad_stream.push.base import LOST
from ad_stream.push.limits import HOUR
from ad_stream.push.outbox import Outbox

if TYPE_CHECKING:
    from ad_stream.config import Config
    from ad_stream.pipeline.store.delta import DeltaTables
    from ad_stream.push.base import State, Target

log = logging.getLogger(__name__)
SLICE = 5.0
"""Seconds that a resend between batches takes at most: a batch that comes meanwhile waits for it."""
SHORTEST_REST, LONGEST_REST = 1.0, 60.0
"""Seconds between resends; doubled while nothing gets out."""


class Deliver:
    """Pushes batches to all targets; batches come in the thread of Spark, resends in that which watches the query."""

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        store: Callable[[DeltaTables], PushStore] = PushStore,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = times.now,
    ) -> None:
        self.targets, self._store_of, self._clock, self._now = targets, store, clock, now
        self._outboxes: list[Outbox] = []
        self._lock = threading.Lock()
        self._first_batch = True
        self._rest, self._rest_until = SHORTEST_REST, 0.0
        self._resent = 0

    @property
    def counts(self) -> Counter[State]:
        """Rows of all targets by what became of them since the tables were opened."""
        return sum((outbox.counts for outbox in self._outboxes), Counter())

    @property
    def waiting(self) -> int:
        """Rows that no target has got yet, over all targets."""
        return sum(outbox.rows for outbox in self._outboxes)

    def take_resent(self) -> int:
        """Rows that targets took outside batches since the last call."""
        taken, self._resent = self._resent, 0
        return taken

    def start(self, tables: DeltaTables, newest: datetime | None = None) -> None:
        """Resend what earlier runs left. newest: the newest minute with a verdict, where the checkpoint is lost."""
        if not self.targets:
            return
        self._open(tables)
        for batch in [] if newest is None else self._store.unrecorded(newest):
            known = self._store.knows(batch)
            for outbox in self._outboxes:
                if outbox.target.name not in known:
                    outbox.add(batch)
        self.finish()

    def __call__(self, tables: DeltaTables, query_id: str, batch_id: int) -> dict[str, int]:
        """-> `pushed`, `push_failed`, `push_waiting` of the table `batches`: rows that got out, that never will, that wait."""
        if not self.targets:
            return {}
        asked, batch = self._clock(), (query_id, batch_id)
        with self._lock:
            if not self._outboxes:  # over Spark Connect this is another process than that of `start`
                self._open(tables)
            late, before = self._clock() - asked, self.counts
            self._store.tables = tables
            # Only the first batch of a run can have been pushed by an earlier run.
            known = self._store.knows(batch) if self._first_batch else set()
            self._first_batch = False
            for outbox in self._outboxes:
                if outbox.target.name not in known:
                    outbox.add(batch)
            self._turns([(outbox, max(outbox.target.seconds - late, 0.0)) for outbox in self._outboxes])
            left = sum(one.rows for outbox in self._outboxes for one in outbox.waiting if one.batch == batch)
            now = self.counts
            lost = sum(now[state] - before[state] for state in LOST)
            return {"pushed": now["delivered"] - before["delivered"], "push_failed": lost, "push_waiting": left}

    def add(self, batch: tuple[str, int]) -> None:
        """Rows that were written between batches: they go out with the next resend."""
        with self._lock:
            for outbox in self._outboxes:
                if outbox.target.rows.startswith("incidents"):
                    outbox.add(batch)

    def quiet(self) -> None:
        """Between batches, called every second or so: a stream without input has no batch that would resend."""
        if not self.waiting or self._clock() < self._rest_until or not self._lock.acquire(blocking=False):
            return
        try:
            before = self.waiting
            self._resend(SLICE)
            self._rest = SHORTEST_REST if self.waiting < before else min(2 * self._rest, LONGEST_REST)
            self._rest_until = self._clock() + self._rest
        finally:
            self._lock.release()

    def finish(self, tables: DeltaTables | None = None) -> None:
        """One more try for what waits, before the first batch and after the last; tables: look anew what that is."""
        with self._lock:
            if tables is not None and self.targets:
                self._open(tables)
            self._resend(None)

    def _open(self, tables: DeltaTables) -> None:
        self._store = self._store_of(tables)
        self._outboxes = [Outbox(target, self._store, now=self._now) for target in self.targets]
        waiting = self._store.waiting()
        recent = self._store.sent_since(self._now() - timedelta(seconds=HOUR))
        for outbox in self._outboxes:
            outbox.restore(waiting, recent)

    def _resend(self, most: float | None) -> None:
        due, before = [outbox for outbox in self._outboxes if outbox.waiting], self.counts["delivered"]
        if not due:
            return
        try:
            self._turns([(outbox, min(most or outbox.target.seconds, outbox.target.seconds)) for outbox in due])
        except Exception as error:  # there is no batch that could fail, and the next turn tries again
            log.warning("what waits could not be pushed (%s): it stays in the tables", type(error).__name__)
        self._resent += self.counts["delivered"] - before

    def _turns(self, turns: Sequence[tuple[Outbox, float]]) -> None:
        try:
            for outbox, seconds in turns:
                outbox.turn(seconds)
        finally:
            records = [record for outbox in self._outboxes for record in outbox.records]
            self._store.record(records)
            for outbox in self._outboxes:
                outbox.records.clear()


def targets_of(config: Config) -> list[Target]:
    """The push targets of a configuration."""
    if not config.push:
        return []
    from ad_stream.push import registry

    entries = ((entry.kind, entry.options()) for entry in config.push)
    return registry.targets_of(entries, incidents=config.incidents.enabled, joint=config.joint.enabled)
