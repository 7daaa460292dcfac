"""After a backfill: incidents whose verdicts were revised get a row that says how they stand now. Nobody is told.

Delivery: as the backfill's other tables, one append under its own name. A second backfill finds nothing to change.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from ad_stream.incidents.amend import Known, amendments
from ad_stream.incidents.events import VALUE
from ad_stream.incidents.table import ABOUT_MEMBER, TIMES, table_row
from ad_stream.pipeline.steps.incidents import OpenIncidents, folded, new_fold
from ad_stream.pipeline.steps.scoring import step
from ad_stream.tables.catalog import DETECTIONS
from ad_stream.tables.columns import BATCH
from ad_stream.tables.incidents import INCIDENT_EVENTS
from ad_stream.tables.joint import JOINT_DETECTIONS
from ad_stream.tables.schema import Table, plain_ddl

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from ad_stream.config import Config
    from ad_stream.pipeline.store.delta import DeltaTables

AROUND = timedelta(hours=5)
"""How far an incident may reach beyond the verdicts that were revised and still be judged anew."""


def amend(tables: DeltaTables, config: Config, *, start: datetime, end: datetime, name: dict[str, Any]) -> int:
    """Incidents that touch start <= minute < end, from the latest verdicts; -> how many rows were written."""
    first, last = start - AROUND, end + AROUND
    now = _folded(tables, config, first, last)
    before = [one for one in _stored(tables, first, last) if one.row["close_reason"] != "person"]
    rows = amendments(before, now, start=start, end=end)
    if rows:
        columns = [column for column in INCIDENT_EVENTS.columns if column not in BATCH]
        values = [tuple(row.get(column.name) for column in columns) for row in rows]
        tables.append(
            INCIDENT_EVENTS.name, tables.spark.createDataFrame(values, plain_ddl(columns)), count=len(rows), **name
        )
    return len(rows)


def _folded(tables: DeltaTables, config: Config, first: datetime, last: datetime) -> list[Known]:
    """The incidents that begin and end in between."""
    state, grid = OpenIncidents(new_fold(config), first, None), config.minutes.grid
    verdicts, joint = (_latest(tables, one, first, last).persist() for one in (DETECTIONS, JOINT_DETECTIONS))
    try:
        events = [
            table_row(event, grid) | {"config_version": None, "feedback_version": None}
            for event in folded(tables, config, state, verdicts, joint=joint, silences=False)
        ]
    finally:
        verdicts.unpersist()
        joint.unpersist()
    return [one for one in _known(events) if one.row["ended"] is not None]


def _latest(tables: DeltaTables, table: Table, first: datetime, last: datetime) -> DataFrame:
    """The latest revision of each verdict, with the number of its window."""
    near = tables.read(table.name).where((F.col("minute") >= F.lit(first)) & (F.col("minute") < F.lit(last)))
    key = [name for name in table.key if name != "revision"]
    others = [name for name in table.names if name not in key]
    latest = near.groupBy(*key).agg(F.max_by(F.struct(*others), "revision").alias("one")).select(*key, "one.*")
    return latest.withColumn("step", step("minute", tables.grid))


def _stored(tables: DeltaTables, first: datetime, last: datetime) -> list[Known]:
    rows = tables.read(INCIDENT_EVENTS.name).where(
        (F.col("kind") == VALUE) & (F.col("started") >= F.lit(first)) & (F.col("started") < F.lit(last))
    )
    micros = [
        F.unix_micros(column).alias(column) if column in TIMES else F.col(column) for column in INCIDENT_EVENTS.names
    ]
    found = [row.asDict() for row in rows.select(*micros).collect()]
    for row in found:
        for column in TIMES:
            at = row[column]
            row[column] = None if at is None else datetime.fromtimestamp(at / 1e6, timezone.utc)
    return [one for one in _known(found) if one.row["ended"] is not None]


def _known(events: Iterable[dict[str, Any]]) -> list[Known]:
    """The latest row of each incident of values, with its members."""
    members: dict[str, set[tuple[str, str]]] = {}
    latest: dict[str, dict[str, Any]] = {}
    for row in sorted(events, key=lambda row: (row["revision"], row["seq"])):
        if row["kind"] != VALUE:
            continue
        if row["event"] in ("opened", "joined") or row["incident_id"] not in members:
            members.setdefault(row["incident_id"], set()).add((row["device_id"], row["signal"]))
        if row["event"] not in ABOUT_MEMBER:
            latest[row["incident_id"]] = row
    return [Known(row, frozenset(members[name])) for name, row in latest.items()]
