"""What a run did, added up batch by batch."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ad_stream import times
from ad_stream.push.base import LOST
from ad_stream.tables.catalog import BATCHES, PROGRESS
from ad_stream.tables.schema import COUNT

if TYPE_CHECKING:
    from ad_stream.pipeline.batch_state import BatchReport
    from ad_stream.pipeline.delivery import Deliver

BY_REASON_OR_TARGET = {"quarantined", "push_failed", "push_waiting"}
"""Counters that the run knows in more detail: by reason, or from the outboxes."""


@dataclass
class Summary:
    """What a run did; `quarantined` by reason, cpu_seconds of the whole process tree (null on a cluster).

    set_aside: writes of batches that the data made impossible, rows of the table of that name.
    watermark: minutes that began before it are closed; lag: events that waited at the source when it was last asked.
    """

    query_id: str = ""
    batches: int = 0
    events: int = 0
    non_telemetry: int = 0
    duplicates: int = 0
    dropped_by_watermark: int = 0
    source_lost: int = 0
    minutes_closed: int = 0
    scored: int = 0
    anomalies: int = 0
    slow_anomalies: int = 0
    warming_up: int = 0
    declined: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    late: int = 0
    set_aside: int = 0
    pushed: int = 0
    push_failed: int = 0
    push_waiting: int = 0
    push_thinned: int = 0
    fallback_calls: int = 0
    fallback_failed: int = 0
    scoring_seconds: float = 0.0
    cpu_seconds: float | None = None
    wall_seconds: float = 0.0
    watermark: datetime | None = None
    lag: int | None = None

    def add(self, report: BatchReport) -> None:
        """One batch more."""
        self.batches += 1
        for name in BATCHES.named(COUNT):
            if name not in BY_REASON_OR_TARGET:
                setattr(self, name, getattr(self, name) + report.counts[name])
        self.scoring_seconds += report.scoring_seconds
        self.quarantined = dict(Counter(self.quarantined) + Counter(report.reasons))

    def add_progress(self, row: dict[str, Any]) -> None:
        """What the progress of a batch adds."""
        for name in PROGRESS.named(COUNT):
            setattr(self, name, getattr(self, name) + row[name])
        self.watermark = row["watermark"] or self.watermark
        self.lag = row["lag"]

    def add_pushes(self, deliver: Deliver) -> None:
        """What batches do not tell of pushes: rows sent between them, left out, refused or given up, and waiting."""
        counts = deliver.counts
        if resent := deliver.take_resent():
            self.pushed += resent
        self.push_thinned, self.push_waiting = counts["thinned"], deliver.waiting
        self.push_failed = sum(counts[state] for state in LOST)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`: times as ISO text in UTC."""
        return asdict(self) | {"watermark": times.iso_or_none(self.watermark)}

    def sentence(self) -> str:
        """What the stream says on exit."""
        odd = ", ".join(f"{n} {reason}" for reason, n in sorted(self.quarantined.items())) or "none"
        return (
            f"{self.events} events in {self.batches} batches: {self.minutes_closed} windows closed, {self.scored} scored, "
            f"{self.anomalies} anomalies, {self.slow_anomalies} of the slow verdict, {self.warming_up} warming up, "
            f"{self.declined} declined; quarantined: {odd}; "
            f"{f'SET ASIDE {self.set_aside} steps (table set_aside), ' if self.set_aside else ''}"
            f"late {self.late}, duplicates {self.duplicates}, dropped by the watermark {self.dropped_by_watermark}, "
            f"lost by the source {self.source_lost}; "
            f"pushed {self.pushed}, thinned {self.push_thinned}, waiting {self.push_waiting}, failed {self.push_failed}; "
            f"{self.wall_seconds:.1f} s"
        )
