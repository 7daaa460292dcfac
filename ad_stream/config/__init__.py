"""What a run is told: YAML -> checked settings.

Unknown keys are errors that name the near one. Durations are written "2 minutes", "90 seconds", "1 hour" or as a
number of seconds. Relative paths resolve against the working directory. Secrets stay references (ad_stream.secrets).
"""

from ad_stream.config.read import load, parse, parse_detection
from ad_stream.config.sections import (
    AGGREGATES,
    Config,
    Detection,
    Fallback,
    Metrics,
    Minutes,
    PushTarget,
    Tables,
    Telemetry,
)
from ad_stream.config.sources import EventHubsSource, FilesSource, KafkaSource, ServicePrincipal, Source

__all__ = [
    "AGGREGATES", "Config", "Detection", "EventHubsSource", "Fallback", "FilesSource", "KafkaSource", "Metrics",
    "Minutes", "PushTarget", "ServicePrincipal", "Source", "Tables", "Telemetry", "load", "parse",
    "parse_detection",
]  # fmt: skip
