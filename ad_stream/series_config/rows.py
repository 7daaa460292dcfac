"""Rows of `series_config` -> rules.

A row that cannot be right (unknown detector, sensitivity 400) is left out with a sentence and never stops anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ad_stream.config import Detection, parse_detection
from ad_stream.errors import ConfigError
from ad_stream.series_config.patterns import ANY, complaint
from ad_stream.series_config.rules import FIRST, LAST, MUTE, SETTINGS, Rules, SeriesRule, alive


def rules_of(rows: Iterable[Mapping[str, Any]], base: Detection) -> Rules:
    """The rows of the table, in any order, over the run's own settings."""
    good, refused = [], set()
    for row in rows:
        try:
            good.append(rule_of(row, base))
        except ConfigError as error:
            refused.add(str(error))
    return replace(no_rules(base), rules=alive(good), refused=tuple(sorted(refused)))


def no_rules(base: Detection) -> Rules:
    """The run's own settings alone."""
    return Rules(base.detector, base.shared_options(), base.suppression())


def rule_of(row: Mapping[str, Any], base: Detection) -> SeriesRule:
    """One row, checked on top of the run's own settings; ConfigError names the row, the value and the way out."""
    device, signal = row.get("device"), row.get("signal") or ANY
    where = f"series_config, device {device!r}, signal {signal!r}"
    if not isinstance(device, str) or not device:
        raise ConfigError(f"{where}: the pattern of the device is missing, write * for all of them")
    if wrong := complaint(device) or complaint(signal):
        raise ConfigError(f"{where}: {wrong}")
    if row.get("changed") is None:
        raise ConfigError(f"{where}: `changed` is missing, write current_timestamp() into it")
    settings = {name: row[name] for name in SETTINGS if _given(row.get(name))}
    try:
        checked = parse_detection({**base.model_dump(), **settings})
        settings = {name: getattr(checked, name) for name in settings}
    except ConfigError as error:
        raise ConfigError(f"{where}: {str(error).replace('detection.', '')}") from None
    inherit = frozenset(row["inherit"]) if row.get("inherit") is not None else frozenset()
    strange = sorted(inherit - {*SETTINGS, MUTE})
    if strange:
        raise ConfigError(f"{where}: {strange[0]!r} cannot be inherited, write {', '.join(SETTINGS)} or {MUTE}")
    rule = SeriesRule(
        device, signal, tuple(settings.items()), _mute(row, where), inherit, row.get("owner") or "", row.get("note") or "",
        _utc(row["changed"]),
    )  # fmt: skip
    if not rule.names:
        raise ConfigError(
            f"{where}: the row names no setting, write one of {', '.join(SETTINGS)}, mute_from or inherit"
        )
    return rule


def _mute(row: Mapping[str, Any], where: str) -> tuple[int, int] | None:
    first, last = row.get("mute_from"), row.get("mute_to")
    if first is None and last is None:
        return None
    span = (FIRST if first is None else _second(first), LAST if last is None else _second(last))
    if span[0] >= span[1]:
        raise ConfigError(f"{where}: mute_to {last:%Y-%m-%d %H:%M} is not after mute_from, swap them")
    return span


def _second(moment: datetime) -> int:
    """Up to a whole second, as windows begin on whole seconds."""
    return math.ceil(_utc(moment).timestamp())


def _given(value: object) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
