"""Verdicts of a batch -> `incident_events`, before the verdicts themselves are appended.

Delivery: exactly once, one append a batch and none where nothing changed. What is open lives in the driver and moves on
after the append only. A restart goes on from the newest row of `incident_state` before the batch (one is written every
hour, and whenever people said something) and folds what `detections` holds since; so a batch that is repeated makes the
same rows. Rows that another query has written already (after a lost checkpoint) are left out by incident and number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import functions as F

from ad_stream.incidents.episode import WindowRows, rows_of
from ad_stream.incidents.feedback import acts_of
from ad_stream.incidents.fold import Fold
from ad_stream.incidents.joint import AS_SERIES, NO_SIGNAL
from ad_stream.incidents.silence import Present
from ad_stream.incidents.table import table_row
from ad_stream.pipeline.steps.config_version import feedback_rows, rules_at
from ad_stream.pipeline.steps.history import series_id
from ad_stream.pipeline.steps.scoring import step
from ad_stream.series_config.limits import muted_and_floor
from ad_stream.tables.columns import BATCH
from ad_stream.tables.incidents import INCIDENT_EVENTS, INCIDENT_STATE
from ad_stream.tables.joint import JOINT_DETECTIONS
from ad_stream.tables.schema import plain_ddl
from ad_stream.times import from_seconds

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from ad_stream.config import Config
    from ad_stream.incidents.acts import Act
    from ad_stream.pipeline.batch_state import Batch
    from ad_stream.pipeline.store.delta import DeltaTables
    from ad_stream.series_config.rules import Rules

TABLE, STATE = INCIDENT_EVENTS.name, INCIDENT_STATE.name
NAMES = ("value", "expected", "lower_margin", "upper_margin", "severity", "is_anomaly", "reason")
FEW = 500
"""Up to so many series are named in a query one by one."""
SAVE_EVERY = timedelta(hours=1)
KEEP = timedelta(days=2)
"""How long states are kept; the first one stays."""


@dataclass
class OpenIncidents:
    """The fold of a run, and up to where it is saved. feedback: the version of `feedback` that it knows."""

    fold: Fold
    saved: datetime
    feedback: int | None
    rules: dict[str, Rules] = field(default_factory=dict)
    """Version of series_config -> its rules."""


def new_fold(config: Config) -> Fold:
    """The fold that a configuration asks for."""
    grid, dimensions = config.minutes.grid, config.dimensions
    return Fold(config.incidents.rules(grid), grid, dimensions.site_of, surges=dimensions.device is None)


def store(batch: Batch) -> None:
    """Fold the batch's verdicts, append what happened, save the state where it is time."""
    if batch.verdicts is None or not batch.config.incidents.enabled:
        return
    state = batch.state.incidents = batch.state.incidents or _restored(batch)
    acts = _acts(batch, state)
    events = list(folded(batch.tables, batch.config, state, batch.verdicts, acts, joint=batch.joint))
    _append(batch, _new(batch, [_row(batch, event) for event in events]))
    if acts or batch.tally.last - state.saved >= SAVE_EVERY:
        _save(batch, state, batch.tally.last)


def _append(batch: Batch, rows: Sequence[dict[str, Any]], part: str = "") -> None:
    if rows:
        columns = [column for column in INCIDENT_EVENTS.columns if column not in BATCH]
        values = [tuple(row[column.name] for column in columns) for row in rows]
        frame = batch.tables.spark.createDataFrame(values, plain_ddl(columns))
        batch.tables.append(TABLE, frame, count=len(rows), part=part, **batch.name)


def tidy(batch: Batch) -> None:
    """Drop states that no restart needs any more."""
    before = f"timestamp'{batch.tally.last - KEEP:%Y-%m-%d %H:%M:%S}'"
    batch.tables.spark.sql(f"DELETE FROM {batch.tables.name(STATE)} WHERE minute < {before} AND NOT origin")


