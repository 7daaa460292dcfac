"""What `ad-stream jobs` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from ad_stream.cli.output.console import plain_table

COLOURS = {"succeeded": "green", "failed": "red", "cancelled": "yellow", "missed": "yellow", "running": "cyan"}


def job_table(jobs: Sequence[Mapping[str, Any]], *, lives: bool) -> RenderableType:
    """One job a line."""
    if not jobs:
        return Text("No job: the section schedules of the configuration has none, see docs/schedules.md.")
    table = plain_table("job", "runs", "when", "next (UTC)", "last run", "state", "took")
    for one in jobs:
        last = one["last"] or {}
        ahead = "paused" if one["paused"] else one["next"] or "never again"
        what = " ".join(filter(None, (one["command"], one["model"])))
        table.add_row(
            one["job"], what, one["when"], ahead, last.get("planned", "-"), _state(last.get("state")), _took(last)
        )
    away = [] if lives else [Text("No scheduler runs over these tables: ad-stream schedule CONFIG", style="yellow")]
    return Group(table, *away)


def run_table(runs: Sequence[Mapping[str, Any]]) -> RenderableType:
    """One run a line."""
    if not runs:
        return Text("It has not run yet.")
    table = plain_table("run", "state", "started (UTC)", "took", "CPU", "attempt", "counts, or why")
    table.columns[0].no_wrap, table.columns[0].overflow = True, "ignore"  # it is there to be copied
    for one in runs:
        counts = ", ".join(f"{name} {value}" for name, value in (one["counts"] or {}).items() if value)
        told = "; ".join(filter(None, (counts, one["reason"])))
        cpu = "-" if one["cpu_seconds"] is None else f"{one['cpu_seconds']:.1f} s"
        table.add_row(
            one["run_id"], _state(one["state"]), one["started"] or "-", _took(one), cpu, str(one["attempt"]), told
        )
    return table


def _state(state: str | None) -> Text:
    return Text(state or "-", style=COLOURS.get(state or "", ""))


def _took(row: Mapping[str, Any]) -> str:
    return "-" if row.get("seconds") is None else f"{row['seconds']:.1f} s"
