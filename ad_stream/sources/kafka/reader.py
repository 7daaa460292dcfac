"""A Kafka topic, or an event hub through its Kafka endpoint: the way in on every kind of Databricks compute.

Device, message id and times come from the headers that IoT Hub's routing sets, decoded from AMQP; without them the
device stands in the body (telemetry.device_id). Offsets that retention has removed are skipped and counted as
`source_lost`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream import connection_string
from ad_stream.errors import AdStreamError, ConfigError, SetupError
from ad_stream.runtime import spark_versions
from ad_stream.sources import amqp, hub_options
from ad_stream.sources.contract import Reader
from ad_stream.sources.kafka.settings import NO_TOPIC, KafkaSource, ServicePrincipal

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

HEADERS = {
    "device_id": "iothub-connection-device-id", "message_id": "message-id", "message_source": "iothub-message-source",
    "enqueued": "iothub-enqueuedtime",
}  # fmt: skip
# An event hub closes idle connections after some minutes.
EVENT_HUB = {
    "kafka.metadata.max.age.ms": "180000",
    "kafka.connections.max.idle.ms": "180000",
    "kafka.request.timeout.ms": "60000",
}
OAUTH = "org.apache.kafka.common.security.oauthbearer"
# A first look must fail before the user gives up waiting; the stream itself keeps the client's own patience.
IMPATIENT = {
    "kafka.default.api.timeout.ms": "7000", "kafka.request.timeout.ms": "6000", "fetchOffset.numRetries": "1",
    "startingOffsets": "earliest", "endingOffsets": "latest",
}  # fmt: skip


class KafkaReader(Reader[KafkaSource]):
    """A topic by Spark's own Kafka source."""

    def read(self, spark: SparkSession, settings: KafkaSource, start: datetime | None) -> DataFrame:
        """The records of the topic as events."""
        asked = {**client(settings), **hub_options.revealed(settings.options)}
        hub_options.hide_from_plans(spark)
        reader = spark.readStream.format("kafka").options(**{**_first(settings, start), **asked})
        if settings.events_per_trigger:
            reader = reader.option("maxOffsetsPerTrigger", settings.events_per_trigger)
        events = parse(reader.load())
        return events.observe("source", F.count(F.lit(1)).alias("read")) if settings.contiguous else events

    def check(self, spark: SparkSession, settings: KafkaSource) -> None:
        """Read one record, with little patience."""
        asked = {**client(settings), **hub_options.revealed(settings.options)}
        hub_options.hide_from_plans(spark)
        try:
            spark.read.format("kafka").options(**{**asked, **IMPATIENT}).load().limit(1).collect()
        except Exception as error:
            raise _told(str(error), settings, asked) from None


def parse(records: DataFrame) -> DataFrame:
    """Rows of Spark's Kafka source -> events."""
    headers = [f"get(filter(headers, h -> h.key = '{header}'), 0).value as {name}" for name, header in HEADERS.items()]
    raw = records.selectExpr("value", "topic", "partition", "offset", "timestamp", *headers)
    texts = raw.selectExpr(
        "value", "topic", "partition", "offset", "timestamp", *[f"{amqp.text(name)} as {name}" for name in HEADERS]
    )
    return texts.selectExpr(
        "value as body", f"coalesce({amqp.moment('enqueued')}, timestamp) as enqueued_time", "device_id", "message_id",
        "message_source", "topic as source", "cast(partition as string) as partition", "offset as sequence",
    )  # fmt: skip


