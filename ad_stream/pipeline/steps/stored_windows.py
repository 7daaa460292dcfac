"""The closed windows of a batch, to `minutes` and, packed, to `history`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.pipeline.steps import history, windows
from ad_stream.pipeline.steps.other_queries import resolved

if TYPE_CHECKING:
    from ad_stream.pipeline.batch_state import Batch


def store(batch: Batch) -> None:
    """Both appends in one write: a verdict is given from `history`, so it may not lack what `minutes` holds."""
    if not batch.tally.minutes:
        return
    closed = windows.closed(batch.groups, batch.config)
    if batch.surplus is not None:
        closed = closed.join(batch.surplus, ["device_id", "signal"], "left_anti")
    batch.closed = resolved(batch, closed)
    batch.stored = batch.write("minutes", batch.tally.minutes, lambda: _append(batch))


def _append(batch: Batch) -> None:
    assert batch.closed is not None
    count = batch.tally.minutes
    batch.tables.append("minutes", batch.closed.where("not held"), count=count, **batch.name)
    reach = batch.tally.last - batch.state.scorer.reach * batch.config.minutes.every
    packed = history.pack(batch.closed.where(F.col("minute") > F.lit(reach)))
    batch.tables.append("history", packed, count=count // 8, **batch.name)
