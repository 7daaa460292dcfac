"""What the printed answers share: the console, tables without lines, lists that end with how many more there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ad_stream.report import Fact

MOST_LINES = 15


def show(text: RenderableType) -> None:
    """Print to standard output."""
    Console(highlight=False).print(text, crop=False)  # a line to copy stays whole


def plain_table(*columns: str) -> Table:
    """An empty table with these heads."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column)
    return table


def fact_table(facts: Sequence[Fact]) -> Table:
    """A line per fact."""
    table = Table.grid(padding=(0, 2))
    for fact in facts:
        detail = f" ({fact.detail})" if fact.detail else ""
        table.add_row(Text(fact.label, style="dim"), Text(fact.value + detail))
    return table


def first_lines(lines: Sequence[str]) -> str:
    """The first lines, and how many more there are."""
    more = len(lines) - MOST_LINES
    return "\n".join([*lines[:MOST_LINES], *[f"and {more} more"] * (more > 0)]) or "none"
