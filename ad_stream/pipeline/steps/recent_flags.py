"""The latest flag of each series, so that a flag that follows it soon is marked as continuing the same alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.times import from_seconds

if TYPE_CHECKING:
    from datetime import datetime

    from pyspark.sql import DataFrame

    from ad_stream.pipeline.batch_state import Batch, Series


def with_flags(batch: Batch, closed: DataFrame) -> DataFrame:
    """Adds `flagged`, the window of the series' latest flag before this batch, null where none is near."""
    if batch.state.flags is None:
        batch.state.flags = _stored(batch)
    if not batch.state.flags:
        return closed.withColumn("flagged", F.lit(None).cast("timestamp"))
    rows = [(device, signal, at) for (device, signal), at in batch.state.flags.items()]
    known = closed.sparkSession.createDataFrame(rows, "device_id string, signal string, flagged timestamp")
    return closed.join(F.broadcast(known), ["device_id", "signal"], "left")


def remember(batch: Batch, verdicts: DataFrame) -> None:
    """The flags of a batch join those that are still near; the others are forgotten."""
    since = batch.tally.last - batch.state.scorer.near
    known = (batch.state.flags or {}) | _latest(verdicts.where("is_anomaly"))
    batch.state.flags = {series: at for series, at in known.items() if at >= since}


def _stored(batch: Batch) -> dict[Series, datetime]:
    first = batch.tally.first
    near = (F.col("minute") >= F.lit(first - batch.state.scorer.near)) & (F.col("minute") < F.lit(first))
    rows = batch.tables.read("detections").where(near & F.col("is_anomaly") & (F.col("revision") == 0))
    return _latest(rows)


def _latest(flags: DataFrame) -> dict[Series, datetime]:
    latest = flags.groupBy("device_id", "signal").agg(F.unix_seconds(F.max("minute")).alias("at")).collect()
    return {(row["device_id"], row["signal"]): from_seconds(row["at"]) for row in latest}
