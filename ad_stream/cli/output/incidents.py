"""What `ad-stream incidents`, `ask` and `propose` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from ad_stream.cli.output.console import plain_table
from ad_stream.times import shown
from ad_stream.whatif.propose import SHARE

if TYPE_CHECKING:
    from ad_stream.whatif.ask import LabelQuestion
    from ad_stream.whatif.propose import Proposal

COLOURS = {"high": "red", "medium": "yellow", "low": "dim"}
MOST = 50


def incident_table(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    """The newest first, and how many more there are."""
    if not found:
        return Text("No incident. The stream finds them from its next start on, see docs/incidents.md.")
    table = plain_table("incident", "level", "state", "where", "what", "since", "last", "members")
    for one in found[:MOST]:
        members = f"{one['devices']} devices" if one["devices"] > 1 else ""
        table.add_row(
            one["incident_id"], Text(one["level"], style=COLOURS[one["level"]]), _state(one), one["site"] or one["device_id"] or "",
            _what(one), shown(one["started"]), shown(one["last"]), members,
        )  # fmt: skip
    more = [Text(f"and {len(found) - MOST} more: --json has all", style="dim")] * (len(found) > MOST)
    return Group(table, *more)


def _state(one: Mapping[str, Any]) -> str:
    if one["state"] == "open":
        return f"open, acked by {one['acked_by']}" if one["acked_by"] else "open"
    said = f", {one['label']}" if one["label"] else ""
    return f"{one['close_reason'] or one['state']}{said}"


def _what(one: Mapping[str, Any]) -> str:
    if one["kind"] != "value":
        return f"{one['kind']} {one['signal'] or ''}".strip()
    value = "" if one["peak_value"] is None else f" {one['peak_value']:.6g}"
    band = "" if one["lower"] is None else f" ({one['lower']:.6g} to {one['upper']:.6g})"
    return f"{one['signal']} {one['direction'] or one['reason']}{value}{band}"


def questions(found: Sequence[LabelQuestion]) -> RenderableType:
    """One incident a line, with the command that answers."""
    if not found:
        return Text("Nothing to ask: every incident of that time has a label, or there is none.")
    table = plain_table(
        "where", "severity", "why it is asked", "answer with true, false, expected or unsure in place of ?"
    )
    for one in found:
        weight = "" if one.weight is None else f" --weight {one.weight:.3g}"
        command = f"ad-stream label {one.incident_id} ? --asked {one.asked}{weight}"
        table.add_row(f"{one.device_id} {one.signal or ''}", f"{one.severity:.2f}", one.why, command)
    return table


def proposals(found: Sequence[Proposal], start: datetime, end: datetime) -> RenderableType:
    """What each would save and lose, and how far the labels go."""
    lines: list[RenderableType] = [
        Text(f"{shown(start)} to {shown(end)} UTC; {len(found)} series looked at, one candidate each")
    ]
    for number, one in enumerate(found, start=1):
        lines += [
            Text(""),
            Text(f"{number}  {one.device_id}  {one.signal}   min_deviation={one.min_deviation:g}", style="bold"),
        ]
        lines.append(Text(f"   incidents {one.before} -> {one.after}: {len(one.lost)} would go{_unjudged(one)}"))
        lines.append(Text(f"   {_known(one)}"))
        lines += [Text(f"   {line}") for line in _verdict(one)]
    return Group(*lines)


def _unjudged(one: Proposal) -> str:
    return f"; {one.unjudged} are stuck values or drifts, which it leaves" if one.unjudged else ""


def _known(one: Proposal) -> str:
    if one.cut:
        return f"cut below {one.true[0]}, labelled true; of the {len(one.lost)} left {one.bound} are not labelled yet"
    return f"{one.asked} of these {len(one.lost)} were asked, {one.asked_true} true: at most {one.bound} true (95 %)"


def _verdict(one: Proposal) -> list[str]:
    if one.blocked:
        return [f"blocked: it would lose {', '.join(one.true[:5])}, labelled true"]
    if not one.holds:
        asked = f"{len(one.to_ask)} more" if one.to_ask else "none is left to ask"
        return [
            f"not enough labels: more than {SHARE:.0%} may be true; answer {asked}: ad-stream ask --scope '{one.device_id}'"
        ]
    more = [f"twice as many may go: answer {len(one.to_ask)} more: ad-stream ask --scope '{one.device_id}'"]
    return [
        f"apply: ad-stream config set --device '{one.device_id}' --signal '{one.signal}' min_deviation={one.min_deviation:g} "
        f"--note 'proposal, saves {one.before - one.after}'",
        *(more if one.to_ask else []),
    ]
