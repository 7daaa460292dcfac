"""What the demo prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ad_stream.demo import own_data
from ad_stream.demo.compare import DEFINITION
from ad_stream.demo.summary import by_kind, facts
from ad_stream.push.base import STATES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ad_stream.demo import OwnResult, Result
    from ad_stream.evaluation.compare import Comparison
    from ad_stream.report import Fact
    from ad_stream.status import Status

MOST_ANOMALIES = 15
NAMES = {"watermark_delay": "watermark delay, seconds", "lag": "events waiting at the source"}


def show(text: RenderableType) -> None:
    """Print to standard output."""
    Console(highlight=False).print(text)


def simulated(result: Result) -> RenderableType:
    """The numbers, the faults by kind, where tables and report lie."""
    kinds = _table("fault", "injected", "found", "missed", "median delay")
    for kind, injected, found, delay in by_kind(list(result.comparison.outcomes)):
        kinds.add_row(kind, str(injected), str(found), str(injected - found), delay)
    places = _places(result.streamed.tables, result.report)
    return Group(_facts(facts(result)), "", kinds, "", Text(DEFINITION, style="dim"), "", places)


def own(result: OwnResult) -> RenderableType:
    """The numbers, the devices, the strongest anomalies, where tables and report lie."""
    devices = _table("device", "rows scored", "anomalies", "flagged rows")
    for row in own_data.per_device(result)[:MOST_ANOMALIES]:
        devices.add_row(*row)
    anomalies = _table("device", "first time", "flagged", "score", "why")
    for anomaly in own_data.anomaly_rows(result)[:MOST_ANOMALIES]:
        anomalies.add_row(*anomaly)
    places = _places(result.streamed.tables, result.report)
    return Group(_facts(own_data.facts(result)), "", devices, "", anomalies, "", places)


def compared(rows: Sequence[Comparison]) -> RenderableType:
    """A row per detector, and how to read it."""
    table = _table(
        *("detector", "points", "F1", "random", "own flags", "found at 0.1", "at 1", "at 5"),
        *("alarms at 50 %", "at 80 %", "us a point"),
    )
    for one in rows:
        shares = (one.found_at_0_1, one.found_at_1, one.found_at_5)
        table.add_row(
            *(one.detector, str(one.points), f"{one.f1:.3f}", f"{one.random_f1:.3f}", f"{one.f1_flags:.3f}"),
            *(f"{share:.2f}" for share in shares),
            *(f"{one.alarms_at_50:.2f}", f"{one.alarms_at_80:.2f}", f"{one.us_per_point:.0f}"),
        )
    note = (
        "F1 is delay-adjusted, at the best threshold; read it beside what random scores reach. Found: share of events"
        " at that many false alarms per series and day; alarms: false ones per series and day at that share of events."
    )
    return Group(table, "", Text(note, style="dim"))


def status(found: Status) -> RenderableType:
    """The state in a sentence, the counts, the silent devices."""
    numbers = found.as_dict()
    state = "running" if found.running else "stopped"
    table = Table.grid(padding=(0, 2))
    for name, value in numbers.items():
        if name not in ("running", "silent", "quarantined", "late_by_device", "pushes", "ignored"):
            table.add_row(Text(NAMES.get(name, name.replace("_", " ")), style="dim"), "-" if value is None else f"{value}")
    reasons = ", ".join(f"{n} {reason}" for reason, n in found.quarantined.items()) or "none"
    table.add_row(Text("quarantined", style="dim"), reasons)
    for sink, states in found.pushes.items():
        counts = ", ".join(f"{rows:,} {state.replace('_', ' ')}" for state, rows in states.items())
        table.add_row(Text(f"push {sink}", style="dim"), counts)
    if any(states.get("thinned") for states in found.pushes.values()):
        table.add_row("", Text(f"thinned: {STATES['thinned']}", style="dim"))
    table.add_row(Text("late readings", style="dim"), _several([f"{device}: {n}" for device, n in found.late_by_device.items()]))
    silent = [f"{device} since {since}" for device, since in numbers["silent"].items()]
    table.add_row(Text("silent devices", style="dim"), _several(silent))
    ignored = [Text(f"ignored: {sentence}", style="yellow") for sentence in found.ignored]
    return Group(Text(f"The stream is {state}."), "", table, *ignored)


def _several(lines: Sequence[str]) -> str:
    """The first lines, and how many more there are."""
    more = len(lines) - MOST_ANOMALIES
    return "\n".join([*lines[:MOST_ANOMALIES], *[f"and {more} more"] * (more > 0)]) or "none"


def _facts(facts: Sequence[Fact]) -> Table:
    table = Table.grid(padding=(0, 2))
    for fact in facts:
        detail = f" ({fact.detail})" if fact.detail else ""
        table.add_row(Text(fact.label, style="dim"), Text(fact.value + detail))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column)
    return table


def _places(tables: Path, report: Path) -> Text:
    return Text(f"tables  {tables}\nreport  {report}")
