"""Brokers that speak the wire; their tests run one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ad_stream.errors import SetupError
from ad_stream.pipeline.operation.summary import Summary
from ad_stream.runtime import jars
from ad_stream.simulate import simulate
from ad_stream.simulate.event_hubs.stand_in import EventHubsStandIn
from ad_stream.simulate.kafka.broker import KafkaBroker
from ad_stream.simulate.send import events, message_files, to_kafka
from tests.brokers.streams import stream
from tests.conftest import LINE, missing


def needed(*sets: str) -> list[Path]:
    """The jars, or a skip that says which could not be had."""
    try:
        return jars.jars(*sets)
    except SetupError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour of two devices with every kind of bad traffic, over a midnight."""
    folder = tmp_path_factory.mktemp("fleet")
    start = datetime(2026, 11, 1, 23, 30, tzinfo=timezone.utc)
    simulate(folder, devices=2, start=start, minutes=60, seed=11, faults=False, partitions=2)
    return folder


@pytest.fixture(scope="session")
def from_files(spark: Any, fleet: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    """The fleet through files, undisturbed."""
    folder = tmp_path_factory.mktemp("files")
    return folder, stream(spark, {"kind": "files", "path": str(fleet)}, folder)


@pytest.fixture(scope="session")
def broker(fleet: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A Kafka broker that holds the fleet's messages in the topic `iot`."""
    needed("kafka_broker")
    if missing("confluent_kafka"):
        pytest.skip("the package confluent-kafka is missing")
    with KafkaBroker(tmp_path_factory.mktemp("kafka"), partitions=2) as made:
        to_kafka(events(message_files(fleet)), made.client(), topic="iot")
        yield made


@pytest.fixture
def kafka_source(broker: KafkaBroker) -> dict[str, Any]:
    """The section `source` that reads the broker as an event hub's Kafka endpoint; the broker has no TLS."""
    return {
        "kind": "kafka",
        "connection_string": broker.connection_string,
        "bootstrap_servers": broker.bootstrap_servers,
        "options": {"kafka.security.protocol": "SASL_PLAINTEXT"},
    }


@pytest.fixture
def stand_in(trusted: Path, request: pytest.FixtureRequest) -> Iterator[EventHubsStandIn]:
    """An empty hub of its own name: the connector keeps the receivers of the hubs it knows."""
    if "event_hubs" not in LINE.jars:
        pytest.skip(f"the Event Hubs connector has no build for Scala {LINE.scala} (Spark {LINE.spark})")
    if missing("proton", "cryptography"):
        pytest.skip("the package python-qpid-proton or cryptography is missing")
    with EventHubsStandIn(trusted, name=f"hub{abs(hash(request.node.name)) % 10**6}", partitions=2) as made:
        yield made


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a certificate, for stand-ins whose clients are not Java."""
    return tmp_path_factory.mktemp("certificate")


@pytest.fixture
def own_hub(certified: Path) -> Iterator[EventHubsStandIn]:
    """The hub `iot` with two partitions and no Spark."""
    with EventHubsStandIn(certified, partitions=2) as made:
        yield made
