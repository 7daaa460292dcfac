"""What-if as one HTML page: the numbers, the devices, the largest changes as they are and as they would be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream.grid import Grid
from ad_stream.incidents.alarms import with_slow_flags
from ad_stream.model import REASONS
from ad_stream.report import Fact, Page, PageSection, PageTable, Picture, draw, write
from ad_stream.report.picture import TIME
from ad_stream.tables.reader import read_rows
from ad_stream.times import shown

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.evaluation.labels import LabelledEvent
    from ad_stream.incidents.alarms import Alarm
    from ad_stream.whatif.run import WhatIf

LEAD, TAIL, MOST = 90, 45, 360
"""Windows."""
DRAWN = [
    "device_id",
    "signal",
    "minute",
    "value",
    "expected",
    "upper_margin",
    "lower_margin",
    "is_anomaly",
    "is_positive",
    "reason",
    "slow_is_anomaly",
    "slow_reason",
]
ALARM = (
    "An alarm is a run of flagged minutes at most `refractory` apart. It is gained or lost where no alarm of its series on"
    " the other side comes that near."
)


def report(found: WhatIf, out: Path, *, settings: str) -> Path:
    """Write the page; `settings`: what was changed, as text. -> its path."""
    largest = found.largest()
    pictures = [
        picture for number, (kind, alarm) in enumerate(largest) for picture in _both(found, number, kind, alarm)
    ]
    return write(
        Page(
            title=f"ad_stream what-if: {settings}",
            note=f"{found.start:{TIME}} to {found.end:{TIME}} UTC, tables in {found.tables}. {ALARM} Nothing was written.",
            facts=[Fact(*fact) for fact in facts(found)],
            tables=[_largest(largest), _devices(found), *_events(found)],
            sections=[PageSection("In pictures", "As it was flagged, and as it would have been.", pictures)],
        ),
        out,
    )


def facts(found: WhatIf) -> list[tuple[str, str, str]]:
    """(label, value, detail) for the top of the page and the printed table."""
    windows = Grid.of(found.every).plural
    old, new = found.kept
    joined = "" if old == new else f"were {old:,}: several of one side are one of the other"
    rows = [
        ("series", f"{found.series:,}", f"{found.minutes:,} {windows} judged again in {found.seconds:g} s"),
        (f"flagged {windows}", f"{found.flagged_after:,}", f"were {found.flagged_before:,}"),
        ("alarms", f"{len(found.after):,}", f"were {len(found.before):,}"),
        (
            "incidents",
            f"{found.incidents[1]:,}",
            f"were {found.incidents[0]:,}; of values, from what begins in that time",
        ),
        ("alarms on both sides", f"{new:,}", joined),
        ("alarms gained", f"{len(found.gained):,}", f"with the {new:,} of both sides the {len(found.after):,}"),
        ("alarms lost", f"{len(found.lost):,}", f"with the {old:,} of both sides the {len(found.before):,} that were"),
    ]
    if found.labelled is not None:
        one = found.labelled
        detail = f"were {one.found_before}; gained {len(one.gained)}, lost {len(one.lost)}"
        rows.append(("labelled events found", f"{one.found_after} of {one.events}", detail))
    if len(found.versions) > 1:
        detail = "config_version " + ", ".join(f"{name} ({rows} rows)" for name, rows in found.versions.items())
        rows.append(("configurations of the stored verdicts", str(len(found.versions)), detail))
    return rows


def _both(found: WhatIf, number: int, kind: str, alarm: Alarm) -> list[Picture]:
    every = found.every
    first, last = alarm.first - LEAD * every, min(alarm.last + TAIL * every, alarm.first + MOST * every)
    first, last = max(first, found.start), min(last, found.end - found.every)
    series = (("device_id", "=", alarm.device_id), ("signal", "=", alarm.signal))
    where: list[tuple[str, str, Any]] = [*series, ("minute", ">=", first), ("minute", "<=", last), ("revision", "=", 0)]
    stored = read_rows(found.tables, "detections", DRAWN, where)
    again = found.rescored
    again = again[(again["device_id"] == alarm.device_id) & (again["signal"] == alarm.signal)]
    sides: list[tuple[str, pd.DataFrame]] = [("as it is", stored), ("as it would be", again)]
    return [
        draw(
            with_slow_flags(rows),
            id=f"change-{number}" if side == "as it is" else f"change-{number}-after",
            title=f"{number + 1}. {alarm.device_id} · {alarm.signal}: {side}",
            caption=f"{kind} {alarm.first:{TIME}}, {alarm.flagged} flagged; {REASONS.get(alarm.reason, alarm.reason)}",
            first=first,
            last=last,
            span=(alarm.first, min(alarm.last, last)),
            kind="found" if kind == "gained" else "missed",
            grid=Grid.of(found.every),
        )
        for side, rows in sides
    ]


def _largest(largest: list[tuple[str, Alarm]]) -> PageTable:
    return PageTable(
        title="The largest changes",
        header=LARGEST,
        rows=[largest_row(kind, alarm) for kind, alarm in largest],
        links=[f"change-{number}" for number in range(len(largest))],
        marks=["found" if kind == "gained" else "missed" for kind, _ in largest],
    )


LARGEST = ("change", "device", "signal", "first minute", "flagged", "severity", "why")


def largest_row(kind: str, alarm: Alarm) -> tuple[str, ...]:
    """A row under LARGEST."""
    return (
        kind, alarm.device_id, alarm.signal, shown(alarm.first), str(alarm.flagged), f"{alarm.severity:.2f}",
        REASONS.get(alarm.reason, alarm.reason),
    )  # fmt: skip


def _devices(found: WhatIf) -> PageTable:
    rows = [(device, str(gained), str(lost)) for device, gained, lost in found.devices()]
    return PageTable("By device", ("device", "alarms gained", "alarms lost"), rows)


def _events(found: WhatIf) -> list[PageTable]:
    if found.labelled is None:
        return []
    changes = [("gained", one) for one in found.labelled.gained] + [("lost", one) for one in found.labelled.lost]
    return [
        PageTable(
            "Labelled events",
            ("change", "device", "signal", "first minute", "last minute"),
            [event_row(*pair) for pair in changes],
        )
    ]


def event_row(kind: str, event: LabelledEvent) -> tuple[str, ...]:
    """('lost', device, signal, first, last)."""
    return kind, event.device_id, event.signal or "any", shown(event.first), shown(event.last)
