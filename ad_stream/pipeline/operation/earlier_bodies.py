"""Tables that an earlier version began keep its rules for bodies, so that no series and no alarm comes with an upgrade."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ad_stream.tables.catalog import BODIES, MINUTES

if TYPE_CHECKING:
    from ad_stream.config import Config
    from ad_stream.pipeline.operation.telling import Tell
    from ad_stream.pipeline.store.delta import DeltaTables

EARLIER = {"nested": 0, "text": "quarantine"}
"""What `signals: auto` did in 0.1.0: top-level numbers, and a row of quarantine for each word."""


def as_begun(config: Config, tables: DeltaTables, tell: Tell) -> Config:
    """The configuration by the rules that the tables began with, but for what it sets itself."""
    telemetry = config.telemetry
    kept = {name: value for name, value in EARLIER.items() if name not in telemetry.model_fields_set}
    if telemetry.signals != "auto" or not kept or BODIES in tables.properties(MINUTES.name):
        return config
    said = ", ".join(f"telemetry.{name}: {value}" for name, value in kept.items())
    tell(
        f"NOTE: an earlier version began these tables, so bodies are read as it did ({said}); set what you want instead"
    )
    return config.model_copy(update={"telemetry": telemetry.model_copy(update=kept)})
