"""The stream's own tables over the last day: batches, their progress, what was set aside, what was pushed."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ad_stream.monitoring.status import ALIVE
from ad_stream.push.base import SETTLED
from ad_stream.tables.catalog import BATCHES, PROGRESS
from ad_stream.tables.schema import COUNT

if TYPE_CHECKING:
    import pyarrow as pa

DAY = 86_400.0
SHOWN_BATCHES = 120
MOST_ENTRIES = 10_000
COLUMNS: dict[str, tuple[str, ...]] = {
    "batches": BATCHES.names,
    "progress": (*PROGRESS.key, *PROGRESS.named(COUNT), "watermark", "lag"),
    "quarantine": ("reason",),
    "deliveries": ("sink", "query_id", "batch_id", "attempt", "state", "rows", "error"),
    "owner": ("alive",),
}  # fmt: skip


@dataclass
class Health:
    """Sums of the last day, by the time at which the files were written; the newest batches one by one.

    lag: events that waited at the source at `watermark`; last_error: when a push failed last, and why.
    """

    alive: datetime | None = None
    watermark: datetime | None = None
    lag: int | None = None
    last_error: tuple[float, str] | None = None
    _counts: dict[str, deque[tuple[float, Counter[str]]]] = field(
        default_factory=lambda: {name: deque(maxlen=MOST_ENTRIES) for name in COLUMNS}
    )
    _batches: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    _last: dict[tuple[str, str, int], tuple[int, int]] = field(default_factory=dict)
    """(sink, query_id, batch_id) -> attempt and waiting rows of its last record."""

    def forget(self, table: str) -> None:
        """The table was made anew."""
        self._counts[table].clear()
        if table == "deliveries":
            self._last.clear()
        if table == "owner":
            self.alive = None

    def apply(self, table: str, written: float, batch: pa.RecordBatch) -> None:
        """Takes rows of one of COLUMNS in, in any order; written: when their file was, seconds since the epoch."""
        take = {
            "batches": self._take_batches,
            "progress": self._take_progress,
            "deliveries": self._take_deliveries,
            "owner": self._take_owner,
        }
        counted = _reasons(batch) if table == "quarantine" else take[table](_rows(batch), written)
        self._counts[table].append((written, counted))

    def running(self, now: datetime) -> bool:
        """Did a query give a sign of life lately?"""
        return self.alive is not None and now - self.alive <= ALIVE

    def total(self, table: str) -> Counter[str]:
        """Counts of the last day of a table: its columns, its reasons, or 'sink state' for deliveries.

        A record of rows that are still to be sent repeats what the one before it said: 'sink waiting' counts them once.
        """
        entries = self._counts[table]
        since = max((written for written, _ in entries), default=0.0) - DAY
        out: Counter[str] = Counter()
        for written, counted in entries:
            if written >= since:
                out.update(counted)
        if table == "deliveries":
            for (sink, _, _), (_, rows) in self._last.items():
                if rows:
                    out[f"{sink} waiting"] += rows
        return out

    def batches(self) -> list[dict[str, Any]]:
        """The newest SHOWN_BATCHES, oldest first, each with what its progress told."""
        return sorted(self._batches.values(), key=_age)[-SHOWN_BATCHES:]

    def _take_batches(self, rows: Sequence[Mapping[str, Any]], written: float) -> Counter[str]:
        self._remember(rows, written)
        return _sum(rows, BATCHES.named(COUNT))

    def _take_progress(self, rows: Sequence[Mapping[str, Any]], written: float) -> Counter[str]:
        self._remember(rows, written)
        for row in rows:
            if row["watermark"] is not None and (self.watermark is None or row["watermark"] >= self.watermark):
                self.watermark, self.lag = row["watermark"], row.get("lag")
        return _sum(rows, PROGRESS.named(COUNT))

    def _take_deliveries(self, rows: Sequence[Mapping[str, Any]], written: float) -> Counter[str]:
        counted: Counter[str] = Counter()
        for row in rows:
            number, settled = row["rows"] or 0, row["state"] in SETTLED
            if settled:
                counted[f"{row['sink']} {row['state']}"] += number
            batch = row["sink"], row["query_id"], row["batch_id"]
            self._last[batch] = max(self._last.get(batch, (0, 0)), (row["attempt"], 0 if settled else number))
            if row["error"] and (self.last_error is None or self.last_error[0] <= written):
                self.last_error = written, row["error"]
        if len(self._last) > 2 * MOST_ENTRIES:
            self._last = dict(list(self._last.items())[-MOST_ENTRIES:])
        return counted

    def _take_owner(self, rows: Sequence[Mapping[str, Any]], _: float) -> Counter[str]:
        self.alive = max((row["alive"] for row in rows if row["alive"] is not None), default=self.alive)
        return Counter()

    def _remember(self, rows: Sequence[Mapping[str, Any]], written: float) -> None:
        for row in rows:
            key = row["query_id"], row["batch_id"]
            self._batches[key] = self._batches.get(key, {}) | dict(row) | {"written": written}
        if len(self._batches) > 4 * SHOWN_BATCHES:
            newest = sorted(self._batches.items(), key=lambda item: _age(item[1]))[-2 * SHOWN_BATCHES :]
            self._batches = dict(newest)


def _age(row: Mapping[str, Any]) -> tuple[float, int]:
    return row["written"], row["batch_id"]


def _reasons(batch: pa.RecordBatch) -> Counter[str]:
    import pyarrow.compute as pc

    counted = pc.value_counts(batch.column("reason")).to_pylist()
    return Counter({str(one["values"]): one["counts"] for one in counted})


def _sum(rows: Sequence[Mapping[str, Any]], names: Iterable[str]) -> Counter[str]:
    return Counter({name: sum(int(row.get(name) or 0) for row in rows) for name in names})


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    return [
        {name: value.replace(tzinfo=timezone.utc) if _naive(value) else value for name, value in row.items()}
        for row in batch.to_pylist()
    ]


def _naive(value: object) -> bool:
    return isinstance(value, datetime) and value.tzinfo is None
