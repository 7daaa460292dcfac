"""The row of a batch in `batches`: the last of its writes, so that it stands for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ad_stream.tables.catalog import BATCHES
from ad_stream.tables.schema import plain_ddl

if TYPE_CHECKING:
    from ad_stream.pipeline.batch_state import Batch


def close(batch: Batch) -> None:
    """Append what the batch did."""
    batch.report.counts["set_aside"] += batch.state.set_aside.take()
    row = batch.report.row()
    schema = plain_ddl(BATCHES[name] for name in row)
    frame = batch.tables.spark.createDataFrame([tuple(row.values())], schema)
    batch.tables.append("batches", frame, count=1, **batch.name)
