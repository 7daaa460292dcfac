"""What a batch holds that is no reading, or came too late: to `quarantine` and `late`, each under its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ad_stream.pipeline.steps import windows
from ad_stream.pipeline.steps.other_queries import without_theirs

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from ad_stream.pipeline.batch_state import Batch


def store_quarantine(batch: Batch) -> None:
    """Rejected messages and array elements."""
    if count := sum(batch.tally.quarantined.values()):
        _store(batch, "quarantine", windows.quarantine(batch.groups, batch.config.telemetry), count)


def store_late(batch: Batch) -> None:
    """Readings whose window was closed when they came."""
    if batch.tally.late:
        _store(batch, "late", windows.late(batch.groups, batch.config), batch.tally.late)


def _store(batch: Batch, table: str, rows: DataFrame, count: int) -> None:
    new = without_theirs(batch, rows, table)
    batch.write(table, count, lambda: batch.tables.append(table, new, count=count, **batch.name))
