"""What `ad-stream whatif` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ad_stream.cli.output.console import MOST_LINES, plain_table
from ad_stream.whatif.page import ALARM, LARGEST, event_row, facts, largest_row

if TYPE_CHECKING:
    from pathlib import Path

    from ad_stream.whatif import WhatIf


def differences(found: WhatIf, settings: str, html: Path | None, note: str) -> RenderableType:
    """The numbers, the devices, the labelled events and the largest changes."""
    top = Table.grid(padding=(0, 2))
    top.add_row(Text("settings", style="dim"), settings)
    for label, value, detail in facts(found):
        top.add_row(Text(label, style="dim"), value + (f" ({detail})" if detail else ""))
    parts: list[RenderableType] = [top]
    if found.gained or found.lost:
        parts += ["", _devices(found), "", _largest(found)]
    if found.labelled is not None and (found.labelled.gained or found.labelled.lost):
        parts += ["", _events(found)]
    parts += ["", Text(ALARM, style="dim"), *([Text(note, style="yellow")] if note else [])]
    return Group(*parts, *([f"page  {html}"] if html else []))


def _devices(found: WhatIf) -> Table:
    rows = found.devices()
    table = plain_table("device", "alarms gained", "alarms lost")
    for device, gained, lost in rows[:MOST_LINES]:
        table.add_row(device, str(gained), str(lost))
    if len(rows) > MOST_LINES:
        table.add_row(f"and {len(rows) - MOST_LINES} more", "", "")
    return table


def _largest(found: WhatIf) -> Table:
    table = plain_table(*LARGEST)
    for kind, alarm in found.largest():
        table.add_row(*largest_row(kind, alarm))
    return table


def _events(found: WhatIf) -> Table:
    table = plain_table("labelled", "device", "signal", "first minute", "last minute")
    labelled = found.labelled
    assert labelled is not None
    for kind, events in (("gained", labelled.gained), ("lost", labelled.lost)):
        for event in events:
            table.add_row(*event_row(kind, event))
    return table
