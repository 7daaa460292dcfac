"""What a run is told: YAML -> checked settings.

Unknown keys are errors that name the near one. Durations are written "2 minutes", "90 seconds", "1 hour" or as a
number of seconds. Relative paths resolve against the working directory. Secrets stay references (ad_stream.secrets).

In: a YAML file and single settings over it (`overrides`). Out: a frozen `Config`. Every entry point begins here. The
names below are loaded on first use, so that the command line prints its help without pydantic.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ad_stream.config.read import load, parse, parse_detection, parse_joint, usual
    from ad_stream.config.sections import (
        AGGREGATES,
        Config,
        Detection,
        Fallback,
        Metrics,
        Minutes,
        PushTarget,
        Tables,
    )
    from ad_stream.config.telemetry import Telemetry

__all__ = [
    "AGGREGATES", "Config", "Detection", "Fallback", "Metrics", "Minutes", "PushTarget", "Tables", "Telemetry", "load",
    "parse", "parse_detection", "parse_joint", "usual",
]  # fmt: skip

_READ = ("load", "parse", "parse_detection", "parse_joint", "usual")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'ad_stream.config' has no attribute {name!r}")
    home = "read" if name in _READ else "telemetry" if name == "Telemetry" else "sections"
    return getattr(import_module(f"ad_stream.config.{home}"), name)
