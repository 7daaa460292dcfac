"""An event hub, or IoT Hub's built-in endpoint, over AMQP with the azure-eventhubs-spark connector.

The connector takes its connection string encrypted, by a Java method: this file is the one place that calls Java, so it
needs dedicated compute with Scala 2.12. Everywhere else the Kafka endpoint of the same hub is the way in. Events that
retention has removed are skipped by the connector with a line in its log; here they are counted as `source_lost`.
"""

from __future__ import annotations

import json
import re
import socket
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from ad_stream import connection_string
from ad_stream.connection_string import ConnectionString
from ad_stream.errors import AdStreamError, ConfigError, SetupError
from ad_stream.runtime import spark_versions
from ad_stream.sources import amqp, hub_options
from ad_stream.sources.contract import Reader
from ad_stream.sources.event_hubs.settings import EventHubsSource

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

PORT = 5671
SYSTEM = {
    "device_id": "iothub-connection-device-id", "message_id": "message-id", "message_source": "iothub-message-source",
}  # fmt: skip
# The connector would stop at 1,000 events per partition and trigger.
EVERYTHING = 1_000_000_000
LOOK_SECONDS = 10


class EventHubsReader(Reader[EventHubsSource]):
    """A hub by the connector."""

    def read(self, spark: SparkSession, settings: EventHubsSource, start: datetime | None) -> DataFrame:
        """The events of the hub."""
        asked = _asked(settings)
        jvm = _java_of(spark)
        hub_options.hide_from_plans(spark)
        options = {
            "eventhubs.connectionString": jvm.org.apache.spark.eventhubs.EventHubsUtils.encrypt(asked.text),
            "eventhubs.consumerGroup": settings.consumer_group,
            "eventhubs.startingPosition": json.dumps(position(hub_options.starting(settings.start, start))),
            "maxEventsPerTrigger": str(settings.events_per_trigger or EVERYTHING),
            **hub_options.revealed(settings.options),
        }
        events = parse(spark.readStream.format("eventhubs").options(**options).load(), str(asked.hub))
        return events.observe("source", F.count(F.lit(1)).alias("read"))

    def check(self, spark: SparkSession, settings: EventHubsSource) -> None:
        """Ask the hub for its partitions, with little patience."""
        asked, jvm = _asked(settings), _java_of(spark)
        try:
            socket.create_connection((asked.host, PORT), LOOK_SECONDS).close()
        except OSError:
            raise SetupError(
                f"{asked.host} does not answer: check the name, the network or firewall (port {PORT})"
            ) from None
        try:
            _bounds(jvm, asked)
        except Exception as error:
            raise _told(str(error), asked) from None

    def newest(self, spark: SparkSession, settings: EventHubsSource) -> dict[str, int]:
        """The sequence number that the next event of each partition will get; raises what Java raises."""
        return _bounds(_java_of(spark), _asked(settings))

    def to_the_end(self, settings: EventHubsSource) -> EventHubsSource:
        """Without a limit: the connector takes its first limited batch for the end, and at each start the same one anew.

        Without the limit that batch is all there is.
        """
        return settings.model_copy(update={"events_per_trigger": None})


def _bounds(jvm: Any, asked: ConnectionString) -> dict[str, int]:
    eventhubs = jvm.org.apache.spark.eventhubs
    seconds = jvm.java.time.Duration.ofSeconds(LOOK_SECONDS)
    conf = eventhubs.EventHubsConf(asked.text).setReceiverTimeout(seconds).setOperationTimeout(seconds)
    client = getattr(getattr(eventhubs.client, "EventHubsClient$"), "MODULE$").apply(conf)
    try:
        partitions, found = client.allBoundedSeqNos().iterator(), {}
        while partitions.hasNext():
            partition = partitions.next()
            found[str(partition._1())] = int(partition._2()._2())
        return found
    finally:
        client.close()


def parse(received: DataFrame, name: str) -> DataFrame:
    """Rows of the connector -> events; `name` fills the column source.

    Of the system properties texts come as they are and everything else as JSON, so that times stand in quotes.
    """
    system = [f"systemProperties['{key}'] as {column}" for column, key in SYSTEM.items()]
    enqueued = amqp.moment("systemProperties['iothub-enqueuedtime']")
    return received.select("*", F.lit(name).alias("source")).selectExpr(
        "body", f"coalesce({enqueued}, enqueuedTime) as enqueued_time", *system, "source", "partition",
        "sequenceNumber as sequence",
    )  # fmt: skip


def position(at: str | datetime) -> dict[str, Any]:
    """'earliest', 'latest' or a time as the connector's EventPosition."""
    out: dict[str, Any] = {"offset": None, "seqNo": -1, "enqueuedTime": None, "isInclusive": True}
    if isinstance(at, str):
        return {**out, "offset": {"earliest": "-1", "latest": "@latest"}[at]}
    return {**out, "enqueuedTime": f"{at.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"}


def _asked(settings: EventHubsSource) -> ConnectionString:
    asked = connection_string.parse(settings.connection_string)
    if asked.hub is None:
        raise ConfigError(connection_string.NO_HUB)
    return asked


def _java_of(spark: SparkSession) -> Any:
    """Java with the connector in it; SetupError where there is no Java to call, or no connector."""
    way_out = "use source.kind: kafka with the same connection_string"
    try:
        jvm = spark._jvm  # type: ignore[attr-defined, unused-ignore]
    except Exception:  # each kind of compute refuses in its own words
        jvm = None
    if jvm is None:
        raise SetupError(
            f"this compute gives no access to Java, which the Event Hubs connector needs: {way_out}, or dedicated compute"
        )
    try:
        jvm.org.apache.spark.eventhubs.EventHubsUtils.encrypt("Endpoint=sb://probe/;EntityPath=probe")
    except TypeError:
        raise SetupError(
            f"this Spark has no Event Hubs connector: start it with --packages {spark_versions.packages('event_hubs')}"
            f" (no other has one), or {way_out}"
        ) from None
    except Exception:
        raise SetupError(
            f"this compute does not allow the Event Hubs connector: {way_out}, or dedicated compute"
        ) from None
    return jvm


def _told(cause: str, asked: ConnectionString) -> AdStreamError:
    """What the connector says in pages of Java, as a sentence; none of its words, they may hold the key."""
    if re.search("(?i)unauthorized|AuthorizationFailed|InvalidSignature|401", cause):
        return ConfigError(f"{asked.host} refused the connection string: check key and policy (Listen)")
    if re.search("(?i)not-found|EntityNotFound|could not be found|IllegalEntity|404", cause):
        return ConfigError(
            f"there is no event hub {asked.hub!r} on {asked.host}: check the EntityPath of the connection string"
        )
    return SetupError(
        f"{asked.host} answers, but not as an event hub within {LOOK_SECONDS} seconds: check the name and its certificate"
    )
