"""The table `runs` without Spark: rows are added, and of each run the last one is kept in memory.

An append is one commit of Delta: a row is there as a whole or not at all, and two schedulers may write at the same time.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ad_stream import times
from ad_stream.tables import people
from ad_stream.tables.follow import TableLog
from ad_stream.tables.runs import RUNS
from ad_stream.tables.schema import arrow

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

QUEUED, RUNNING, SUCCEEDED = "queued", "running", "succeeded"
FAILED, CANCELLED, MISSED = "failed", "cancelled", "missed"
RANK = {QUEUED: 0, RUNNING: 1}
"""Of a run the later state counts; those that are not named here end it."""
TIDY_EVERY = 200
"""Commits after which the small files of the table are put together."""
KEPT_HOURS = 24
FEW = ("job", "command", "state", "config_version")
"""Columns of few different texts, each of which is held once."""
MOST = 100_000
"""Runs that are held, those planned last; the table has all."""


class RunRow(NamedTuple):
    """A row of `runs`, its columns. Times are UTC. A tuple, as there may be a hundred thousand of them."""

    run_id: str
    job: str
    command: str
    planned: datetime
    started: datetime | None = None
    ended: datetime | None = None
    state: str = QUEUED
    reason: str | None = None
    counts: str | None = None
    cpu_seconds: float | None = None
    config_version: str | None = None
    attempt: int = 1

    @property
    def over(self) -> bool:
        """Has it ended?"""
        return self.state not in RANK

    def later_than(self, other: RunRow) -> bool:
        """Is this what became of the other?"""
        return (self.attempt, RANK.get(self.state, 2)) >= (other.attempt, RANK.get(other.state, 2))

    def as_dict(self) -> dict[str, Any]:
        """For `--json` and the page: times as ISO text, counts as they were counted."""
        found = self._asdict() | {
            name: times.iso_or_none(getattr(self, name)) for name in ("planned", "started", "ended")
        }
        took = None if self.started is None or self.ended is None else (self.ended - self.started).total_seconds()
        return found | {"counts": json.loads(self.counts) if self.counts else None, "seconds": took}


class RunLog:
    """All runs of a table set as far as `look` has read them; safe to use from several threads."""

    def __init__(self, tables: Path) -> None:
        self._tables = tables
        self._log = TableLog(tables, RUNS.name)
        self._lock = threading.Lock()
        self._runs: dict[str, RunRow] = {}
        self._table: DeltaTable | None = None
        self._appended = 0

    def append(self, rows: Sequence[RunRow]) -> None:
        """Add the rows in one commit; makes the table where it is missing."""
        import pyarrow as pa
        from deltalake import write_deltalake

        if not rows:
            return
        if self._table is None:
            self._tables.mkdir(parents=True, exist_ok=True)
            self._table = people.create(RUNS, self._tables)
        table = self._table
        write_deltalake(
            table, pa.Table.from_pylist([row._asdict() for row in rows], schema=arrow(RUNS.columns)), mode="append"
        )
        self._appended += 1
        table.update_incremental()
        if self._appended % TIDY_EVERY == 0:
            table.optimize.compact()
            table.vacuum(retention_hours=KEPT_HOURS, dry_run=False)

    def look(self) -> dict[str, RunRow]:
        """run_id -> its last row, with what has come since the last look."""
        with self._lock:
            news = self._log.news()
            if news is not None:
                known = {} if news.whole else dict(self._runs)
                for part in news.parts:
                    for batch in self._log.batches(part, RUNS.names):
                        for row in _rows(batch):
                            if row.run_id not in known or row.later_than(known[row.run_id]):
                                known[row.run_id] = row
                if len(known) > MOST * 1.1:
                    latest = sorted(known.values(), key=lambda row: row.planned)[-MOST:]
                    known = {row.run_id: row for row in latest}
                self._runs = known
            return self._runs

    def of_job(self, job: str) -> list[RunRow]:
        """Its runs, the latest planned first."""
        return sorted(
            (row for row in self.look().values() if row.job == job), key=lambda row: row.planned, reverse=True
        )


def _rows(batch: pa.RecordBatch) -> Iterator[RunRow]:
    """Times go through whole numbers: as Python's own, Arrow makes them ten times slower."""
    columns: list[list[Any]] = []
    for name in RunRow._fields:
        values = batch.column(name)
        if RUNS[name].type == "timestamp":
            micros = values.cast(_micros()).cast("int64").to_pylist()
            columns.append([None if at is None else times.from_seconds(at / 1e6) for at in micros])
        elif name in FEW:
            columns.append([None if text is None else sys.intern(text) for text in values.to_pylist()])
        else:
            columns.append(values.to_pylist())
    return map(RunRow._make, zip(*columns, strict=True))


def _micros() -> pa.DataType:
    import pyarrow as pa

    return pa.timestamp("us", "UTC")
