"""The stream itself as a source of incidents: stalled, losing or refusing telemetry. By the clock of the machine.

Each trouble is open as long as it lasts; a pipeline that loses or refuses is well again after ten minutes without. What a
dead driver cannot say of itself, a heartbeat to an outside watcher and `ad-stream incidents --check` say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ad_stream.incidents.events import PIPELINE, incident_id
from ad_stream.incidents.rules import HIGH, MEDIUM

STALLED, LOSING, REFUSING = "stalled", "losing", "refusing"
LEVEL = {STALLED: HIGH, LOSING: MEDIUM, REFUSING: MEDIUM}
SEVERITY = {HIGH: 0.65, MEDIUM: 0.5}
SPAN = timedelta(minutes=10)
REFUSED_SHARE, FEWEST_REFUSED = 0.05, 20


@dataclass
class OpenTrouble:
    """One that is open. seq counts its rows."""

    incident_id: str
    started: datetime
    seq: int = 0


@dataclass
class PipelineHealth:
    """What is known of a run. began: its start; newest: end of the newest closed window; stalled_after: how far behind the
    clock that may be; lost: (when, events) and batches: (when, good, refused) of the last ten minutes."""

    began: datetime
    stalled_after: timedelta
    newest: datetime | None = None
    lost: deque[tuple[datetime, int]] = field(default_factory=deque)
    batches: deque[tuple[datetime, int, int]] = field(default_factory=deque)
    open: dict[str, OpenTrouble] = field(default_factory=dict)

    def batch(self, now: datetime, *, newest: datetime | None, good: int, refused: int) -> None:
        """A batch ended; newest: the end of its last window."""
        if newest is not None and good:
            self.newest = newest if self.newest is None else max(self.newest, newest)
        self.batches.append((now, good, refused))

    def progress(self, now: datetime, row: Mapping[str, Any]) -> None:
        """A row of the table `progress`."""
        gone = int(row.get("source_lost") or 0) + int(row.get("dropped_by_watermark") or 0)
        if gone:
            self.lost.append((now, gone))

    def look(self, now: datetime) -> list[dict[str, Any]]:
        """Rows of `incident_events` for what began or ended since the last look."""
        self.lost = deque(one for one in self.lost if now - one[0] < SPAN)
        self.batches = deque(one for one in self.batches if now - one[0] < SPAN)
        rows = []
        for reason, why in self._troubles(now).items():
            trouble = self.open.get(reason)
            if why is not None and trouble is None:
                name = incident_id(PIPELINE, reason, "", "", now)
                trouble = self.open[reason] = OpenTrouble(name, now)
                rows.append(_row(reason, trouble, "opened", now, why))
            elif why is None and trouble is not None:
                rows.append(_row(reason, self.open.pop(reason), "closed", now, "returned"))
        return rows

    @property
    def is_stalled(self) -> bool:
        """Whether that is open."""
        return STALLED in self.open

    def adopt(self, row: Mapping[str, Any]) -> None:
        """The latest row of one that an earlier run left open."""
        self.open[row["reason"]] = OpenTrouble(row["incident_id"], row["started"], row["seq"] + 1)

    def _troubles(self, now: datetime) -> dict[str, str | None]:
        behind = now - max(self.newest or self.began, self.began)
        lost = sum(count for _, count in self.lost)
        good, refused = sum(one[1] for one in self.batches), sum(one[2] for one in self.batches)
        is_refusing = refused >= FEWEST_REFUSED and refused > REFUSED_SHARE * (good + refused)
        minutes = behind / timedelta(minutes=1)
        return {
            STALLED: f"no window was closed for {minutes:.0f} minutes" if behind > self.stalled_after else None,
            LOSING: f"{lost} events were lost within ten minutes" if lost else None,
            REFUSING: f"{refused} of {good + refused} went to quarantine within ten minutes" if is_refusing else None,
        }


def _row(reason: str, trouble: OpenTrouble, event: str, now: datetime, why: str) -> dict[str, Any]:
    level = LEVEL[reason]
    row = {
        "incident_id": trouble.incident_id, "seq": trouble.seq, "event": event, "minute": now, "notify": True, "why": why,
        "kind": PIPELINE, "reason": reason, "started": trouble.started, "opened": trouble.started, "last": now,
        "ended": now if event == "closed" else None, "close_reason": why if event == "closed" else None,
        "severity": SEVERITY[level], "level": level, "told": level, "devices": 0, "series": 0, "open_series": 0,
        "flagged_minutes": 0, "out_minutes": 0, "reopened": 0, "origin": "stream", "revision": 0,
    }  # fmt: skip
    trouble.seq += 1
    return row
