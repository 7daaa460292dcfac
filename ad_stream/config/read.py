"""YAML or a mapping -> checked settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from ad_stream.config.explain import sentence
from ad_stream.config.joint import Joint
from ad_stream.config.overrides import in_scope, merged
from ad_stream.config.sections import Config, Detection
from ad_stream.config.yaml_text import MOST_BYTES, YamlTextError, read_yaml
from ad_stream.errors import ConfigError
from ad_stream.settings import Section


def load(path: str | Path, overrides: Mapping[str, Any] | None = None, *, scope: str | None = None) -> Config:
    """Read and check a YAML file; ConfigError is one sentence with key, value and the way out.

    scope: the secret scope of Databricks that every reference is to mean, in place of the one that the file names.
    """
    try:
        content = read_yaml(_text(path))
    except YamlTextError as error:
        raise ConfigError(f"{str(path)!r} {error}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{str(path)!r} holds no settings: start from conf/local.yaml")
    whole = merged(content, overrides or {})
    return parse(whole if scope is None else in_scope(whole, scope))


def _text(path: str | Path) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(4 * MOST_BYTES)  # a character has at most four bytes
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"the configuration {str(path)!r} is not UTF-8 (byte 0x{content[error.start]:02x} in line {line}): "
            "save it as UTF-8"
        ) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its name is none"
        raise ConfigError(
            f"the configuration {str(path)!r} cannot be read ({why}): name an existing YAML file"
        ) from None


def parse(content: Mapping[str, Any]) -> Config:
    """A mapping -> Config; ConfigError names the first wrong setting."""
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise ConfigError(sentence(error.errors(include_url=False)[0], content)) from None


def usual(tables: str, more: Mapping[str, Any] | None = None) -> Config:
    """What holds for tables of which no configuration is named; `more`: sections in place of the usual ones."""
    return parse({"source": {"kind": "files", "path": ""}, "tables": {"path": tables}, **(more or {})})


def parse_detection(settings: Mapping[str, Any]) -> Detection:
    """The section `detection` on its own, for the doors that take its settings as arguments."""
    return _section("detection", Detection, settings)


def parse_joint(settings: Mapping[str, Any]) -> Joint:
    """The section `joint` on its own."""
    return _section("joint", Joint, settings)


One = TypeVar("One", bound=Section)


def _section(name: str, kind: type[One], settings: Mapping[str, Any]) -> One:
    try:
        return kind.model_validate(settings)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigError(sentence({**first, "loc": (name, *first["loc"])}, {name: settings})) from None
