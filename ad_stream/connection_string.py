"""Connection strings of Event Hubs, IoT Hub's built-in endpoint and Fabric's Eventstream."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ad_stream.errors import ConfigError
from ad_stream.secrets import Secret

WAY_OUT = (
    "copy it from 'Shared access policies' (IoT Hub: 'Built-in endpoints');"
    " it reads Endpoint=sb://...;SharedAccessKeyName=...;SharedAccessKey=..."
)


@dataclass(frozen=True)
class ConnectionString:
    """text is the whole string with its key; hub is the EntityPath, None where it names only the namespace."""

    host: str
    hub: str | None
    text: str = field(repr=False)


def parse(secret: Secret, setting: str = "source.connection_string") -> ConnectionString:
    """Reveal and take apart; ConfigError names the setting if it is no connection string of an event hub."""
    text = secret.reveal()
    parts = dict(part.partition("=")[::2] for part in text.split(";"))
    host = urlsplit(parts.get("Endpoint", "")).hostname
    if not host or '"' in text or "\n" in text:
        raise ConfigError(f"{setting} ({secret}) has no Endpoint: {WAY_OUT}")
    if not (parts.get("SharedAccessKey") or parts.get("SharedAccessSignature")):
        raise ConfigError(f"{setting} ({secret}) for {host} has no SharedAccessKey: {WAY_OUT}")
    return ConnectionString(host, parts.get("EntityPath") or None, text)
