"""The kafka source against a real broker, asked as an event hub's Kafka endpoint is."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ad_stream.errors import AdStreamError, ConfigError, SetupError
from ad_stream.simulate.kafka.broker import KafkaBroker
from ad_stream.simulate.send import to_kafka
from ad_stream.sources import registry
from tests.brokers.streams import drained, event, looked_at, settings_of


@pytest.fixture
def topic(broker: KafkaBroker, kafka_source: dict[str, Any], request: pytest.FixtureRequest) -> dict[str, Any]:
    """The section `source` of an empty topic of its own."""
    name = f"topic{abs(hash(request.node.name)) % 10**6}"
    broker.create_topic(name, 2)
    return {**kafka_source, "topic": name}


def test_every_column_of_an_event_comes_through(
    spark: Any, broker: KafkaBroker, topic: dict[str, Any], tmp_path: Path
) -> None:
    to_kafka([event(5, partition=1)], broker.client(), topic=topic["topic"])
    (found,), _ = drained(spark, topic, tmp_path)
    at = datetime(2026, 11, 1, 6, 5, 30, 250_000, timezone.utc)
    assert found.asDict() == {
        "body": bytearray(b'{"t": 5}'), "enqueued_time": found.enqueued_time, "ms": round(at.timestamp() * 1000),
        "device_id": "dev-1", "message_id": "m5", "message_source": "Telemetry", "source": topic["topic"],
        "partition": "1", "sequence": 0,
    }  # fmt: skip


def test_a_stream_may_begin_at_a_time_and_goes_on_where_it_stopped(
    spark: Any, broker: KafkaBroker, topic: dict[str, Any], tmp_path: Path
) -> None:
    to_kafka([event(number) for number in range(10)], broker.client(), topic=topic["topic"])
    at = datetime(2026, 11, 1, 6, 4, tzinfo=timezone.utc)
    found, _ = drained(spark, topic, tmp_path, start=at)
    assert [one.sequence for one in found] == [4, 5, 6, 7, 8, 9]
    to_kafka([event(10), event(11)], broker.client(), topic=topic["topic"])
    found, _ = drained(spark, topic, tmp_path)
    assert [one.sequence for one in found] == [10, 11]


def test_events_that_retention_removed_are_counted_as_lost(
    spark: Any, broker: KafkaBroker, topic: dict[str, Any], tmp_path: Path
) -> None:
    to_kafka([event(number) for number in range(4)], broker.client(), topic=topic["topic"])
    drained(spark, topic, tmp_path)
    to_kafka([event(number) for number in range(4, 10)], broker.client(), topic=topic["topic"])
    broker.forget(topic["topic"], 0, 7)
    found, batches = drained(spark, topic, tmp_path)
    assert [one.sequence for one in found] == [7, 8, 9]
    assert sum(batch["source_lost"] for batch in batches) == 3


@pytest.mark.parametrize(
    ("changed", "kind", "sentence"),
    [
        (
            {"connection_string": "Endpoint=sb://h/;SharedAccessKey=d3Jvbmc;EntityPath=iot"},
            ConfigError,
            "refused the credentials of",
        ),
        ({"topic": "other"}, ConfigError, "there is no topic or event hub 'other' on 127.0.0.1"),
        ({"bootstrap_servers": "127.0.0.1:1"}, SetupError, "127.0.0.1:1 does not answer: check the name"),
        ({"bootstrap_servers": "no-such-host.invalid:9093"}, SetupError, "does not answer: check the name"),
        ({"options": {}}, SetupError, "does not answer: .* and TLS"),
    ],
)
def test_what_is_wrong_is_said_without_the_key_and_without_a_stream(
    changed: dict[str, Any], kind: type[AdStreamError], sentence: str, spark: Any, kafka_source: dict[str, Any]
) -> None:
    with pytest.raises(kind, match=sentence) as caught:
        looked_at(spark, {**kafka_source, **changed})
    assert caught.value.exit_code == 2
    assert not {"d3Jvbmc", "bG9jYWwta2V5"} & set(str(caught.value).replace("=", ";").split(";"))


def test_the_plan_does_not_show_the_key(spark: Any, kafka_source: dict[str, Any]) -> None:
    events = registry.read(spark, settings_of(kafka_source), None)
    plan = events._jdf.queryExecution().toString()
    assert "kafka" in plan
    assert "bG9jYWwta2V5" not in plan


def test_a_killed_broker_comes_back_with_its_data(
    spark: Any, broker: KafkaBroker, topic: dict[str, Any], tmp_path: Path
) -> None:
    to_kafka([event(number) for number in range(3)], broker.client(), topic=topic["topic"])
    broker.stop(kill=True)
    broker.start()
    found, _ = drained(spark, topic, tmp_path)
    assert [one.sequence for one in found] == [0, 1, 2]
