"""The section `source` of kind event_hubs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from ad_stream import connection_string
from ad_stream.secrets import Secret
from ad_stream.sources.contract import SourceSettings


class EventHubsSource(SourceSettings):
    """An event hub or IoT Hub's built-in endpoint through the azure-eventhubs-spark connector (Scala 2.12 only).

    connection_string: of the event hub (with EntityPath). events_per_trigger: not heeded by trigger: available_now, where
    the connector would never come past it. options: further settings of the connector, they win.
    """

    kind: Literal["event_hubs"]
    connection_string: Secret
    consumer_group: str = "$Default"
    events_per_trigger: int | None = Field(default=None, ge=1)
    options: dict[str, str] = Field(default={})

    @field_validator("connection_string")
    @classmethod
    def _of_an_event_hub(cls, value: Secret) -> Secret:
        connection_string.check(value, no_hub=connection_string.NO_HUB)
        return value
