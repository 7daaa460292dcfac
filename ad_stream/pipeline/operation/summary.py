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
    """What a run did; `quarantined` by reason, `examples` of what a reason rests on, cpu_seconds of the whole process tree
    (null on a cluster).

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
    joint_scored: int = 0
    joint_anomalies: int = 0
    warming_up: int = 0
    declined: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    late: int = 0
    set_aside: int = 0
    too_many_signals: int = 0
    too_many_new_series: int = 0
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
        self.examples = report.examples | self.examples

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
        """What the stream says on exit: a few lines, and in them only what there was."""
        batches = f"{self.batches:,} batch{'' if self.batches == 1 else 'es'}"
        verdicts = _counted(
            (self.scored, "scored"), (self.warming_up, "warming up"), (self.declined, "not judged"),
            (self.fallback_calls, "asked of the fallback"), (self.fallback_failed, "of these failed"),
        )  # fmt: skip
        flagged = f"{self.anomalies:,} flagged windows" if self.anomalies else "no flagged windows"
        flagged += f", {self.slow_anomalies:,} flagged as slow" if self.slow_anomalies else ""
        joint = f"{self.joint_scored:,} windows of devices judged as a whole, {self.joint_anomalies:,} flagged"
        told = [
            f"{self.events:,} events read in {batches}, {self.wall_seconds:.0f} s",
            f"{self.minutes_closed:,} windows closed: {', '.join([*verdicts, flagged])}",
            *([joint] if self.joint_scored else []),
        ]
        return "\n".join([*told, *self._left_out(), *self._pushes()])

    def _left_out(self) -> list[str]:
        """What was no reading, came late or twice, or was lost."""
        reasons = sorted(self.quarantined.items(), key=lambda one: (-one[1], one[0]))
        quarantined = ", ".join(f"{count:,} {reason}" for reason, count in reasons)
        late = f"{self.late:,} late" if self.late else ""
        odd = "; ".join(part for part in (quarantined, late) if part)
        gone = _counted(
            (self.duplicates, "duplicates removed"), (self.dropped_by_watermark, "dropped by the watermark"),
            (self.source_lost, "lost by the source"),
        )  # fmt: skip
        surplus = _counted(
            (self.too_many_signals, "beyond the signals of a device"), (self.too_many_new_series, "of too many new series")
        )  # fmt: skip
        return [
            *([f"windows LEFT OUT: {', '.join(surplus)} (docs/limits.md)"] if surplus else []),
            *([f"no readings: {odd} (tables quarantine, late)"] if odd else []),
            *(f"  {reason}, for example: {self.examples[reason]}" for reason, _ in reasons if reason in self.examples),
            *([", ".join(gone)] if gone else []),
        ]

    def _pushes(self) -> list[str]:
        pushed = _counted(
            (self.pushed, "delivered"), (self.push_thinned, "thinned"), (self.push_waiting, "waiting"),
            (self.push_failed, "failed"),
        )  # fmt: skip
        aside = f"SET ASIDE {self.set_aside} steps (table set_aside)"
        return [*([f"pushed: {', '.join(pushed)}"] if pushed else []), *([aside] if self.set_aside else [])]


def _counted(*counts: tuple[int, str]) -> list[str]:
    return [f"{count:,} {name}" for count, name in counts if count]
