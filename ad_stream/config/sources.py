"""Where telemetry comes from: the section `source`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ad_stream.errors import InputError
from ad_stream.secrets import Secret
from ad_stream.times import moment


class Section(BaseModel):
    """A part of the configuration; unknown keys are refused, values cannot be changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def _known_start(value: str) -> str:
    if value in ("earliest", "latest"):
        return value
    try:
        moment(value)
    except InputError as error:
        raise ValueError(f"write earliest, latest or a time ({error})") from None
    return value


Start = Annotated[str, AfterValidator(_known_start)]
"""earliest | latest | a time such as 2026-11-01T06:30Z, UTC where it names no zone."""


def _no_latest(value: str) -> str:
    if value == "latest":
        raise ValueError("files have no latest event, write earliest or a time")
    return value


FilesStart = Annotated[Start, AfterValidator(_no_latest)]


class FilesSource(Section):
    """JSON-lines files in the envelope of the design; a folder that is read in order of modification time.

    start: earliest, or the enqueued time before which events are left out.
    """

    kind: Literal["files"]
    path: str
    files_per_trigger: int | None = Field(default=None, ge=1)
    start: FilesStart = "earliest"


class ServicePrincipal(Section):
    """An Entra application that may receive from the event hub."""

    tenant_id: str
    client_id: str
    client_secret: Secret


class KafkaSource(Section):
    """A Kafka topic, or an event hub through its Kafka endpoint.

    One of these says who asks, none means plain Kafka: connection_string of the event hub or its namespace,
    service_principal (Entra), service_credential (its name in Unity Catalog).
    topic: the event hub's name; may be left out where the connection string names it (EntityPath).
    bootstrap_servers: host:port; with a connection string its host and port 9093.
    contiguous: whether every offset holds an event, so that a missing one is lost data; say false for topics with
    transactions or compaction. options: further settings of Spark's Kafka source (`kafka.*` for its client), they win.
    """

    kind: Literal["kafka"]
    topic: str | None = None
    bootstrap_servers: str | None = None
    connection_string: Secret | None = None
    service_principal: ServicePrincipal | None = None
    service_credential: str | None = None
    events_per_trigger: int | None = Field(default=None, ge=1)
    start: Start = "earliest"
    contiguous: bool = True
    options: dict[str, str] = {}

    @model_validator(mode="after")
    def _one_server(self) -> KafkaSource:
        asking = [self.connection_string, self.service_principal, self.service_credential]
        if sum(one is not None for one in asking) > 1:
            raise ValueError("give only one of connection_string, service_principal and service_credential")
        if self.connection_string is None and None in (self.bootstrap_servers, self.topic):
            raise ValueError("name bootstrap_servers and topic, or the connection_string of the event hub")
        return self


class EventHubsSource(Section):
    """An event hub or IoT Hub's built-in endpoint through the azure-eventhubs-spark connector (Scala 2.12 only).

    connection_string: of the event hub (with EntityPath). events_per_trigger: not heeded by trigger: available_now, where
    the connector would never come past it. options: further settings of the connector, they win.
    """

    kind: Literal["event_hubs"]
    connection_string: Secret
    consumer_group: str = "$Default"
    events_per_trigger: int | None = Field(default=None, ge=1)
    start: Start = "earliest"
    options: dict[str, str] = {}


Source = Annotated[FilesSource | KafkaSource | EventHubsSource, Field(discriminator="kind")]
