"""What the demo prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ad_stream.cli.output.console import MOST_LINES, plain_table
from ad_stream.demo import own_csv
from ad_stream.demo.compare import DEFINITION
from ad_stream.demo.summary import by_kind, facts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ad_stream.demo import OwnResult, Result
    from ad_stream.report import Fact


def simulated_numbers(result: Result) -> RenderableType:
    """The numbers, the faults by kind, where tables and report lie."""
    kinds = plain_table("fault", "injected", "found", "missed", "median delay")
    for kind, injected, found, delay in by_kind(list(result.comparison.outcomes)):
        kinds.add_row(kind, str(injected), str(found), str(injected - found), delay)
    places = _places(result.streamed.tables, result.report)
    return Group(_facts(facts(result)), "", kinds, "", Text(DEFINITION, style="dim"), "", places)


def own_numbers(result: OwnResult) -> RenderableType:
    """The numbers, the devices, the strongest anomalies, where tables and report lie."""
    devices = plain_table("device", "rows scored", "anomalies", "flagged rows")
    for row in own_csv.per_device(result)[:MOST_LINES]:
        devices.add_row(*row)
    anomalies = plain_table("device", "first time", "flagged", "score", "why")
    for anomaly in own_csv.anomaly_rows(result)[:MOST_LINES]:
        anomalies.add_row(*anomaly)
    places = _places(result.streamed.tables, result.report)
    return Group(_facts(own_csv.facts(result)), "", devices, "", anomalies, "", places)


def _facts(facts: Sequence[Fact]) -> Table:
    table = Table.grid(padding=(0, 2))
    for fact in facts:
        detail = f" ({fact.detail})" if fact.detail else ""
        table.add_row(Text(fact.label, style="dim"), Text(fact.value + detail))
    return table


def _places(tables: Path, report: Path) -> Text:
    return Text(f"tables  {tables}\nreport  {report}")
