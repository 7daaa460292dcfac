"""Single settings over those of a file: `--set KEY=VALUE` of the command line and of the jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ad_stream.errors import InputError


def overrides(pairs: Sequence[str]) -> dict[str, Any]:
    """['detection.sensitivity=90'] -> {'detection': {'sensitivity': 90}}; values are read as YAML."""
    import yaml

    out: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip("."):
            raise InputError(f"--set {pair!r} has no key and value: write it like --set detection.sensitivity=90")
        *sections, name = key.split(".")
        place = out
        for section in sections:
            place = place.setdefault(section, {})
        try:
            place[name] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise InputError(f"--set {pair!r} has a value that is no YAML: put it in quotes") from None
    return out


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of `base` with those of `over` in their place, section by section."""
    out = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(out.get(key), Mapping)
        out[key] = merged(out[key], value) if both else value
    return out
