"""Stored windows, judged again: late readings folded in, the next revision written only where something differs.

Pure function of what the tables hold: late readings are folded into revision 0, never into an earlier fold, so that a
second run computes the same rows and writes nothing. May run beside the stream, which reads revision 0 only; nothing
is pushed, so no alarm is repeated.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from ad_stream.errors import InputError
from ad_stream.pipeline.amend_incidents import amend
from ad_stream.pipeline.operation.failure import told_in_a_sentence
from ad_stream.pipeline.operation.session import session
from ad_stream.pipeline.steps import joint_revisions
from ad_stream.pipeline.steps.clock import window_start
from ad_stream.pipeline.steps.config_version import BatchConfig
from ad_stream.pipeline.steps.history import pack
from ad_stream.pipeline.steps.near import near
from ad_stream.pipeline.steps.scoring import score
from ad_stream.pipeline.steps.thinning import crowded_hours, without
from ad_stream.pipeline.store.delta import DeltaTables
from ad_stream.pipeline.store.learned import LiveModels
from ad_stream.scoring.depth import Depth
from ad_stream.scoring.joint_windows import JointRules
from ad_stream.scoring.verdicts import Scorer
from ad_stream.tables.catalog import DETECTIONS
from ad_stream.tables.schema import VERDICT

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from ad_stream.config import Config

KEY = ["device_id", "signal", "minute"]
MEASURES = [column.name for column in DETECTIONS.used(VERDICT) if column.type == "double"]
FACTS = [column.name for column in DETECTIONS.used(VERDICT) if column.type != "double"]
CLOSE = 1e-9


@dataclass
class BackfillSummary:
    """What a backfill did; minutes (windows) and verdicts are rows written, alarms compare flags with the revision before.

    joint_revised: rows of `joint_detections`. incidents_amended: rows of `incident_events`; nobody is told of them.
    late_folded: late readings that are in the judged windows now, whichever backfill put them there.
    """

    minutes_judged: int = 0
    late_folded: int = 0
    minutes_revised: int = 0
    verdicts_revised: int = 0
    alarms_gained: int = 0
    alarms_lost: int = 0
    joint_revised: int = 0
    incidents_amended: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)

    def sentence(self) -> str:
        """What the backfill says on exit."""
        return (
            f"{self.minutes_judged} windows judged again with {self.late_folded} late readings: {self.minutes_revised} windows and "
            f"{self.verdicts_revised} verdicts differ and got a new revision; alarms gained {self.alarms_gained}, lost {self.alarms_lost}; "
            f"joint verdicts revised {self.joint_revised}; "
            f"incidents amended {self.incidents_amended}"
        )


@told_in_a_sentence("the backfill stopped")
def backfill(
    config: Config, *, start: datetime, end: datetime, progress: Callable[[str], None] | None = None, spark: SparkSession | None = None
) -> BackfillSummary:  # fmt: skip
    """Judge the stored windows that begin at start <= minute < end again (UTC; naive times count as UTC); -> what changed.

    Raises InputError where the range is empty or holds no windows, or where the tables hold windows of another length.
    """
    # Windows are whole: a late reading must not be folded into a part of one.
    grid = config.minutes.grid
    start, end = grid.next_start(_utc(start)), grid.next_start(_utc(end))
    if end <= start:
        raise InputError(f"--from {start:%Y-%m-%d %H:%M} is not before --to {end:%Y-%m-%d %H:%M}: swap them")
    spark = spark or session("files", config.spark)
    tables = DeltaTables(spark, config.tables, grid=grid)
    tables.create()
    tell = progress or (lambda _: None)
    pinned = BatchConfig(config)
    scorer = Scorer.of(config.detection, grid=grid, joint=JointRules.of(config.joint, grid)).under(
        pinned.newest(tables)
    )
    here: dict[str, Any] = {"query_id": f"backfill-{uuid.uuid4().hex[:12]}", "batch_id": 0}
    depth = Depth.of(scorer)

    tell("reading windows and late readings")
    inputs = folded(tables, depth, start, end, config.minutes.aggregate).persist()
    inside = inputs.where(F.col("minute") >= F.lit(start))
    summary = BackfillSummary(minutes_judged=inside.count())
    if not summary.minutes_judged:
        raise InputError(
            f"no windows are stored from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}: see 'ad-stream status' for what is"
        )
    summary.late_folded = _between(tables.read("late"), "event_time", start, end).count()
    tell("scoring")
    scored = _verdicts(tables, inputs, start, scorer, pinned.name).persist()
    verdicts = _changed(tables, scored, start, end).persist()
    summary = _count(summary, verdicts)
    tell("writing")
    revised = inside.where("differs").withColumn("revision", F.col("latest") + 1)
    summary.minutes_revised = revised.count()
    if summary.minutes_revised:
        tables.append("minutes", revised, count=summary.minutes_revised, **here)
    if summary.verdicts_revised:
        tables.append("detections", verdicts, count=summary.verdicts_revised, **here)
    if scorer.joint is not None:
        summary.joint_revised = joint_revisions.store(tables, scored, pinned.joint_name, start, end, here)
    if config.incidents.enabled and (summary.verdicts_revised or summary.joint_revised):
        summary.incidents_amended = amend(tables, config, start=start, end=end, name=here)
    for frame in (inputs, scored, verdicts):
        frame.unpersist()
    return summary


def folded(tables: DeltaTables, depth: Depth, start: datetime, end: datetime, kind: str) -> DataFrame:
    """The windows minute < end that the verdicts from `start` on rest on, with their late readings: columns of `minutes`,
    `latest` (revision), `differs`."""
    first = depth.first(start)
    stored, late = (
        _between(tables.read("minutes"), "minute", first, end),
        _between(tables.read("late"), "event_time", first, end),
    )
    if depth.most is not None:
        hours = crowded_hours(stored.where("revision = 0"), depth.whole_from(start), depth.most)
        stored, late = without(stored, "minute", hours), without(late, "event_time", hours)
    base = stored.where("revision = 0").select(*KEY, "value", "n", "min", "max", "mean")
    newest = stored.groupBy(*KEY).agg(F.max_by(F.struct("value", "n", "revision"), "revision").alias("newest"))
    minute = window_start("event_time", tables.grid.seconds).alias("minute")
    extra = late.groupBy("device_id", "signal", minute).agg(
        F.count(F.lit(1)).alias("n_late"), F.min("value").alias("min_late"), F.max("value").alias("max_late"),
        F.sum("value").alias("sum_late"), F.max_by("value", F.struct("event_time", "sequence")).alias("last_late"),
    )  # fmt: skip
    both = base.join(extra, KEY, "full").join(newest, KEY, "left")
    sums = both.select(*KEY, "value", "newest", "last_late", *_folded_measures())
    value = F.when(F.col("last_late").isNull(), F.col("value")).otherwise(_value(kind))
    rows = sums.withColumn("value", value)
    differs = ~near(F.col("value"), F.col("newest.value"), CLOSE) | ~F.col("n").eqNullSafe(F.col("newest.n"))
    return rows.select(
        *KEY, "value", "n", "min", "max", "mean", F.coalesce("newest.revision", F.lit(0)).alias("latest"), differs.alias("differs")
    )  # fmt: skip


def _between(rows: DataFrame, at: str, start: datetime, end: datetime) -> DataFrame:
    return rows.where((F.col(at) >= F.lit(start)) & (F.col(at) < F.lit(end)))


def _folded_measures() -> list[Column]:
    n = F.coalesce("n", F.lit(0)) + F.coalesce("n_late", F.lit(0))
    total = F.coalesce(F.col("mean") * F.col("n"), F.lit(0.0)) + F.coalesce("sum_late", F.lit(0.0))
    mean = F.when(F.col("n_late").isNull(), F.col("mean")).otherwise(total / n)
    return [
        n.alias("n"), F.least("min", "min_late").alias("min"), F.greatest("max", "max_late").alias("max"), mean.alias("mean"),
        total.alias("total"),
    ]  # fmt: skip


def _value(kind: str) -> Column:
    """The aggregate of a window that has late readings. `last` keeps what was on time: when it was is not stored."""
    n = F.col("n").cast("double")
    chosen = {"max": F.col("max"), "min": F.col("min"), "mean": F.col("mean"), "sum": F.col("total"), "count": n}
    return chosen.get(kind, F.coalesce("value", "last_late"))


def _verdicts(tables: DeltaTables, inputs: DataFrame, start: datetime, scorer: Scorer, name: str) -> DataFrame:
    before = pack(inputs.where(F.col("minute") < F.lit(start)))
    since = start - scorer.near
    stored = _between(tables.read("detections"), "minute", since, start)
    newest = stored.groupBy(*KEY).agg(F.max_by("is_anomaly", "revision").alias("is_anomaly"))
    flags = newest.where("is_anomaly").groupBy("device_id", "signal").agg(F.max("minute").alias("flagged"))
    rows = inputs.where(F.col("minute") >= F.lit(start)).join(flags, ["device_id", "signal"], "left")
    learned = LiveModels().of_batch(tables, {}, scorer)
    return score(rows, before, scorer, learned=learned).withColumn("config_version", F.lit(name))


def _changed(tables: DeltaTables, verdicts: DataFrame, start: datetime, end: datetime) -> DataFrame:
    """The verdicts that differ from their latest revision, with `revision` the next one and `was` the earlier flag."""
    stored = _between(tables.read("detections"), "minute", start, end)
    columns = ["revision", "config_version", *MEASURES, *FACTS]
    latest = stored.groupBy(*KEY).agg(F.max_by(F.struct(*columns), "revision").alias("old"))
    both = verdicts.join(latest, KEY, "left")
    same = F.lit(True)
    for name in MEASURES:
        same &= near(F.col(name), F.col(f"old.{name}"), CLOSE)
    for name in FACTS:
        same &= F.col(name).eqNullSafe(F.col(f"old.{name}"))
    # Another version of series_config that leaves a series as it was is no other configuration of that series.
    same &= _settings("config_version").eqNullSafe(_settings("old.config_version"))
    changed = both.where(F.col("old").isNull() | ~same)
    return changed.withColumn("revision", F.coalesce(F.col("old.revision"), F.lit(0)) + 1).withColumn(
        "was", F.col("old.is_anomaly")
    )


def _settings(config_version: str) -> Column:
    return F.substring_index(config_version, "@", 1)


def _count(summary: BackfillSummary, changed: DataFrame) -> BackfillSummary:
    was = F.coalesce("was", F.lit(False))
    row = changed.agg(
        F.count(F.lit(1)).alias("n"), F.count(F.when(F.col("is_anomaly") & ~was, 1)).alias("gained"),
        F.count(F.when(~F.col("is_anomaly") & was, 1)).alias("lost"),
    ).first()  # fmt: skip
    if row is not None:
        summary.verdicts_revised, summary.alarms_gained, summary.alarms_lost = row["n"], row["gained"], row["lost"]
    return summary


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
