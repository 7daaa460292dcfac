"""What other queries already hold of a batch's windows: after a lost checkpoint a part of the input is read again.

Their rows count: a window that another query stored is judged by its value, rows with the same key are left out. Own
rows are never left out, so a batch that is repeated between two of its appends goes on where it stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from ad_stream.pipeline.batch_state import Batch

SERIES_KEY = ["device_id", "signal", "minute"]
KEYS = {
    "minutes": SERIES_KEY,
    "detections": SERIES_KEY,
    "joint_detections": ["device_id", "minute"],
    "comparisons": [*SERIES_KEY, "detector"],
    "quarantine": ["source", "partition", "sequence", "element"],
    "late": ["device_id", "signal", "event_time", "source", "partition", "sequence"],
}
TIME_OF = {
    "minutes": "minute",
    "detections": "minute",
    "joint_detections": "minute",
    "comparisons": "minute",
    "quarantine": "enqueued_time",
    "late": "enqueued_time",
}


def find_others(batch: Batch) -> None:
    """Rows of other queries at or after this batch exist only after a lost checkpoint, and end for good."""
    if batch.state.sole_writer:
        return
    first, other = F.lit(batch.tally.first), F.col("query_id") != batch.query_id
    asked = {table: at for table, at in TIME_OF.items() if table != "comparisons" or batch.state.scorer.compare}
    sets = [batch.tables.read(table).where((F.col(at) >= first) & other) for table, at in asked.items()]
    batch.state.sole_writer = all(rows.isEmpty() for rows in sets)


def resolved(batch: Batch, closed: DataFrame) -> DataFrame:
    """Adds `held`: another query stored this window already. Its value counts then, ours may be a part of it."""
    closed = closed.withColumn("revision", F.lit(0))
    if batch.state.sole_writer:
        return closed.withColumn("held", F.lit(False))
    stored = _theirs(batch, "minutes").select(*SERIES_KEY, F.col("value").alias("stored"), F.lit(True).alias("held"))
    joined = closed.join(stored, SERIES_KEY, "left").withColumn("held", F.coalesce("held", F.lit(False)))
    return joined.withColumn("value", F.coalesce("stored", "value")).drop("stored")


def without_theirs(batch: Batch, rows: DataFrame, table: str) -> DataFrame:
    """The rows whose key no other query has stored."""
    if batch.state.sole_writer:
        return rows
    key = KEYS[table]
    same = [F.col(f"a.{name}").eqNullSafe(F.col(f"b.{name}")) for name in key]
    return rows.alias("a").join(_theirs(batch, table).select(*key).alias("b"), same, "left_anti")


def _theirs(batch: Batch, table: str) -> DataFrame:
    at, settings = TIME_OF[table], batch.config.minutes
    # A member that is no number travels under its event's window, up to the watermark before its enqueued time.
    until = batch.tally.last + settings.every + settings.watermark
    near = (F.col(at) >= F.lit(batch.tally.first)) & (F.col(at) < F.lit(until))
    # Where the hub's time was not believed there is none, and nothing tells how near it was.
    rows = batch.tables.read(table).where(near | F.col(at).isNull() if table == "quarantine" else near)
    # A revision above 0 was written by a backfill.
    stream = F.col("revision") == 0 if "revision" in rows.columns else F.lit(True)
    return rows.where(stream & (F.col("query_id") != batch.query_id))
