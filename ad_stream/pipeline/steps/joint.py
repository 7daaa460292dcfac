"""The joint verdicts of a batch, to `joint_detections`, after `history` and before what is folded from them.

Delivery: exactly once, one append a batch under its own transaction. They are given in the task that gives the verdicts on
single signals; rows that another query holds (after a lost checkpoint) are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.pipeline.steps.joint_scoring import joint_rows
from ad_stream.pipeline.steps.other_queries import without_theirs
from ad_stream.tables.joint import JOINT_DETECTIONS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from ad_stream.pipeline.batch_state import Batch

TABLE = JOINT_DETECTIONS.name


def of_verdicts(batch: Batch, scored: DataFrame) -> DataFrame:
    """The joint verdicts among the rows that a batch's scoring function gave."""
    pinned = {"revision": F.lit(0), "config_version": F.lit(batch.state.config.joint_name)}
    return joint_rows(scored).withColumns(pinned)


def store(batch: Batch) -> None:
    """Append them; where there is no model there are none."""
    if batch.joint is None:
        return
    new, count = without_theirs(batch, batch.joint, TABLE), batch.tally.minutes
    if not batch.write(TABLE, count, lambda: batch.tables.append(TABLE, new, count=count, **batch.name)):
        batch.joint = None
