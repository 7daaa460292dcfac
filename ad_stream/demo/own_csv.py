"""A person's own CSV down the same path: the anomalies with their reasons, in the file's own times."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream.demo.compare import by_series, means
from ad_stream.demo.stream import Steps, Streamed, fresh_folder, quiet, stream
from ad_stream.demo.summary import quarantine_fact
from ad_stream.incidents.alarms import Alarm, alarms_of, with_slow_flags
from ad_stream.model import REFRACTORY
from ad_stream.report import Fact, Page, PageSection, PageTable, Picture, draw, write
from ad_stream.tables.reader import read_detections, read_rows

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.demo.compare import SeriesKey
    from ad_stream.simulate.csv.replay import Index

BEFORE, AFTER = timedelta(minutes=120), timedelta(minutes=40)
MOST_PICTURES = 40
NOTE = (
    "Every row was judged from the rows before it, as the stream judges a device; the first ones of a device only warm"
    " the detector up. Times are those of the file."
)


@dataclass(frozen=True)
class OwnResult:
    """anomalies: strongest first, times are those of the tables; `shown` gives those of the file."""

    csv: Path
    index: Index
    streamed: Streamed
    detections: pd.DataFrame
    anomalies: list[Alarm]
    quarantined: dict[str, int]
    late: int
    wall_seconds: float
    report: Path

    @property
    def minutes_scored(self) -> int:
        """Rows of the file that got a verdict."""
        return int((self.detections["status"] == "scored").sum())

    def shown(self, device_id: str, minute: datetime) -> str:
        """The time in the file that a minute of the tables stands for."""
        return f"{self.index.original(device_id, minute):%Y-%m-%d %H:%M:%S}".removesuffix(":00")

    def as_dict(self) -> dict[str, Any]:
        """The answer of `ad-stream demo --data FILE --json`."""
        return {
            "devices": self.index.devices,
            "rows": self.index.rows,
            "minutes_scored": self.minutes_scored,
            "anomalies": [
                {
                    "device_id": one.device_id,
                    "first": self.shown(one.device_id, one.first),
                    "last": self.shown(one.device_id, one.last),
                    "flagged": one.flagged,
                    "score": one.score,
                    "reason": one.reason,
                }
                for one in self.anomalies
            ],
            "quarantined": self.quarantined,
            "late": self.late,
            "wall_seconds": self.wall_seconds,
            "tables": str(self.streamed.tables),
            "report": str(self.report),
        }


def own(
    csv: Path,
    out: Path,
    *,
    steps: Steps = quiet,
    clock: Callable[[], float] = time.monotonic,
) -> OwnResult:
    """Import the CSV into out/messages, stream it into out/tables, write out/report.html."""
    from ad_stream.simulate.csv.replay import from_csv

    started = clock()
    fresh_folder(out)
    index = from_csv(csv, out / "messages", progress=lambda done, rows: steps("reading", done / rows))
    first = datetime.fromisoformat(index.start.replace("Z", "+00:00"))
    minutes = max(1, round(index.rows / index.devices))
    streamed = stream(out, signals=["value"], first=first, minutes=minutes, steps=steps)
    detections = with_slow_flags(read_detections(streamed.tables))
    alarms = alarms_of(detections[detections["is_anomaly"].to_numpy(dtype=bool)], REFRACTORY)
    reasons = read_rows(streamed.tables, "quarantine", ["reason"])["reason"].value_counts()
    result = OwnResult(
        csv=csv,
        index=index,
        streamed=streamed,
        detections=detections,
        anomalies=sorted(alarms, key=lambda alarm: -alarm.score),
        quarantined={str(reason): int(count) for reason, count in sorted(reasons.items())},
        late=len(read_rows(streamed.tables, "late", ["device_id"])),
        wall_seconds=round(clock() - started, 1),
        report=out / "report.html",
    )
    write(_page(result), result.report)
    return result


def facts(result: OwnResult) -> list[Fact]:
    """The numbers for the printed table and the top of the report."""
    return [
        Fact("rows in the file", f"{result.index.rows:,}"),
        Fact("devices", f"{result.index.devices:,}"),
        Fact("rows scored", f"{result.minutes_scored:,}"),
        Fact("anomalies", f"{len(result.anomalies):,}"),
        quarantine_fact(result.quarantined),
        Fact("late readings", f"{result.late:,}"),
        Fact("seconds in all", f"{result.wall_seconds:.0f}"),
    ]


def per_device(result: OwnResult) -> list[tuple[str, str, str, str]]:
    """(device, rows scored, anomalies, flagged rows), most anomalies first."""
    scored = result.detections.loc[result.detections["status"] == "scored", "device_id"].value_counts()
    devices = {str(device): [0, 0] for device in result.detections["device_id"].unique()}
    for alarm in result.anomalies:
        devices[alarm.device_id][0] += 1
        devices[alarm.device_id][1] += alarm.flagged
    order = sorted(devices, key=lambda device: (-devices[device][0], device))
    return [(name, f"{scored.get(name, 0):,}", f"{devices[name][0]:,}", f"{devices[name][1]:,}") for name in order]


def anomaly_rows(result: OwnResult) -> list[tuple[str, str, str, str, str]]:
    """(device, first time, flagged rows, score, why), strongest first."""
    return [
        (one.device_id, result.shown(one.device_id, one.first), str(one.flagged), f"{one.score:.3g}", means(one.reason))
        for one in result.anomalies
    ]


def _page(result: OwnResult) -> Page:
    pictured = result.anomalies[:MOST_PICTURES]
    return Page(
        title=f"ad_stream: {result.csv.name}",
        note=NOTE,
        facts=facts(result),
        tables=[
            PageTable("Devices", ("device", "rows scored", "anomalies", "flagged rows"), per_device(result)),
            PageTable(
                title="Anomalies, the strongest first",
                header=("device", "first time", "flagged rows", "score", "why"),
                rows=anomaly_rows(result),
                links=[f"anomaly-{n}" if n < len(pictured) else "" for n in range(len(result.anomalies))],
            ),
        ],
        sections=[
            PageSection(
                "Pictures",
                f"The strongest {len(pictured)} of {len(result.anomalies)} anomalies: value, expected band, flags.",
                _pictures(result, pictured),
            )
        ],
    )


def _pictures(result: OwnResult, pictured: list[Alarm]) -> list[Picture]:
    series: dict[SeriesKey, pd.DataFrame] = by_series(result.detections)
    return [_picture(n, alarm, series[alarm.device_id, alarm.signal], result) for n, alarm in enumerate(pictured)]


def _picture(number: int, alarm: Alarm, rows: pd.DataFrame, result: OwnResult) -> Picture:
    def shown(moment: datetime) -> str:
        return result.shown(alarm.device_id, moment)

    return draw(
        rows,
        id=f"anomaly-{number}",
        title=f"{alarm.device_id} · {shown(alarm.first)}",
        caption=f"{alarm.flagged} flagged, score {alarm.score:.3g}; {means(alarm.reason)}",
        first=max(alarm.first - BEFORE, rows["minute"].iloc[0].to_pydatetime()),
        last=min(alarm.last + AFTER, rows["minute"].iloc[-1].to_pydatetime()),
        span=(alarm.first, alarm.last),
        shown_as=shown,
    )
