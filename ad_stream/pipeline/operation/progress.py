"""What only the progress of a batch knows (events read, duplicates, watermark, lag), written after the batch."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ad_stream.grid import MINUTE, Grid
from ad_stream.pipeline.operation.reports import observed, plain
from ad_stream.tables.catalog import PROGRESS
from ad_stream.tables.schema import plain_ddl

if TYPE_CHECKING:
    from ad_stream.pipeline.store.delta import DeltaTables

log = logging.getLogger(__name__)

LOST = "%d events of batch %d were gone before they could be read, among those at %s: the hub keeps them too short"


@dataclass
class Progress:
    """Collects the progress of a query and appends what is new to the table `progress`."""

    tables: DeltaTables
    newest: Callable[[], Mapping[str, int] | None] | None = None
    """Asks a source whose lag Spark does not report for the next sequence number of each partition; None: it cannot tell."""
    written: int = -1
    """The latest batch that is in the table."""

    def collect(self, query: Any) -> list[dict[str, Any]]:
        """Write the batches finished since the last call; -> their rows."""
        new = [row(one, self.tables.grid) for one in query.recentProgress if one["batchId"] > self.written]
        latest = list({one["batch_id"]: one for one in new}.values())
        for one in latest:
            if one["source_lost"]:
                log.warning(LOST, one["source_lost"], one["batch_id"], one["offsets"])
        if latest:
            latest[-1]["lag"] = self._lag(latest[-1])
            self._append(latest)
            self.written = latest[-1]["batch_id"]
        return latest

    def _lag(self, latest: Mapping[str, Any]) -> int | None:
        """That of the latest batch, asked for where its report does not tell; unknown where the hub does not answer."""
        if self.newest is None or latest["lag"] is not None:
            return latest["lag"]  # type: ignore[no-any-return]
        try:
            ends = self.newest()
            return None if ends is None else behind(latest["offsets"], ends)
        except Exception as error:  # Java's, of many kinds; reporting cannot fail the job
            log.warning("the hub did not say how many events wait (%s)", type(error).__name__)
            return None

    def _append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        values = [tuple(one[name] for name in PROGRESS.names) for one in rows]
        frame = self.tables.spark.createDataFrame(values, plain_ddl(PROGRESS.columns))
        self.tables.append_unnamed("progress", frame)


def row(progress: Mapping[str, Any], grid: Grid = MINUTE) -> dict[str, Any]:
    """One progress report of Spark -> one row of the table, columns in the order of ROW."""
    progress = plain(progress)
    counts = observed(progress, "events")
    states = progress.get("stateOperators") or []
    sources = [_offsets_read(one) for one in progress.get("sources") or []]
    return {
        "events": counts.get("events", 0),
        "non_telemetry": counts.get("non_telemetry", 0),
        "duplicates": sum((one.get("customMetrics") or {}).get("numDroppedDuplicateRows", 0) for one in states),
        "watermark": _closed_until((progress.get("eventTime") or {}).get("watermark"), grid),
        "dropped_by_watermark": sum(one.get("numRowsDroppedByWatermark", 0) for one in states),
        "source_lost": _lost(observed(progress, "source").get("read"), sources),
        "lag": _lag(sources),
        "offsets": json.dumps([{"from": one.get("startOffset"), "to": one.get("endOffset")} for one in sources]),
        "durations": json.dumps(progress.get("durationMs") or {}),
        "query_id": progress["id"],
        "batch_id": progress["batchId"],
    }


def behind(offsets: str, newest: Mapping[str, int]) -> int:
    """Events that the hub holds beyond the end of a batch; offsets: as in the table."""
    read = [partitions for one in json.loads(offsets) for partitions in (one["to"] or {}).values()]
    return sum(max(0, end - next((one[name] for one in read if name in one), 0)) for name, end in newest.items())


def _offsets_read(source: Mapping[str, Any]) -> dict[str, Any]:
    """A source whose offsets are mappings; over Connect they come as JSON."""
    ends = {name: source.get(name) for name in ("startOffset", "endOffset")}
    return {**source, **{name: json.loads(end) if isinstance(end, str) else end for name, end in ends.items()}}


def _lost(read: int | None, sources: Sequence[Mapping[str, Any]]) -> int:
    """Events between the offsets of a batch that did not come; read: those that came, None where nobody counts.

    The first batch of a checkpoint has no start and so has lost nothing yet.
    """
    spans = [(one.get("startOffset") or {}, one.get("endOffset") or {}) for one in sources]
    if read is None or not all(start and end for start, end in spans):
        return 0
    due: int = sum(
        last - start.get(hub, {}).get(partition, 0)
        for start, end in spans
        for hub, partitions in end.items()
        for partition, last in partitions.items()
    )
    return max(0, due - read)


def _closed_until(watermark: str | None, grid: Grid) -> datetime | None:
    """Spark's watermark is compared with starts of windows: the window it names is closed, too."""
    if watermark is None or watermark.startswith("1970"):
        return None
    return datetime.fromisoformat(watermark.replace("Z", "+00:00")).astimezone(timezone.utc) + grid.every


def _lag(sources: Sequence[Mapping[str, Any]]) -> int | None:
    """Events that waited; Kafka tells by its metrics, the Event Hubs connector does not."""
    lags = [
        one["metrics"]["maxOffsetsBehindLatest"]
        for one in sources
        if "maxOffsetsBehindLatest" in (one.get("metrics") or {})
    ]
    return sum(int(lag) for lag in lags) if lags else None
