"""What `ad-stream config` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from ad_stream.cli.output.console import plain_table
from ad_stream.errors import ConfigError
from ad_stream.series_config.edit import says
from ad_stream.series_config.rows import rule_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ad_stream.config import Detection
    from ad_stream.series_config.edit import Applied
    from ad_stream.series_config.rules import Rules, SeriesRule
    from ad_stream.series_config.table import Change, Row

EMPTY = "No series has settings of its own: ad-stream config set --device 'pump-*' sensitivity=90"


def rule_table(found: Rules, version: int | None) -> RenderableType:
    """The rules in force, the latest first, and the rows that are none."""
    if not found.rules and not found.refused:
        return Text(EMPTY)
    table = plain_table("device", "signal", "says", "owner", "since", "note")
    for one in reversed(found.rules):
        table.add_row(one.device, one.signal, says(one), one.owner, _when(one), one.note)
    ignored = [Text(f"ignored: {sentence}", style="yellow") for sentence in found.refused]
    note = Text(f"Version {version}; of two rows that fit a series the upper one wins.", style="dim")
    return Group(table, "", *ignored, note)


def applied_table(device: str, found: Mapping[str, Sequence[Applied]]) -> RenderableType:
    """Each setting of each signal of a device, and who says so."""
    table = plain_table("signal", "setting", "value", "because of", "owner", "since")
    for signal, holds in found.items():
        for number, one in enumerate(holds):
            origin = ("the run", "", "") if one.rule is None else (_patterns(one.rule), one.rule.owner, _when(one.rule))
            table.add_row("" if number else signal, one.setting, str(one.value), *origin)
    return Group(Text(f"device {device}"), table)


def change_table(found: Sequence[Change], base: Detection) -> RenderableType:
    """Version by version what was added and taken away."""
    if not found:
        return Text(EMPTY)
    table = plain_table("version", "at (UTC)", "operation", "what", "owner", "note")
    for one in found:
        rows = [("+", row) for row in one.added] + [("-", row) for row in one.removed]
        for number, (sign, row) in enumerate(rows or [("", {})]):
            head = ("", "", "") if number else (str(one.version), f"{one.at:%Y-%m-%d %H:%M:%S}", one.operation)
            what = f"{sign} {_said(row, base)}" if row else "nothing"
            table.add_row(*head, what, row.get("owner") or "", row.get("note") or "")
    return table


def _said(row: Row, base: Detection) -> str:
    try:
        rule = rule_of(row, base)
    except ConfigError as error:
        return f"ignored: {error}"
    return f"{_patterns(rule)}: {says(rule)}"


def _patterns(rule: SeriesRule) -> str:
    return rule.device if rule.signal == "*" else f"{rule.device} {rule.signal}"


def _when(rule: SeriesRule) -> str:
    return f"{rule.changed:%Y-%m-%d %H:%M}"
