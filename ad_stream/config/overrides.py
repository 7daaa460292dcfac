"""Single settings over those of a file: `--set KEY=VALUE` of the command line and of the jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ad_stream.config.masking import hidden
from ad_stream.errors import InputError
from ad_stream.secrets import SCOPE
from ad_stream.times import short

MOST_SECTIONS = 8


def overrides(pairs: Sequence[str]) -> dict[str, Any]:
    """['detection.sensitivity=90'] -> {'detection': {'sensitivity': 90}}; values are read as YAML."""
    from ad_stream.config.yaml_text import YamlTextError, read_yaml

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


def in_scope(settings: Any, scope: str) -> Any:
    """The settings with every reference {{secrets/…/key}} into another secret scope."""
    if isinstance(settings, Mapping):
        return {key: in_scope(value, scope) for key, value in settings.items()}
    if isinstance(settings, list):
        return [in_scope(value, scope) for value in settings]
    return SCOPE.sub(rf"{{{{secrets/{scope}/\g<2>}}}}", settings) if isinstance(settings, str) else settings
