"""What `ad-stream status` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ad_stream.cli.output.console import first_lines
from ad_stream.push.base import STATES

if TYPE_CHECKING:
    from ad_stream.monitoring.status import Status

NAMES = {"watermark_delay": "watermark delay, seconds", "lag": "events waiting at the source"}


def status_page(found: Status) -> RenderableType:
    """The state in a sentence, the counts, the silent devices."""
    numbers = found.as_dict()
    state = "running" if found.running else "stopped"
    table = Table.grid(padding=(0, 2))
    for name, value in numbers.items():
        if name not in (
            "running",
            "silent",
            "quarantined",
            "late_by_device",
            "pushes",
            "ignored",
            "incidents",
            "joint_drift",
        ):
            table.add_row(
                Text(NAMES.get(name, name.replace("_", " ")), style="dim"), "-" if value is None else f"{value}"
            )
    if found.incidents.get("incidents"):
        counts = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in found.incidents.items() if number)
        table.add_row(Text("incidents", style="dim"), counts)
    reasons = ", ".join(f"{n} {reason}" for reason, n in found.quarantined.items()) or "none"
    table.add_row(Text("quarantined", style="dim"), reasons)
    for sink, states in found.pushes.items():
        counts = ", ".join(f"{rows:,} {state.replace('_', ' ')}" for state, rows in states.items())
        table.add_row(Text(f"push {sink}", style="dim"), counts)
    if any(states.get("thinned") for states in found.pushes.values()):
        table.add_row("", Text(f"thinned: {STATES['thinned']}", style="dim"))
    table.add_row(
        Text("late readings", style="dim"),
        first_lines([f"{device}: {n}" for device, n in found.late_by_device.items()]),
    )
    silent = [f"{device} since {since}" for device, since in numbers["silent"].items()]
    table.add_row(Text("silent devices", style="dim"), first_lines(silent))
    drifted = [
        f"{device}: {share:.0%} of the last day lies above what 5% did" for device, share in found.joint_drift.items()
    ]
    if drifted:
        table.add_row(Text("train --joint again", style="yellow"), first_lines(drifted))
    ignored = [Text(f"ignored: {sentence}", style="yellow") for sentence in found.ignored]
    none_yet = [Text("No window has been judged yet.")] if found.newest is None else []
    return Group(Text(f"The stream is {state}."), *none_yet, "", table, *ignored)
