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
    table = plain_table("detector", "points", "F1", "own F1", "at 0.1", "at 1", "at 5", "50 %", "80 %", "us")
    for one in rows:
        shares = (one.found_at_0_1, one.found_at_1, one.found_at_5)
        table.add_row(
            *(one.detector, str(one.points), f"{one.f1:.2f}", f"{one.f1_flags:.2f}"),
            *(f"{share:.2f}" for share in shares),
            *(f"{one.alarms_at_50:.2f}", f"{one.alarms_at_80:.2f}", f"{one.us_per_point:.0f}"),
        )
    chance = f"{rows[0].random_f1:.2f}" if rows else "-"
    note = (
        f"F1: delay-adjusted, at the best threshold; random scores reach {chance}. own F1: at the detector's own flags."
        " at 0.1, 1, 5: share of events found at that many false alarms per series and day. 50 %, 80 %: false alarms per"
        " series and day at that share of events. us: CPU microseconds a point."
    )
    return Group(table, "", Text(note, style="dim"))
