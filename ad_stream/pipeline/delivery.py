"""After the commit: what `detections` holds for a batch goes to the push targets, and `deliveries` says how it went.

At least once: a batch that is repeated after a crash is pushed again unless its delivery is on record. A target that
fails never fails the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from ad_stream.config import Config
    from ad_stream.pipeline.tables import Tables
    from ad_stream.push.base import Delivery, Target

RECORD = "sink string, attempt int, rows long, state string, error string"


@dataclass
class Deliver:
    """Pushes one batch to all targets."""

    targets: Sequence[Target]
    first_batch: bool = True
    """Only the first batch of a run can have been pushed by an earlier run."""

    def __call__(self, tables: Tables, query_id: str, batch_id: int, first: datetime, last: datetime) -> dict[str, int]:
        """-> the counts `pushed` and `push_failed` of the table `batches`, in rows."""
        if not self.targets:
            return {}
        done = self._done(tables, query_id, batch_id) if self.first_batch else set()
        self.first_batch = False
        between = (F.col("minute") >= F.lit(first)) & (F.col("minute") <= F.lit(last))
        mine = (F.col("query_id") == query_id) & (F.col("batch_id") == batch_id) & (F.col("revision") == 0)
        verdicts = tables.read("detections").where(between & mine & (F.col("status") == "scored"))
        outcomes = [
            delivery for target in self.targets if target.name not in done for delivery in _pushed(target, verdicts)
        ]
        self._record(tables, outcomes, query_id, batch_id)
        arrived = sum(one.rows for one in outcomes if one.state == "delivered")
        return {"pushed": arrived, "push_failed": sum(one.rows for one in outcomes) - arrived}

    def _done(self, tables: Tables, query_id: str, batch_id: int) -> set[str]:
        rows = tables.read("deliveries").where((F.col("query_id") == query_id) & (F.col("batch_id") == batch_id))
        return {row["sink"] for row in rows.where("state = 'delivered'").select("sink").distinct().collect()}

    def _record(self, tables: Tables, outcomes: list[Delivery], query_id: str, batch_id: int) -> None:
        if outcomes:
            rows = [(one.sink, one.attempt, one.rows, one.state, one.error) for one in outcomes]
            frame = tables.spark.createDataFrame(rows, RECORD)
            tables.append("deliveries", frame, query_id=query_id, batch_id=batch_id, count=len(rows))


def targets(config: Config) -> list[Target]:
    """The push targets of a configuration."""
    if not config.push:
        return []
    from ad_stream.push import by_kind

    return [by_kind(target.kind, **target.options()) for target in config.push]


def _pushed(target: Target, verdicts: DataFrame) -> list[Delivery]:
    chosen = verdicts if target.rows == "all" else verdicts.where("is_anomaly")
    ordered = chosen.withColumn("minute", F.unix_seconds("minute")).orderBy("minute", "device_id", "signal")
    return target.push([_row(row.asDict()) for row in ordered.collect()])


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"minute": datetime.fromtimestamp(row["minute"], timezone.utc)}
