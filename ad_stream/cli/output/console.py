"""What the printed answers share: the console, tables without lines, lists that end with how many more there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LINES = 15


def show(text: RenderableType) -> None:
    """Print to standard output."""
    Console(highlight=False).print(text)


def plain_table(*columns: str) -> Table:
    """An empty table with these heads."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column)
    return table


def first_lines(lines: Sequence[str]) -> str:
    """The first lines, and how many more there are."""
    more = len(lines) - MOST_LINES
    return "\n".join([*lines[:MOST_LINES], *[f"and {more} more"] * (more > 0)]) or "none"
