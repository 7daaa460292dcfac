"""A refused setting in a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ad_stream.config.masking import hidden
from ad_stream.config.schedules import Schedule
from ad_stream.config.sections import Config, Detection, Fallback, Metrics, Minutes, Tables
from ad_stream.config.telemetry import Telemetry
from ad_stream.errors import did_you_mean
from ad_stream.readers.registry import KINDS as READERS
from ad_stream.secrets import MASK
from ad_stream.sources import registry


def sentence(first: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    """One error of pydantic -> key, value and way out; content: all that was written."""
    place = [str(part) for part in first["loc"] if part != "constrained-int"]
    place = place[:2] if place[:1] == ["spark"] else place
    key, value, kind = ".".join(place) or "the configuration", first.get("input"), first["type"]
    if kind == "extra_forbidden":
        return f"unknown setting {key!r}: {did_you_mean(place[-1], _names(place[:-1], content))}"
    if kind == "missing":
        return f"the setting {key!r} is missing: add it (docs/configuration.md has all of them)"
    if kind == registry.UNKNOWN:
        return str(first["msg"])
    shown = "" if isinstance(value, Mapping) else f" is {_shown(key, value)}"
    way_out = (
        "write its settings indented below it" if kind == "model_type" else first["msg"].removeprefix("Value error, ")
    )
    return f"the setting {key!r}{shown}: {way_out}"


def _shown(key: str, value: object) -> str:
    if re.search(r"key|secret|password|connection|url|token|code", key):
        return MASK
    return repr(value)[:200] if isinstance(value, (int, float, type(None))) else hidden(key, repr(value))[:200]


def _names(place: list[str], content: Mapping[str, Any]) -> list[str]:
    sections: dict[str, type[BaseModel]] = {
        "telemetry": Telemetry, "minutes": Minutes, "detection": Detection, "fallback": Fallback, "tables": Tables,
        "metrics": Metrics, "schedules": Schedule,
    }  # fmt: skip
    if place[:1] == ["source"]:
        found: type[BaseModel] = registry.kind_of(content["source"]["kind"]).settings
    elif place[:1] == ["sources"] and len(place) > 1:
        found = READERS[content["sources"][place[1]]["kind"]].settings
    else:
        found = sections.get(place[0], Config) if place else Config
    return sorted({field.alias or name for name, field in found.model_fields.items()})
