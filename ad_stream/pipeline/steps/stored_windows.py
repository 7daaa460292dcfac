"""The closed windows of a batch, to `minutes` and, packed, to `history`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.pipeline.steps import history, windows
from ad_stream.pipeline.steps.other_queries import resolved
from ad_stream.scoring.depth import Depth

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
    batch.state.copies.appended(batch.tally.first_judged, batch.config.minutes.grid)
    first = Depth.of(batch.state.scorer).first(batch.tally.last)
    packed = history.pack(batch.closed.where(F.col("minute") >= F.lit(first)))
    batch.tables.append("history", packed, count=count // 8, **batch.name)
