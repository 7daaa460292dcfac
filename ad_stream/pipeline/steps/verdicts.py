"""Verdicts on the closed windows of a batch, to `detections`; what could not be judged here is asked of the fallback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from ad_stream.model import STATUSES
from ad_stream.pipeline.steps import comparisons, history, joint, joint_scoring, recent_flags
from ad_stream.pipeline.steps.other_queries import without_theirs
from ad_stream.pipeline.steps.scoring import score
from ad_stream.scoring.depth import Depth

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from ad_stream.pipeline.batch_state import Batch


def judge(batch: Batch) -> None:
    """Give the verdicts; the counts are reported for all of them or for none. No verdict without its window."""
    if batch.stored:
        batch.write("detections", batch.tally.minutes, lambda: _judge(batch))


def store(batch: Batch) -> None:
    """Append them: the last of the data, so that a verdict means that its whole batch is there."""
    if batch.verdicts is not None:
        batch.write("detections", batch.tally.minutes, lambda: _append(batch))


def _judge(batch: Batch) -> None:
    asked: dict[str, int] = {}
    batch.release()
    verdicts = batch.hold(_scored(batch))
    batch.joint = joint.of_verdicts(batch, verdicts) if batch.learned is not None and batch.learned.joint else None
    batch.compared = comparisons.of_verdicts(verdicts) if batch.state.scorer.compare else None
    if batch.fallback is not None:
        verdicts, asked = batch.fallback(verdicts, batch.state.flags or {})
    counted = _counted(verdicts, joint_scoring.counts() if batch.joint is not None else [])
    batch.verdicts = verdicts
    batch.report.scoring_seconds = counted.pop("scoring_seconds") or 0.0
    batch.counted = counted | asked


def _append(batch: Batch) -> None:
    assert batch.verdicts is not None
    new = without_theirs(batch, batch.verdicts, "detections")
    batch.tables.append("detections", new, count=batch.tally.minutes, **batch.name)
    recent_flags.remember(batch, batch.verdicts)
    batch.report.counts.update(batch.counted)


def _scored(batch: Batch) -> DataFrame:
    assert batch.closed is not None
    scorer, every, tally = batch.state.scorer, batch.config.minutes.every, batch.tally
    past = history.read(batch.tables, Depth.of(scorer).first(tally.first), tally.last + every)
    span = (tally.last - tally.first) // every + 1
    series = -(-tally.minutes // span)
    rows = recent_flags.with_flags(batch, batch.closed)
    verdicts = score(rows, past, scorer, cells=series * (scorer.whole + span), learned=batch.learned)
    return verdicts.withColumns({"revision": F.lit(0), "config_version": F.lit(batch.state.config.name)})


def _counted(verdicts: DataFrame, more: list[Column]) -> dict[str, Any]:
    row = verdicts.agg(
        *[F.count(F.when(F.col("status") == status, 1)).alias(status) for status in STATUSES],
        F.count(F.when(F.col("is_anomaly"), 1)).alias("anomalies"),
        F.count(F.when(F.col("slow_is_anomaly"), 1)).alias("slow_anomalies"), F.sum("seconds").alias("scoring_seconds"),
        *more,
    ).first()  # fmt: skip
    assert row is not None  # an aggregate without groups has one row
    return dict(row.asDict())
