"""A simulated day of a fleet with known faults, through the stream to its end, beside the truth."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream import times
from ad_stream.demo.compare import FaultComparison, compare
from ad_stream.demo.stream import Steps, Streamed, fresh_folder, quiet, stream
from ad_stream.grid import MINUTE, Grid
from ad_stream.monitoring.incidents import incidents
from ad_stream.simulate.envelope import WATERMARK, widened
from ad_stream.tables.reader import read_detections, read_rows

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.simulate import Truth


@dataclass(frozen=True)
class Result:
    """What the demo shows; detections as `read_detections` gives them, incidents as they are listed, seconds of the whole demo."""

    truth: Truth
    streamed: Streamed
    detections: pd.DataFrame
    incidents: list[dict[str, Any]]
    comparison: FaultComparison
    quarantined: dict[str, int]
    late: int
    wall_seconds: float
    report: Path

    @property
    def minutes_scored(self) -> int:
        """Rows of `detections` with a verdict."""
        return int((self.detections["status"] == "scored").sum())

    @property
    def cpu_seconds_per_million(self) -> float | None:
        """CPU seconds of the run's whole process tree (start of the JVM included) per million scored minutes."""
        seconds = self.streamed.summary.cpu_seconds
        return None if seconds is None or not self.minutes_scored else seconds / self.minutes_scored * 1e6

    def as_dict(self) -> dict[str, Any]:
        """The answer of `ad-stream demo --json`."""
        return {
            "devices": self.truth.devices,
            "signals": list(self.truth.signals),
            "minutes_scored": self.minutes_scored,
            "faults": [
                {
                    "device_id": one.fault.device_id,
                    "signal": one.fault.signal,
                    "kind": one.fault.kind,
                    "start": times.iso(one.fault.start),
                    "end": times.iso(one.fault.end),
                    "sigma": one.fault.sigma,
                    "found": one.found,
                    "delay_minutes": one.delay_minutes,
                }
                for one in self.comparison.outcomes
            ],
            "false_alarms_per_series_day": self.comparison.false_alarms_per_series_day,
            "incidents": len(self.incidents),
            "quarantined": self.quarantined,
            "late": self.late,
            "duplicates": self.streamed.summary.duplicates,
            "fallback": {
                "calls": self.streamed.summary.fallback_calls,
                "failed": self.streamed.summary.fallback_failed,
            },
            "cpu_seconds_per_million": self.cpu_seconds_per_million,
            "wall_seconds": self.wall_seconds,
            "tables": str(self.streamed.tables),
            "report": str(self.report),
        }


def demo(
    out: Path,
    *,
    devices: int = 50,
    minutes: int = 1440,
    seed: int = 0,
    grid: Grid = MINUTE,
    steps: Steps = quiet,
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """Simulate into out/messages, stream into out/tables, compare with the truth, write out/report.html.

    minutes: length of the run; grid: windows of the stream.
    """
    from ad_stream.azure_api.local_server import local_server
    from ad_stream.demo.report import report
    from ad_stream.simulate import simulate

    started = clock()
    fresh_folder(out)
    truth = simulate(
        out / "messages",
        devices=devices,
        minutes=minutes,
        seed=seed,
        watermark=widened(WATERMARK, grid.every),
        progress=lambda done, total: steps("simulating", done / total),
    )
    with local_server() as server:
        streamed = stream(
            out, signals=list(truth.signals), first=truth.start, minutes=minutes, every=grid.every, fallback=server, steps=steps
        )  # fmt: skip
    detections, listed = read_detections(streamed.tables), incidents(streamed.tables)
    reasons = read_rows(streamed.tables, "quarantine", ["reason"])["reason"].value_counts()
    result = Result(
        truth=truth,
        streamed=streamed,
        detections=detections,
        incidents=listed,
        comparison=compare(truth.faults, detections, grid, listed),
        quarantined={str(reason): int(count) for reason, count in sorted(reasons.items())},
        late=len(read_rows(streamed.tables, "late", ["device_id"])),
        wall_seconds=round(clock() - started, 1),
        report=out / "report.html",
    )
    report(result)
    return result
