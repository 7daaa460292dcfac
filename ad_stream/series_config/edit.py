"""What a person says about series, as a row of `series_config`; what rules say, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from ad_stream.config import Detection
from ad_stream.config.overrides import overrides
from ad_stream.errors import InputError, did_you_mean
from ad_stream.model import DetectorSpec
from ad_stream.series_config.patterns import matches
from ad_stream.series_config.rows import rule_of
from ad_stream.series_config.rules import FIRST, LAST, MUTE, SETTINGS, Rules, SeriesRule

if TYPE_CHECKING:
    from ad_stream.series_config.table import Row

INHERIT = "inherit"


def row_of(pairs: Sequence[str], *, device: str, signal: str, owner: str, note: str, base: Detection) -> Row:
    """['sensitivity=90', 'direction=inherit'] -> the row that says so; ConfigError or InputError where it is none."""
    said = overrides(pairs)
    for key in said:
        if key not in (*SETTINGS, MUTE):
            raise InputError(f"{key!r} is no setting of a series: {did_you_mean(key, SETTINGS)}")
        if key == MUTE and said[key] != INHERIT:
            raise InputError(
                f"mute={said[key]} says no time: write ad-stream config mute --device {device!r} --for '2 hours'"
            )
    settings = {key: value for key, value in said.items() if value != INHERIT}
    inherit = [key for key, value in said.items() if value == INHERIT]
    return checked({**settings, "inherit": inherit or None}, device, signal, owner, note, base)


def mute_row(
    first: datetime, last: datetime | None, *, device: str, signal: str, owner: str, note: str, base: Detection
) -> Row:  # fmt: skip
    """The row that mutes the windows that begin at first <= start < last (UTC; None: until somebody takes it back)."""
    return checked({"mute_from": first, "mute_to": last}, device, signal, owner, note, base)


def checked(settings: Mapping[str, Any], device: str, signal: str, owner: str, note: str, base: Detection) -> Row:
    """The whole row; ConfigError where the stream would leave it out."""
    row = {"device": device, "signal": signal, **settings, "owner": owner, "note": note or None}
    rule_of({**row, "changed": datetime(1970, 1, 1, tzinfo=timezone.utc)}, base)
    return row


def says(rule: SeriesRule) -> str:
    """'sensitivity 90, muted until 2026-11-02 06:00, gives back direction'."""
    parts = [f"{name} {value}" for name, value in rule.settings]
    parts += [muted(rule.mute)] if rule.mute else []
    parts += [f"gives back {', '.join(sorted(rule.inherit))}"] if rule.inherit else []
    return ", ".join(parts)


def muted(span: tuple[int, int]) -> str:
    """'muted from ... to ... UTC'."""
    first, last = span
    start = "" if first == FIRST else f" from {_moment(first)}"
    end = " until it is taken back" if last == LAST else f" to {_moment(last)}"
    return f"muted{start}{end}"


@dataclass(frozen=True)
class Applied:
    """One setting of one series: its value, and the rule that says so, None where it is the run's own."""

    setting: str
    value: Any
    rule: SeriesRule | None


def applied(rules: Rules, device: str, signal: str) -> list[Applied]:
    """What holds for one series."""
    by: dict[str, SeriesRule] = {}
    for rule in rules.rules:
        if matches(rule.device, device) and matches(rule.signal, signal):
            by = {name: one for name, one in by.items() if name not in rule.inherit}
            by |= dict.fromkeys(rule.names - rule.inherit, rule)
    out = [
        Applied(name, _as_written(dict(by[name].settings)[name] if name in by else rules.own(name)), by.get(name))
        for name in SETTINGS
    ]
    mute = by.get(MUTE)
    return [*out, Applied(MUTE, muted(mute.mute) if mute and mute.mute else "no", mute)]


def _as_written(value: Any) -> Any:
    return value.setting if isinstance(value, DetectorSpec) else value


def _moment(seconds: int) -> str:
    return f"{datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}".removesuffix(
        ":00"
    )
