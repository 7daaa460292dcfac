"""Joint verdicts given again by a backfill: the next revision of those that differ from the stored one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from ad_stream.pipeline.steps.joint_scoring import joint_rows
from ad_stream.pipeline.steps.near import near
from ad_stream.tables.joint import CONTRIBUTOR, JOINT_DETECTIONS
from ad_stream.tables.schema import VERDICT

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from ad_stream.pipeline.store.delta import DeltaTables

TABLE = JOINT_DETECTIONS.name
KEY = ["device_id", "minute"]
CLOSE = 1e-6
"""Relative; a pass over windows that is cut elsewhere differs in its last bits."""


def store(
    tables: DeltaTables, scored: DataFrame, config_version: str, start: datetime, end: datetime, name: dict[str, Any]
) -> int:  # fmt: skip
    """Rows of the scoring function of start <= minute < end; -> how many rows were written."""
    rows = joint_rows(scored).withColumn("config_version", F.lit(config_version))
    stored = tables.read(TABLE).where((F.col("minute") >= F.lit(start)) & (F.col("minute") < F.lit(end)))
    told = JOINT_DETECTIONS.named(VERDICT)
    latest = stored.groupBy(*KEY).agg(F.max_by(F.struct("revision", *told), "revision").alias("old"))
    both = rows.join(latest, KEY, "left")
    same = F.lit(True)
    for column in JOINT_DETECTIONS.used(VERDICT):
        same &= _same(column.name, column.type)
    changed = both.where(F.col("old").isNull() | ~same)
    changed = changed.withColumn("revision", F.coalesce(F.col("old.revision"), F.lit(0)) + 1).persist()
    count = changed.count()
    if count:
        tables.append(TABLE, changed, count=count, **name)
    changed.unpersist()
    return count


def _same(name: str, kind: str) -> Column:
    new, old = F.col(name), F.col(f"old.{name}")
    if kind == "double":
        return near(new, old, CLOSE)
    if name != "contributors":
        return new.eqNullSafe(old)
    pairs = F.zip_with(new, old, lambda a, b: _alike(a, b))
    return F.coalesce(F.forall(pairs, lambda one: one), new.isNull() & old.isNull())


def _alike(a: Column, b: Column) -> Column:
    same = a["signal"].eqNullSafe(b["signal"])
    for field in CONTRIBUTOR[1:]:
        same &= near(a[field], b[field], CLOSE)
    return same