def _row(batch: Batch, event: dict[str, Any]) -> dict[str, Any]:
    pinned = batch.state.config
    return table_row(event, batch.config.minutes.grid, feedback_version=pinned.feedback, config_version=pinned.name)


def _new(batch: Batch, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what another query has written."""
    if batch.state.sole_writer or not rows:
        return rows
    near = (F.col("minute") >= F.lit(batch.tally.first)) & (F.col("revision") == 0)
    return _without(batch.tables.read(TABLE).where(near & (F.col("query_id") != batch.query_id)), rows)


def _without(stored: DataFrame, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that are not among the stored ones."""
    known = {(row[0], row[1]) for row in stored.select("incident_id", "seq").collect()}
    return [row for row in rows if (row["incident_id"], row["seq"]) not in known]


def _acts(batch: Batch, state: OpenIncidents) -> Sequence[Act]:
    """What people said since the batch before, as far as the batch's first commit knows it."""
    version, before = batch.state.config.feedback, state.feedback
    state.feedback = version
    if version is None or version == before:
        return ()
    grid = batch.config.minutes.grid
    said = acts_of(feedback_rows(batch.tables, version), grid)
    known = [] if before is None else acts_of(feedback_rows(batch.tables, before), grid)
    return [act for act in said if act not in known]


def _save(batch: Batch, state: OpenIncidents, minute: datetime, *, origin: bool = False) -> None:
    columns = [column for column in INCIDENT_STATE.columns if column not in BATCH]
    row = (minute, origin, state.feedback, bytearray(state.fold.state()))
    frame = batch.tables.spark.createDataFrame([row], plain_ddl(columns))
    batch.tables.append(STATE, frame, count=1, part="origin" if origin else "", **batch.name)
    state.saved = minute


def _restored(batch: Batch) -> OpenIncidents:
    """As it was before this batch; where there is no state, the incidents of the tables begin here."""
    before = batch.tables.read(STATE).where(F.col("minute") < F.lit(batch.tally.first))
    newest = (
        before.orderBy(F.desc("minute"), F.desc("feedback_version"))
        .select(F.unix_seconds("minute").alias("at"), "feedback_version", "state").limit(1).collect()
    )  # fmt: skip
    fold = new_fold(batch.config)
    if not newest or not fold.restore(bytes(newest[0]["state"])):
        state = OpenIncidents(new_fold(batch.config), batch.tally.first, batch.state.config.feedback)
        _save(batch, state, batch.tally.first - batch.config.minutes.every, origin=True)
        return state
    state = OpenIncidents(fold, from_seconds(newest[0]["at"]), newest[0]["feedback_version"])
    verdicts, joint = (_since(batch, table, state.saved) for table in ("detections", JOINT_DETECTIONS.name))
    events = list(folded(batch.tables, batch.config, state, verdicts, joint=joint))
    _append(batch, _not_stored(batch, events, state.saved), "gap")
    return state


def _since(batch: Batch, table: str, saved: datetime) -> DataFrame:
    """The rows between the saved state and the batch, with the numbers of their windows."""
    rows = batch.tables.read(table).where(
        (F.col("minute") > F.lit(saved)) & (F.col("minute") < F.lit(batch.tally.first)) & (F.col("revision") == 0)
    )
    return rows.withColumn("step", step("minute", batch.config.minutes.grid))


def _not_stored(batch: Batch, events: Sequence[dict[str, Any]], since: datetime) -> list[dict[str, Any]]:
    """The rows of earlier windows that the table lacks, because incidents were off meanwhile; nobody is told of them now."""
    if not events:
        return []
    there = batch.tables.read(TABLE).where((F.col("minute") > F.lit(since)) & (F.col("revision") == 0))
    return _without(there, [_row(batch, event) | {"notify": False} for event in events])


def folded(
    tables: DeltaTables, config: Config, state: OpenIncidents, verdicts: DataFrame, acts: Sequence[Act] = (), *,
    joint: DataFrame | None = None, silences: bool = True,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """The rows of windows of verdicts (columns of `detections` and `step`), in order; joint: those of the same windows on the
    signals of devices together."""
    verdicts = _either(verdicts)
    fold, by_step = state.fold, defaultdict[int, list[Any]](list)
    every = verdicts.select("device_id", "signal", "step", "config_version", *NAMES)
    every = every if joint is None else every.unionByName(_as_series(joint))
    for row in _wanted(every, fold.watched).collect():
        by_step[row["step"]].append(row)
    keys = {
        row["step"]: np.array(row["ids"], dtype=np.int64)
        for row in verdicts.groupBy("step").agg(F.sort_array(F.collect_set(series_id())).alias("ids")).collect()
    }

    def names(unknown: np.ndarray[Any, np.dtype[np.int64]]) -> list[tuple[str, str]]:
        rows = verdicts.select(series_id().alias("id"), "device_id", "signal").distinct()
        some = rows.where(F.col("id").isin(unknown.tolist())) if len(unknown) <= FEW else rows
        found = {row["id"]: (row["device_id"], row["signal"]) for row in some.collect()}
        return [found[key] for key in unknown.tolist()]

    for at in sorted(keys):
        rows = _rows(tables, config, state, by_step.get(at, ()))
        yield from fold.step(at, rows, Present(keys[at], names) if silences else None, acts)
        acts = ()


def _either(verdicts: DataFrame) -> DataFrame:
    """Flagged where either verdict flags, with the reason of the one that does; `alarms.with_slow_flags` for Spark."""
    slow = ~F.col("is_anomaly") & F.coalesce("slow_is_anomaly", F.lit(False))
    reason = F.when(slow, F.col("slow_reason")).otherwise(F.col("reason"))
    return verdicts.withColumns({"reason": reason, "is_anomaly": F.col("is_anomaly") | slow})


def _as_series(joint: DataFrame) -> DataFrame:
    """Joint verdicts as rows of a series without a signal; `incidents.joint.as_series` for Spark."""
    told = {name: F.col(of) if isinstance(of, str) else F.lit(of) for name, of in AS_SERIES.items()}
    judged = joint.where(F.col("score").isNotNull())
    columns = [column.alias(name) for name, column in told.items()]
    return judged.select("device_id", F.lit(NO_SIGNAL).alias("signal"), "step", "config_version", *columns)


def _wanted(verdicts: DataFrame, watched: Iterable[tuple[str, str]]) -> DataFrame:
    """All rows of the series that are watched, or flagged here: their later windows count, too."""
    # Spark cannot join what a cogroup gave with itself, so the names go through the driver.
    flagged = verdicts.where("is_anomaly").select("device_id", "signal").distinct().collect()
    series = sorted({*watched, *((row["device_id"], row["signal"]) for row in flagged)})
    if not series:
        return verdicts.limit(0)
    named = verdicts.sparkSession.createDataFrame(series, "device_id string, signal string")
    return verdicts.join(F.broadcast(named), ["device_id", "signal"], "left_semi")


def _rows(tables: DeltaTables, config: Config, state: OpenIncidents, rows: Sequence[Any]) -> WindowRows:
    found = rows_of(rows)
    if not rows:
        return found
    grid = config.minutes.grid
    begins = np.array([row["step"] * grid.seconds for row in rows], dtype=np.int64)
    versions = np.array([row["config_version"].partition("@")[2] for row in rows], dtype=object)
    for version in np.unique(versions):
        mine = versions == version
        rules = _rules(tables, config, state, str(version))
        found.muted[mine], found.floor[mine] = muted_and_floor(
            rules, found.device[mine], found.signal[mine], found.expected[mine], begins[mine]
        )
    found.floor[found.signal == NO_SIGNAL] = 0.0  # a deviation is in the unit of a signal, a score is in nats
    return found


def _rules(tables: DeltaTables, config: Config, state: OpenIncidents, version: str) -> Rules:
    """The rules that a verdict was given under."""
    if version not in state.rules:
        state.rules = {version: rules_at(tables, int(version) if version else None, config.detection)}
    return state.rules[version]
