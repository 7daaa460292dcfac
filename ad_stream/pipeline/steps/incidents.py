"""Verdicts of a batch -> `incident_events`, before the verdicts themselves are appended.

Delivery: exactly once, one append a batch and none where nothing changed. What is open lives in the driver and moves on
after the append only. A restart goes on from the newest row of `incident_state` before the batch (one is written every
hour, and whenever people said something) and folds what `detections` holds since; so a batch that is repeated makes the
same rows. Rows that another query has written already (after a lost checkpoint) are left out by incident and number.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import functions as F

from ad_stream.incidents.feedback import acts_of
from ad_stream.incidents.joint import AS_SERIES, NO_SIGNAL
from ad_stream.incidents.silence import Present
from ad_stream.incidents.table import table_row
from ad_stream.pipeline.steps.config_version import feedback_rows, rules_at
from ad_stream.pipeline.steps.history import series_id
from ad_stream.pipeline.steps.scoring import step
from ad_stream.pipeline.steps.verdict_windows import NAMES, Span, Window, windows_of
from ad_stream.series_config.limits import muted_and_floor, muted_at
from ad_stream.tables.columns import BATCH
from ad_stream.tables.incidents import INCIDENT_EVENTS, INCIDENT_STATE
from ad_stream.tables.joint import JOINT_DETECTIONS
from ad_stream.tables.schema import plain_ddl
from ad_stream.times import from_seconds

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from ad_stream.config import Config
    from ad_stream.incidents.acts import Act
    from ad_stream.incidents.fold import Fold
    from ad_stream.incidents.window_rows import WindowRows
    from ad_stream.pipeline.batch_state import Batch
    from ad_stream.pipeline.store.delta import DeltaTables
    from ad_stream.series_config.rules import Rules

TABLE, STATE = INCIDENT_EVENTS.name, INCIDENT_STATE.name
Series = tuple[str, str]
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
    ids: dict[Series, int] = field(default_factory=dict)
    """Numbers of series that are, or were, watched (`history.series_id`)."""

    def numbered(self, watched: set[Series]) -> dict[int, Series]:
        """Number -> series, of those that are watched."""
        if not watched <= self.ids.keys():  # restored: the fold knows them
            known = self.fold.silence.numbers()
            self.ids |= {series: known[series] for series in watched if series in known}
        return {self.ids[series]: series for series in watched if series in self.ids}


def new_fold(config: Config) -> Fold:
    """The fold that a configuration asks for."""
    return config.incidents.fold(config.minutes.grid, config.dimensions)


def store(batch: Batch) -> None:
    """Fold the batch's verdicts, append what happened, save the state where it is time."""
    if batch.verdicts is None or not batch.config.incidents.enabled:
        return
    state = batch.state.incidents = batch.state.incidents or _restored(batch)
    acts = _acts(batch, state)
    grid, tally = batch.config.minutes.grid, batch.tally
    about = Span(grid.step(tally.first), grid.step(tally.last), tally.minutes)
    events = list(folded(batch.tables, batch.config, state, batch.verdicts, acts, joint=batch.joint, about=about))
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
    if fold.before != fold.basis:  # from here on other rows come of the same verdicts: `--verify` begins anew
        _save(batch, state, batch.tally.first - batch.config.minutes.every, origin=True)
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
    joint: DataFrame | None = None, silences: bool = True, about: Span | None = None,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """The rows of windows of verdicts (columns of `detections` and `step`), in order; joint: those of the same windows on the
    signals of devices together; about: what is known of them."""
    verdicts = _either(verdicts)
    every = verdicts if joint is None else _beside(verdicts, joint)

    def names(unknown: np.ndarray[Any, np.dtype[np.int64]]) -> list[tuple[str, str]]:
        rows = verdicts.select(series_id().alias("id"), "device_id", "signal").distinct()
        some = rows.where(F.col("id").isin(unknown.tolist())) if len(unknown) <= FEW else rows
        found = {row["id"]: (row["device_id"], row["signal"]) for row in some.collect()}
        return [found[key] for key in unknown.tolist()]

    _number_joint(state, tables.spark)
    for window in windows_of(every, about):
        rules = _rules(tables, config, state, window.config_version.partition("@")[2])
        begins = window.step * config.minutes.grid.seconds
        present = Present(window.series, names, partial(muted_at, rules, begins=begins)) if silences else None
        yield from state.fold.step(window.step, _rows(state, window, rules, begins), present, acts)
        acts = ()


def _either(verdicts: DataFrame) -> DataFrame:
    """Flagged where either verdict flags, with the reason of the one that does; `alarms.with_slow_flags` for Spark."""
    slow = ~F.col("is_anomaly") & F.coalesce("slow_is_anomaly", F.lit(False))
    reason = F.when(slow, F.col("slow_reason")).otherwise(F.col("reason"))
    return verdicts.withColumns({"reason": reason, "is_anomaly": F.col("is_anomaly") | slow})


def _rows(state: OpenIncidents, window: Window, rules: Rules, begins: int) -> WindowRows:
    """The flagged rows of a window and those of the watched series, with what the rules say of them."""
    state.ids |= {(row["device_id"], row["signal"]): row["id"] for row in window.flagged}
    rows = window.rows(state.numbered(state.fold.watched))
    if len(rows):
        rows.muted[:], rows.floor[:] = muted_and_floor(
            rules, rows.device, rows.signal, rows.expected, np.full(len(rows), begins, dtype=np.int64)
        )
        rows.floor[rows.signal == NO_SIGNAL] = 0.0  # a deviation is in the unit of a signal, a score is in nats
    return rows


def _number_joint(state: OpenIncidents, spark: SparkSession) -> None:
    """The numbers of watched devices whose signals are judged together; after a start nobody has said them yet."""
    missing = [series for series in state.fold.watched if series[1] == NO_SIGNAL and series not in state.ids]
    if missing:
        named = spark.createDataFrame(missing, "device_id string, signal string").withColumn("id", series_id())
        state.ids |= {(row["device_id"], row["signal"]): row["id"] for row in named.collect()}


def _beside(verdicts: DataFrame, joint: DataFrame) -> DataFrame:
    """Joint verdicts as rows of a series without a signal, `incidents.joint.as_series` for Spark, beside the others."""
    told = {name: F.col(of) if isinstance(of, str) else F.lit(of) for name, of in AS_SERIES.items()}
    judged = joint.where(F.col("score").isNotNull())
    columns = [column.alias(name) for name, column in told.items()]
    as_series = judged.select("device_id", F.lit(NO_SIGNAL).alias("signal"), "step", "config_version", *columns)
    return verdicts.select("device_id", "signal", "step", "config_version", *NAMES).unionByName(as_series)


def _rules(tables: DeltaTables, config: Config, state: OpenIncidents, version: str) -> Rules:
    """The rules that a verdict was given under."""
    if version not in state.rules:
        state.rules = {version: rules_at(tables, int(version) if version else None, config.detection)}
    return state.rules[version]
