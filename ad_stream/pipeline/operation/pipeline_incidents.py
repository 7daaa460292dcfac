"""Incidents of the stream itself, written by the thread that watches the query; and its heartbeat.

Delivery: each row once, unless the run is killed right after it was written: the next run closes what it left open.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from ad_stream import times
from ad_stream.incidents.events import PIPELINE
from ad_stream.incidents.pipeline import PipelineHealth
from ad_stream.pipeline.operation.heartbeat import Heartbeat
from ad_stream.tables.incidents import INCIDENT_EVENTS
from ad_stream.tables.schema import plain_ddl
from ad_stream.times import from_seconds

if TYPE_CHECKING:
    from ad_stream.config import Config
    from ad_stream.pipeline.batch_state import BatchReport
    from ad_stream.pipeline.store.delta import DeltaTables

log = logging.getLogger(__name__)
LOOK_EVERY = timedelta(seconds=15)


@dataclass
class PipelineIncidents:
    """Looks at a run every few seconds; a run that ends by itself (available_now) cannot stall and is not looked at."""

    tables: DeltaTables
    config: Config
    now: Callable[[], datetime] = times.now
    health: PipelineHealth = field(init=False)
    beat: Heartbeat | None = field(init=False)
    looked: datetime | None = None
    run: str = field(default_factory=lambda: f"pipeline-{uuid.uuid4().hex[:12]}")
    number: int = 0

    def __post_init__(self) -> None:
        minutes = self.config.minutes
        self.health = PipelineHealth(
            self.now(), self.config.incidents.stalled_after + minutes.watermark + minutes.every
        )
        self.beat = Heartbeat.of(self.config)

    @property
    def wanted(self) -> bool:
        """Whether there is anything to look at: for the table, or for who waits for a sign of life."""
        told = self.config.incidents.enabled or self.beat is not None
        return told and self.config.trigger != "available_now"

    def start(self) -> None:
        """Go on with what an earlier run left open."""
        if not (self.wanted and self.config.incidents.enabled):
            return
        rows = self.tables.read(INCIDENT_EVENTS.name).where(F.col("kind") == PIPELINE)
        latest = rows.groupBy("incident_id").agg(
            F.max_by(F.struct("reason", F.unix_seconds("started").alias("started"), "ended", "seq"), "seq").alias("one")
        )
        for row in latest.where("one.ended IS NULL").collect():
            one = row["one"]
            self.health.adopt(
                {
                    "incident_id": row["incident_id"],
                    "reason": one["reason"],
                    "started": from_seconds(one["started"]),
                    "seq": one["seq"],
                }
            )

    def batch(self, done: BatchReport) -> None:
        """A batch ended."""
        newest = None if done.last is None else done.last + self.config.minutes.every
        good, refused = done.counts["minutes_closed"], done.counts["quarantined"]
        self.health.batch(self.now(), newest=newest, good=good, refused=refused)

    def progress(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Rows of `progress` that came in."""
        for row in rows:
            self.health.progress(self.now(), row)

    def look(self) -> tuple[str, int] | None:
        """Called often; -> the name of the batch of rows that it wrote, if it wrote any."""
        now = self.now()
        if not self.wanted or (self.looked is not None and now - self.looked < LOOK_EVERY):
            return None
        self.looked = now
        rows = self.health.look(now)
        if self.beat is not None:
            self.beat(alive=not self.health.is_stalled)
        return self._write(rows) if rows and self.config.incidents.enabled else None

    def _write(self, rows: Sequence[Mapping[str, Any]]) -> tuple[str, int] | None:
        self.number += 1
        name = {"query_id": self.run, "batch_id": self.number}
        values = [tuple((row | name).get(column) for column in INCIDENT_EVENTS.names) for row in map(dict, rows)]
        try:
            frame = self.tables.spark.createDataFrame(values, plain_ddl(INCIDENT_EVENTS.columns))
            self.tables.append_unnamed(INCIDENT_EVENTS.name, frame)
        except Exception as error:  # whatever it is: telling of trouble must not make more of it
            log.warning("the state of the stream could not be written (%s)", type(error).__name__)
            return None
        for row in rows:
            log.warning("the stream is %s: %s (%s)", row["reason"], row["why"], row["event"])
        return self.run, self.number