def client(settings: KafkaSource, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The options that name server, topic and who asks; holds the key, so it is not to be shown.

    Databricks has the Kafka client under another name, which the class names in the settings must follow.
    """
    shade = "kafkashaded." if "DATABRICKS_RUNTIME_VERSION" in environ else ""
    out = {"includeHeaders": "true", "failOnDataLoss": "false"}
    servers, topic = settings.bootstrap_servers, settings.topic
    if settings.connection_string is not None:
        asked = connection_string.parse(settings.connection_string)
        servers, topic = servers or f"{asked.host}:9093", topic or asked.hub
        out |= EVENT_HUB | _plain(shade, asked.text)
    elif settings.service_principal is not None:
        out |= EVENT_HUB | _oauth(shade, str(servers), settings.service_principal)
    elif settings.service_credential is not None:
        out["databricks.serviceCredential"] = settings.service_credential
    if topic is None:
        raise ConfigError(NO_TOPIC)
    return {**out, "kafka.bootstrap.servers": str(servers), "subscribe": topic}


def _plain(shade: str, text: str) -> dict[str, str]:
    module = f"{shade}org.apache.kafka.common.security.plain.PlainLoginModule"
    return {
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.mechanism": "PLAIN",
        "kafka.sasl.jaas.config": f'{module} required username="$ConnectionString" password="{text}";',
    }


def _oauth(shade: str, servers: str, principal: ServicePrincipal) -> dict[str, str]:
    namespace = servers.split(",")[0].split(":")[0]
    secret = principal.client_secret.reveal()
    if '"' in secret:
        raise ConfigError(
            "source.service_principal.client_secret holds a quotation mark: name the secret, not its quotes"
        )
    return {
        "kafka.security.protocol": "SASL_SSL",
        "kafka.sasl.mechanism": "OAUTHBEARER",
        "kafka.sasl.jaas.config": (
            f'{shade}{OAUTH}.OAuthBearerLoginModule required clientId="{principal.client_id}" clientSecret="{secret}"'
            f' scope="https://{namespace}/.default" ssl.protocol="SSL";'
        ),
        "kafka.sasl.oauthbearer.token.endpoint.url": f"https://login.microsoftonline.com/{principal.tenant_id}/oauth2/v2.0/token",
        "kafka.sasl.login.callback.handler.class": f"{shade}{OAUTH}.secured.OAuthBearerLoginCallbackHandler",
    }


def _first(settings: KafkaSource, start: datetime | None) -> dict[str, str]:
    """Where a stream without a checkpoint begins; a partition with nothing so late begins at its end."""
    at = hub_options.starting(settings.start, start)
    if isinstance(at, str):
        return {"startingOffsets": at}
    return {"startingTimestamp": str(int(at.timestamp() * 1000)), "startingOffsetsByTimestampStrategy": "latest"}


def _told(cause: str, settings: KafkaSource, asked: Mapping[str, str]) -> AdStreamError:
    """What Spark and the Kafka client say in pages of Java, as a sentence; none of their words, they may hold the key."""
    servers, topic = asked["kafka.bootstrap.servers"], asked["subscribe"]
    if re.search("Failed to find data source|DATA_SOURCE_NOT_FOUND", cause):
        return SetupError(
            f"this Spark has no Kafka source: start it with --packages {spark_versions.packages('kafka')} (the version of your Spark)"
        )
    if re.search("SaslAuthentication|Authentication failed|invalid credentials", cause):
        who = settings.connection_string or settings.service_credential or "source.service_principal or source.options"
        return ConfigError(
            f"{servers} refused the credentials of {who}: check key, policy (Listen) and the name of the hub"
        )
    if re.search("Authorization", cause):
        return ConfigError(f"{servers} does not let this reader see the topic {topic!r}: give it the right to receive")
    if re.search("UnknownTopicOrPartition|does not host this topic|InvalidTopic|doesn't exist|does not exist", cause):
        return ConfigError(
            f"there is no topic or event hub {topic!r} on {servers}: check source.topic and the EntityPath"
        )
    if re.search(
        "No resolvable bootstrap|Timeout|timed out|Connection .*could not be established|SslAuthentication", cause
    ):
        return SetupError(f"{servers} does not answer: check the name, the network or firewall (port 9093) and TLS")
    return SetupError(f"the Kafka source cannot look at the topic {topic!r} on {servers}: check source.options")
