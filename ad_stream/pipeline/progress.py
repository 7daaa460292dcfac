"""What only the progress of a batch knows (events read, duplicates, watermark, lag), written after the batch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ad_stream.pipeline.tables import Tables

ROW = (
    "events long, non_telemetry long, duplicates long, watermark timestamp, dropped_by_watermark long, "
    "source_lost long, lag long, offsets string, durations string, query_id string, batch_id long"
)


@dataclass
class Progress:
    """Collects the progress of a query and appends what is new to the table `progress`."""

    tables: Tables
    written: int = -1
    """The latest batch that is in the table."""

    def collect(self, query: Any) -> list[dict[str, Any]]:
        """Write the batches finished since the last call; -> their rows."""
        new = [row(one) for one in query.recentProgress if one["batchId"] > self.written]
        latest = list({one["batch_id"]: one for one in new}.values())
        if latest:
            self._append(latest)
            self.written = latest[-1]["batch_id"]
        return latest

    def _append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        frame = self.tables.spark.createDataFrame([tuple(one.values()) for one in rows], ROW)
        writer = frame.coalesce(1).write.format("delta").mode("append")
        tables = self.tables
        writer.save(tables.location("progress")) if tables.settings.path else writer.saveAsTable(tables.name("progress"))


def row(progress: Mapping[str, Any]) -> dict[str, Any]:
    """One progress report of Spark -> one row of the table, columns in the order of ROW."""
    counts = (progress.get("observedMetrics") or {}).get("events") or {}
    states = progress.get("stateOperators") or []
    sources = progress.get("sources") or []
    return {
        "events": counts.get("events", 0),
        "non_telemetry": counts.get("non_telemetry", 0),
        "duplicates": sum((one.get("customMetrics") or {}).get("numDroppedDuplicateRows", 0) for one in states),
        "watermark": _closed_until((progress.get("eventTime") or {}).get("watermark")),
        "dropped_by_watermark": sum(one.get("numRowsDroppedByWatermark", 0) for one in states),
        "source_lost": 0,
        "lag": _lag(sources),
        "offsets": json.dumps([{"from": one.get("startOffset"), "to": one.get("endOffset")} for one in sources]),
        "durations": json.dumps(progress.get("durationMs") or {}),
        "query_id": progress["id"],
        "batch_id": progress["batchId"],
    }


def _closed_until(watermark: str | None) -> datetime | None:
    """Spark's watermark runs on starts of minutes: the minute it names is closed, too."""
    if watermark is None or watermark.startswith("1970"):
        return None
    return datetime.fromisoformat(watermark.replace("Z", "+00:00")).astimezone(timezone.utc) + timedelta(minutes=1)


def _lag(sources: Sequence[Mapping[str, Any]]) -> int | None:
    """Events that waited; Kafka tells by its metrics."""
    lags = [one["metrics"]["maxOffsetsBehindLatest"] for one in sources if "maxOffsetsBehindLatest" in (one.get("metrics") or {})]
    return sum(int(lag) for lag in lags) if lags else None
