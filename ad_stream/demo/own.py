"""A person's own file down the same path: the alarms with their reasons, in the file's own times."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream.demo.stream import Steps, Streamed, fresh_folder, quiet, stream
from ad_stream.demo.summary import quarantine_fact
from ad_stream.own_data.page import page
from ad_stream.own_data.verdicts import OwnVerdicts
from ad_stream.report import Fact, write
from ad_stream.tables.reader import read_detections, read_rows

if TYPE_CHECKING:
    from ad_stream.readings import ReadOptions


@dataclass(frozen=True)
class OwnResult:
    """What the stream said of the file, and what it did with its messages."""

    verdicts: OwnVerdicts
    streamed: Streamed
    quarantined: dict[str, int]
    late: int
    wall_seconds: float
    report: Path

    def as_dict(self) -> dict[str, Any]:
        """The answer of `ad-stream demo --data FILE --json`."""
        return {
            "devices": self.verdicts.index.devices,
            "rows": self.verdicts.index.rows,
            "minutes_scored": self.verdicts.rows_scored,
            "anomalies": self.verdicts.alarm_rows(),
            "flagged": self.verdicts.flagged,
            "understood": dict(self.verdicts.index.understood),
            "quarantined": self.quarantined,
            "late": self.late,
            "wall_seconds": self.wall_seconds,
            "tables": str(self.streamed.tables),
            "report": str(self.report),
        }

    def facts(self) -> list[Fact]:
        """What the run adds to the facts of the verdicts."""
        late = [Fact("late readings", f"{self.late:,}")] if self.late else []
        odd = [quarantine_fact(self.quarantined)] if self.quarantined else []
        return [*odd, *late, Fact("seconds in all", f"{self.wall_seconds:.0f}")]


def own(
    csv: Path,
    out: Path,
    *,
    read_options: ReadOptions | None = None,
    command: str = "",
    steps: Steps = quiet,
    clock: Callable[[], float] = time.monotonic,
) -> OwnResult:
    """Import the file into out/messages, stream it into out/tables, write out/report.html.

    command: the line that the report's next steps are made of, by default `ad-stream detect FILE`.
    """
    from ad_stream.simulate.csv.replay import from_csv

    started = clock()
    fresh_folder(out)
    index = from_csv(
        csv, out / "messages", read_options=read_options, progress=lambda done, rows: steps("reading", done / rows)
    )
    first = datetime.fromisoformat(index.start.replace("Z", "+00:00"))
    minutes = max(1, round(index.rows / index.devices))
    streamed = stream(out, signals=list(index.signals), first=first, minutes=minutes, steps=steps)
    reasons = read_rows(streamed.tables, "quarantine", ["reason"])["reason"].value_counts()
    result = OwnResult(
        verdicts=OwnVerdicts.of(csv.name, index, read_detections(streamed.tables)),
        streamed=streamed,
        quarantined={str(reason): int(count) for reason, count in sorted(reasons.items())},
        late=len(read_rows(streamed.tables, "late", ["device_id"])),
        wall_seconds=round(clock() - started, 1),
        report=out / "report.html",
    )
    write(page(result.verdicts, command=command or f"ad-stream detect {csv}", more=result.facts()), result.report)
    return result
