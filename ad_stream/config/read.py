"""YAML or a mapping -> checked settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from ad_stream.config.explain import sentence
from ad_stream.config.overrides import merged
from ad_stream.config.sections import Config, Detection
from ad_stream.errors import ConfigError


def load(path: str | Path, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read and check a YAML file; ConfigError is one sentence with key, value and the way out."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"the configuration {str(path)!r} cannot be read ({error.strerror}): name an existing YAML file"
        ) from None
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = f" in line {mark.line + 1}" if (mark := getattr(error, "problem_mark", None)) else ""
        raise ConfigError(f"{str(path)!r} is no valid YAML{where}: {getattr(error, 'problem', 'mend it')}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{str(path)!r} holds no settings: start from conf/local.yaml")
    return parse(merged(content, overrides or {}))


def parse(content: Mapping[str, Any]) -> Config:
    """A mapping -> Config; ConfigError names the first wrong setting."""
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise ConfigError(sentence(error.errors(include_url=False)[0], content)) from None


def parse_detection(settings: Mapping[str, Any]) -> Detection:
    """The section `detection` on its own, for the doors that take its settings as arguments."""
    try:
        return Detection.model_validate(settings)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ConfigError(sentence({**first, "loc": ("detection", *first["loc"])}, {"detection": settings})) from None
