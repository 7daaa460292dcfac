"""What a configuration must not hold to run on another machine: places and secrets of this one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ad_stream.config.masking import masked
from ad_stream.errors import ConfigError
from ad_stream.secrets import SCOPE
from ad_stream.sources import registry

if TYPE_CHECKING:
    from ad_stream.config import Config

REMOTE = ("/Volumes/", "/Workspace/", "dbfs:", "/dbfs/", "abfss://", "s3://", "gs://")
ENV = re.compile(r"\$\{env:(\w+)\}")
VOLUME = "/Volumes/<catalog>/<schema>/<volume>"


def check(config: Config) -> list[tuple[str, str]]:
    """The (scope, key) of every secret that the run will read; ConfigError for what only this machine has."""
    if config.tables.path is not None:
        _on_databricks("tables.path", config.tables.path, "write tables: {catalog: ..., schema: ...}")
    _on_databricks("checkpoint", config.checkpoint, f"name a folder of a volume, {VOLUME}/checkpoint")
    for name in registry.kind_of(config.source.kind).places:
        if (place := getattr(config.source, name)) is not None:
            _on_databricks(f"source.{name}", place, f"name a folder of a volume, {VOLUME}/in")
    found: dict[tuple[str, str], None] = {}
    settings = config.model_dump(mode="json", by_alias=True)
    for key in masked(settings).literals:
        raise ConfigError(
            f"the setting {key!r} holds a secret itself, which would be sent in plain text: put it into a secret "
            f"scope and write {{{{secrets/<scope>/<key>}}}}"
        )
    for key, text in _texts(settings):
        if env := ENV.search(text):
            raise ConfigError(
                f"the setting {key!r} refers to {env[0]}, a variable of this machine: put its value into a secret scope "
                f"and write {{{{secrets/<scope>/<key>}}}}"
            )
        found |= {(scope[1], scope[2]): None for scope in SCOPE.finditer(text)}
    return list(found)


def _on_databricks(key: str, place: str, way_out: str) -> None:
    if not place.startswith(REMOTE):
        raise ConfigError(f"the setting {key!r} is {place!r}, a place of this machine: {way_out}")


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _texts(member, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _texts(member, f"{key}.{number}")
    elif isinstance(value, str):
        yield key, value
