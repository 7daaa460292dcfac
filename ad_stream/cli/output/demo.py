"""What the demo prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from ad_stream.cli.output.console import fact_table, plain_table
from ad_stream.cli.output.own_data import own_answer
from ad_stream.demo.compare import definition
from ad_stream.demo.summary import by_kind, facts

if TYPE_CHECKING:
    from pathlib import Path

    from ad_stream.demo import OwnResult, Result


def simulated_numbers(result: Result) -> RenderableType:
    """The numbers, the faults by kind, where tables and report lie."""
    kinds = plain_table("fault", "injected", "found", "missed", "median delay")
    for kind, injected, found, delay in by_kind(list(result.comparison.outcomes)):
        kinds.add_row(kind, str(injected), str(found), str(injected - found), delay)
    places = _places(result.streamed.tables, result.report)
    return Group(
        fact_table(facts(result)), "", kinds, "", Text(definition(result.comparison.grid), style="dim"), "", places
    )


def own_numbers(result: OwnResult) -> RenderableType:
    """What the stream found in a person's file, where tables and report lie."""
    return Group(own_answer(result.verdicts, result.facts()), "", _places(result.streamed.tables, result.report))


def _places(tables: Path, report: Path) -> Text:
    return Text(f"tables  {tables}\nreport  {report}")
