"""The section `source` of kind kafka."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ad_stream import connection_string
from ad_stream.secrets import Secret
from ad_stream.settings import Section
from ad_stream.sources.contract import SourceSettings

NO_TOPIC = "the connection string names no event hub: add source.topic, or EntityPath to the string"


class ServicePrincipal(Section):
    """An Entra application that may receive from the event hub."""

    tenant_id: str
    client_id: str
    client_secret: Secret


class KafkaSource(SourceSettings):
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
    contiguous: bool = True
    options: dict[str, str] = Field(default={})

    @model_validator(mode="after")
    def _one_server(self) -> KafkaSource:
        asking = [self.connection_string, self.service_principal, self.service_credential]
        if sum(one is not None for one in asking) > 1:
            raise ValueError("give only one of connection_string, service_principal and service_credential")
        if self.connection_string is None and None in (self.bootstrap_servers, self.topic):
            raise ValueError("name bootstrap_servers and topic, or the connection_string of the event hub")
        if self.connection_string is not None:
            connection_string.check(self.connection_string, no_hub=NO_TOPIC if self.topic is None else None)
        return self
