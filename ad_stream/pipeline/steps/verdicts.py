"""Verdicts on the closed windows of a batch, to `detections`; what could not be judged here is asked of the fallback."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from ad_stream.model import STATUSES
from ad_stream.pipeline.steps import comparisons, history, joint, joint_scoring, recent_flags
from ad_stream.pipeline.steps.other_queries import without_theirs
from ad_stream.pipeline.steps.scoring import groups_of, is_missing, score
from ad_stream.scoring.depth import Depth

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from ad_stream.pipeline.batch_state import Batch
    from ad_stream.scoring.history_copy import CopyOrder


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
    verdicts = _scored(batch)
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
    depth, copies = Depth.of(batch.state.scorer), batch.state.copies
    order = copies.order(batch.config.checkpoint, batch.tally.first_judged, depth)
    verdicts = batch.hold(_asked(batch, depth, order))
    if order is None or order.oldest is None:
        return verdicts
    missing = [row["step"] for row in verdicts.where(is_missing()).select("step").collect()]
    copies.used(groups_of(_cells(batch)), len(missing))
    if not missing:
        return verdicts
    rest = batch.hold(_asked(batch, depth, replace(order, oldest=None), missing))
    return verdicts.where(~is_missing()).unionByName(rest)


def _asked(batch: Batch, depth: Depth, order: CopyOrder | None, parts: list[int] | None = None) -> DataFrame:
    assert batch.closed is not None
    first = depth.first(batch.tally.first_judged)
    if order is not None:
        first = depth.grid.start(order.first if order.oldest is None else order.since)
    rows, past = recent_flags.with_flags(batch, batch.closed), history.read(batch.tables, first)
    scorer, learned = batch.state.scorer, batch.learned
    verdicts = score(rows, past, scorer, cells=_cells(batch), learned=learned, copies=order, parts=parts)
    return verdicts.withColumns({"revision": F.lit(0), "config_version": F.lit(batch.state.config.name)})


def _cells(batch: Batch) -> int:
    tally = batch.tally
    span = (tally.last - tally.first_judged) // batch.config.minutes.every + 1
    return -(-tally.minutes // span) * (batch.state.scorer.whole + span)


def _counted(verdicts: DataFrame, more: list[Column]) -> dict[str, Any]:
    row = verdicts.agg(
        *[F.count(F.when(F.col("status") == status, 1)).alias(status) for status in STATUSES],
        F.count(F.when(F.col("is_anomaly"), 1)).alias("anomalies"),
        F.count(F.when(F.col("slow_is_anomaly"), 1)).alias("slow_anomalies"), F.sum("seconds").alias("scoring_seconds"),
        *more,
    ).first()  # fmt: skip
    assert row is not None  # an aggregate without groups has one row
    return dict(row.asDict())
