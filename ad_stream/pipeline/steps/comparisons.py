"""The verdicts of `detection.compare`, to `comparisons`, before `detections`.

Delivery: exactly once, one append a batch under its own transaction. They are given in the task that gives the run's own
verdicts and travel in its rows, an array a field; rows that another query holds (after a lost checkpoint) are left out.
No alarm, incident or push looks at them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.pipeline.steps.other_queries import without_theirs
from ad_stream.tables.comparisons import COMPARISONS
from ad_stream.tables.schema import VERDICT

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from ad_stream.pipeline.batch_state import Batch

TABLE, PREFIX = COMPARISONS.name, "compared_"
FIELDS = COMPARISONS.used(VERDICT)
COMPARED = COMPARISONS.named(VERDICT)
COMPARED_ROW = "".join(f", {PREFIX}{field.name} array<{field.type}>" for field in FIELDS)
"""What they add to a row of the scoring function."""


def of_verdicts(verdicts: DataFrame) -> DataFrame:
    """Rows of the scoring function -> a row for each window and detector."""
    zipped = F.arrays_zip(*[F.col(f"{PREFIX}{field.name}").alias(field.name) for field in FIELDS])
    rows = verdicts.select("device_id", "signal", "minute", F.explode(zipped).alias("one"))
    return rows.select(
        "device_id", "signal", "minute", *[_field(field.name, field.type).alias(field.name) for field in FIELDS]
    )


def store(batch: Batch) -> None:
    """Append them; none where nothing is compared."""
    if batch.compared is None:
        return
    count = batch.tally.minutes * len(batch.state.scorer.compare)
    new = without_theirs(batch, batch.compared, TABLE)
    batch.write(TABLE, count, lambda: batch.tables.append(TABLE, new, count=count, **batch.name))


def _field(name: str, kind: str) -> Column:
    value = F.col("one")[name]
    return F.nanvl(value, F.lit(None).cast("double")) if kind == "double" else value
