"""Tables that an earlier version began keep its rules for bodies, so that no series and no alarm comes with an upgrade."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ad_stream.tables.catalog import BODIES

if TYPE_CHECKING:
    from ad_stream.config import Config
    from ad_stream.pipeline.operation.telling import Tell

EARLIER = {"compressed": False}
EARLIER_AUTO = {"nested": 0, "text": "quarantine"}
"""What 0.1.0 did: packed bodies were quarantined; with `signals: auto` top-level numbers, and a row of quarantine for each word."""


def as_begun(config: Config, properties: Mapping[str, str], tell: Tell) -> Config:
    """The configuration by the rules that the tables began with, but for what it sets itself. properties: of `minutes`."""
    telemetry = config.telemetry
    earlier = EARLIER | (EARLIER_AUTO if telemetry.signals == "auto" else {})
    kept = {name: value for name, value in earlier.items() if name not in telemetry.model_fields_set}
    if not kept or BODIES in properties:
        return config
    said = ", ".join(f"telemetry.{name}: {json.dumps(value)}" for name, value in kept.items())
    tell(
        f"NOTE: an earlier version began these tables, so bodies are read as it did ({said}); set what you want instead"
    )
    return config.model_copy(update={"telemetry": telemetry.model_copy(update=kept)})
