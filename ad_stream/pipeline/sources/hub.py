"""What the two ways to an event hub share: its connection string, where to begin, and what must not be shown."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ad_stream.arguments import moment
from ad_stream.errors import ConfigError
from ad_stream.secrets import Secret

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WAY_OUT = (
    "copy it from 'Shared access policies' (IoT Hub: 'Built-in endpoints');"
    " it reads Endpoint=sb://...;SharedAccessKeyName=...;SharedAccessKey=..."
)
HIDDEN_OPTIONS = "(?i)url|jaas|connectionstring|password|secret|token"
HIDDEN_TEXT = "(?i)(SharedAccess(Key|Signature)|clientSecret|password)=[^;,)]+"


@dataclass(frozen=True)
class ConnectionString:
    """text is the whole string with its key; hub is the EntityPath, None where it names only the namespace."""

    host: str
    hub: str | None
    text: str = field(repr=False)


def parse(secret: Secret) -> ConnectionString:
    """Reveal and take apart; ConfigError if it is no connection string of an event hub."""
    text = secret.reveal()
    parts = dict(part.partition("=")[::2] for part in text.split(";"))
    host = urlsplit(parts.get("Endpoint", "")).hostname
    if not host or '"' in text or "\n" in text:
        raise ConfigError(f"source.connection_string ({secret}) has no Endpoint: {WAY_OUT}")
    if not (parts.get("SharedAccessKey") or parts.get("SharedAccessSignature")):
        raise ConfigError(f"source.connection_string ({secret}) for {host} has no SharedAccessKey: {WAY_OUT}")
    return ConnectionString(host, parts.get("EntityPath") or None, text)


def starting(configured: str, needed: datetime | None) -> str | datetime:
    """'earliest', 'latest' or a time; what the stored tables still need wins over `source.start`."""
    if needed is not None:
        return needed
    return configured if configured in ("earliest", "latest") else moment(configured)


def revealed(options: Mapping[str, str]) -> dict[str, str]:
    """The options with secret references resolved."""
    return {name: Secret(value).reveal() for name, value in options.items()}


def hide_from_plans(spark: SparkSession) -> None:
    """Keep keys out of the plans that Spark prints."""
    # Serverless compute lets nobody set these, and shows no plans.
    with contextlib.suppress(Exception):
        spark.conf.set("spark.sql.redaction.options.regex", HIDDEN_OPTIONS)
        spark.conf.set("spark.sql.redaction.string.regex", HIDDEN_TEXT)
