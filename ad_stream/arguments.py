"""What the command line and the jobs read from their arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from ad_stream.errors import InputError
from ad_stream.masking import hidden

MOST_SECTIONS = 8
FIRST_TIME = datetime(1900, 1, 1, tzinfo=timezone.utc)
LAST_TIME = datetime(2200, 1, 1, tzinfo=timezone.utc)


def overrides(pairs: Sequence[str]) -> dict[str, Any]:
    """['detection.sensitivity=90'] -> {'detection': {'sensitivity': 90}}; values are read as YAML."""
    from ad_stream.yaml_text import YamlTextError, read_yaml

    out: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip(".") or key.count(".") >= MOST_SECTIONS:
            raise InputError(
                f"--set {hidden('', short(pair))} has no key and value: write it like --set detection.sensitivity=90"
            )
        try:
            _place(out, key.split("."), read_yaml(value))
        except YamlTextError as error:
            raise InputError(f"the value of --set {short(key)} {error}") from None
    return out


def _place(out: dict[str, Any], key: list[str], value: object) -> None:
    *sections, name = key
    place = out
    for number, section in enumerate(sections):
        below = place.setdefault(section, {})
        if not isinstance(below, dict):
            parent = ".".join(sections[: number + 1])
            raise InputError(f"--set gives {parent!r} a value and settings below it: leave out one of them")
        place = below
    place[name] = value


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of `base` with those of `over` in their place, section by section."""
    out = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
        out[key] = merged(out[key], value) if both else value
    return out


def instant(text: str) -> datetime:
    """'2026-11-01', '2026-11-01T06:30Z', '2026-11-01 06:30+01:00' -> UTC; without a zone it is UTC."""
    try:
        value = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
    except (ValueError, OverflowError):  # a zone can lead out of the years 1 to 9999
        raise InputError(f"{short(text)} is no time: write it like 2026-11-01T06:30Z") from None


def moment(text: str) -> datetime:
    """As `instant`, from FIRST_TIME to LAST_TIME: near the years 1 and 9999 no span can be reckoned."""
    value = instant(text)
    if not FIRST_TIME <= value <= LAST_TIME:
        raise InputError(
            f"{short(text)} lies outside the years {FIRST_TIME.year} to {LAST_TIME.year}: write a time within them"
        )
    return value


def short(text: str) -> str:
    """What was handed in, quoted, for a message."""
    return repr(text) if len(text) <= 60 else f"{text[:60]!r}…"
