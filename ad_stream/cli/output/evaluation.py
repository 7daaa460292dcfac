"""What `ad-stream evaluate` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from ad_stream.cli.output.console import plain_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ad_stream.evaluation.compare import Comparison


def comparison(rows: Sequence[Comparison]) -> RenderableType:
    """A row per detector, and how to read it."""
    table = plain_table(
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
