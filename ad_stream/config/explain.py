"""A refused setting in a sentence."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ad_stream.config.masking import hidden
from ad_stream.config.sections import Config, Detection, Fallback, Metrics, Minutes, Tables, Telemetry
from ad_stream.config.sources import EventHubsSource, FilesSource, KafkaSource
from ad_stream.secrets import MASK


def sentence(first: Mapping[str, Any]) -> str:
    """One error of pydantic -> key, value and way out."""
    place = [str(part) for part in first["loc"] if part not in {"files", "kafka", "event_hubs", "constrained-int"}]
    place = place[:2] if place[:1] == ["spark"] else place
    key, value, kind = ".".join(place) or "the configuration", first.get("input"), first["type"]
    if kind == "extra_forbidden":
        return f"unknown setting {key!r}{_near(place)}"
    if kind == "missing":
        return f"the setting {key!r} is missing: add it (conf/local.yaml shows all of them)"
    if kind.startswith("union_tag"):
        return f"the setting 'source.kind' is {first['ctx'].get('tag', 'missing')!r}: write files, kafka or event_hubs"
    shown = "" if isinstance(value, Mapping) else f" is {_shown(key, value)}"
    way_out = (
        "write its settings indented below it" if kind == "model_type" else first["msg"].removeprefix("Value error, ")
    )
    return f"the setting {key!r}{shown}: {way_out}"


def _shown(key: str, value: object) -> str:
    if re.search(r"key|secret|password|connection|url", key):
        return MASK
    return repr(value)[:200] if isinstance(value, (int, float, type(None))) else hidden(key, repr(value))[:200]


def _near(place: list[str]) -> str:
    names = _names(place[:-1])
    near = difflib.get_close_matches(place[-1], names, n=1, cutoff=0.5)
    return f": did you mean {near[0]!r}?" if near else f": known here are {', '.join(names)}"


def _names(place: list[str]) -> list[str]:
    sections: dict[str, type[BaseModel] | list[type[BaseModel]]] = {
        "source": [FilesSource, KafkaSource, EventHubsSource], "telemetry": Telemetry, "minutes": Minutes,
        "detection": Detection, "fallback": Fallback, "tables": Tables, "metrics": Metrics,
    }  # fmt: skip
    found = sections.get(place[0], Config) if place else Config
    models = found if isinstance(found, list) else [found]
    return sorted({field.alias or name for model in models for name, field in model.model_fields.items()})
