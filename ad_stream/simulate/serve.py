"""A stand-in that holds the messages of a folder, until it is told to end: what `ad-stream simulate --to` starts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from ad_stream.simulate.send import events, message_files, to_kafka

Broker = Literal["kafka", "event-hubs"]
Ready = Callable[[int, Mapping[str, Any]], None]
"""Called with the number of messages held and the sections of a configuration that reads them; returns to end it."""


def serve(broker: Broker, folder: Path, *, port: int, ready: Ready) -> None:
    """Hold the messages of `folder` while `ready` runs; port: of the Kafka broker, 0 takes a free one."""
    partitions = 1 + max(event.partition for event in events(message_files(folder)))
    with tempfile.TemporaryDirectory(prefix="ad_stream-", ignore_cleanup_errors=True) as temporary:
        start = _kafka if broker == "kafka" else _event_hubs
        start(folder, Path(temporary), partitions, port, ready)


def _kafka(folder: Path, temporary: Path, partitions: int, port: int, ready: Ready) -> None:
    from ad_stream.simulate.kafka.broker import KafkaBroker

    with KafkaBroker(temporary, partitions=partitions, port=port) as broker:
        sent = to_kafka(events(message_files(folder)), broker.client(), topic=broker.topic)
        source = {
            "kind": "kafka",
            "connection_string": broker.connection_string,
            "bootstrap_servers": broker.bootstrap_servers,
            "options": {"kafka.security.protocol": "SASL_PLAINTEXT"},
        }
        ready(sent, {"source": source})


def _event_hubs(folder: Path, temporary: Path, partitions: int, _: int, ready: Ready) -> None:
    from ad_stream.simulate.event_hubs.stand_in import EventHubsStandIn

    with EventHubsStandIn(temporary, partitions=partitions) as stand_in:
        sent = stand_in.publish(events(message_files(folder)))
        source = {"kind": "event_hubs", "connection_string": stand_in.connection_string}
        ready(sent, {"source": source, "spark": {"spark.driver.extraJavaOptions": stand_in.java_options()}})
