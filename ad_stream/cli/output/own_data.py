"""What `ad-stream detect` and `ad-stream demo --data` print of a person's file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ad_stream.cli.output.console import MOST_LINES, fact_table, plain_table
from ad_stream.own_data import page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ad_stream.own_data.verdicts import OwnVerdicts
    from ad_stream.report import Fact


def own_answer(verdicts: OwnVerdicts, more: Sequence[Fact] = ()) -> RenderableType:
    """How the file was understood, the numbers, the series, the strongest alarms."""
    alarms: RenderableType = _table(page.ALARMS, page.alarm_rows(verdicts)) if verdicts.alarms else Text("no alarms")
    series = _table(page.SERIES, page.per_series(verdicts))
    return Group(understood(verdicts), "", fact_table(page.facts(verdicts, more)), "", series, "", alarms)


def understood(verdicts: OwnVerdicts) -> Table:
    """A line per thing that was found out of the file."""
    table = Table.grid(padding=(0, 2))
    for what, how in verdicts.index.understood:
        table.add_row(Text(what, style="dim"), Text(how))
    return table


def next_lines(steps: Sequence[tuple[str, str]]) -> RenderableType:
    """What to do next: each line to type, whole, so that it can be copied, under what it does."""
    return Group(
        *(Text.assemble((f"to {what}\n", "dim"), f"  {line}", no_wrap=True, overflow="ignore") for what, line in steps)
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = plain_table(*columns)
    for row in rows[:MOST_LINES]:
        table.add_row(*row)
    if len(rows) > MOST_LINES:
        table.add_row(f"and {len(rows) - MOST_LINES} more", *[""] * (len(columns) - 1))
    return table
