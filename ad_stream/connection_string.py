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
NO_HUB = "the connection string names no event hub: add ;EntityPath=<name of the hub> to it"
OF_DEVICES = (
    "is IoT Hub's own string, for its devices and services (HostName=...): take the Event Hub-compatible endpoint under"
    " 'Built-in endpoints' of the hub, which begins with Endpoint=sb:// and has an EntityPath"
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
    if "Endpoint" not in parts and any(name.strip().lower() == "hostname" for name in parts):
        raise ConfigError(f"{setting} ({secret}) {OF_DEVICES}")
    host = urlsplit(parts.get("Endpoint", "")).hostname
    if not host or '"' in text or "\n" in text:
        raise ConfigError(f"{setting} ({secret}) has no Endpoint: {WAY_OUT}")
    if not (parts.get("SharedAccessKey") or parts.get("SharedAccessSignature")):
        raise ConfigError(f"{setting} ({secret}) for {host} has no SharedAccessKey: {WAY_OUT}")
    return ConnectionString(host, parts.get("EntityPath") or None, text)


def check(secret: Secret, *, no_hub: str | None) -> None:
    """Refuse at first look what stands in the configuration itself and cannot be right; references are read by a run.

    Raises ValueError, which pydantic reports under the setting. no_hub: what to say where the string has to name its hub and does not.
    """
    if secret.is_reference:
        return
    try:
        asked = parse(secret, "the value")
    except ConfigError as error:
        raise ValueError(str(error)) from None
    if no_hub is not None and asked.hub is None:
        raise ValueError(no_hub)
