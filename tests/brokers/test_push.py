"""The push target `kafka` against the real broker, asked as an event hub's Kafka endpoint is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

import pytest

from ad_stream.push.base import COLUMNS, Delivery
from ad_stream.push.targets.kafka import Kafka
from ad_stream.simulate.kafka.broker import KafkaBroker
from tests.unit.push.memory import row, values
from tests.unit.push.test_incident_messages import story

PLAIN = {"security.protocol": "SASL_PLAINTEXT"}


@pytest.fixture
def topic(broker: KafkaBroker, request: pytest.FixtureRequest) -> str:
    """An empty topic of its own."""
    name = f"out{abs(hash(request.node.name)) % 10**6}"
    broker.create_topic(name, 2)
    return name


def target(broker: KafkaBroker, topic: str, **options: Any) -> Kafka:
    access = {"connection_string": broker.connection_string, "bootstrap_servers": broker.bootstrap_servers}
    return Kafka(**{**access, "topic": topic, "options": PLAIN, **options})


def pushed(pusher: Kafka, rows: Iterable[dict[str, object]], seconds: float = 30) -> list[Delivery]:
    found = list(pusher.push(iter(rows), seconds))
    pusher.close()
    return found


def consumed(broker: KafkaBroker, topic: str, count: int) -> list[Any]:
    from confluent_kafka import Consumer

    consumer = Consumer({**broker.client(), "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found: list[Any] = []
    end = time.monotonic() + 300
    while len(found) < count and time.monotonic() < end:
        message = consumer.poll(1)
        if message is not None and message.error() is None:
            found.append(message)
    consumer.close()
    return found


def test_every_row_arrives_as_json_in_the_order_of_its_device(broker: KafkaBroker, topic: str) -> None:
    rows = [row(number, score=float("nan")) for number in range(2_500)]
    assert sum(one.rows for one in pushed(target(broker, topic), rows) if one.state == "delivered") == 2_500
    messages = consumed(broker, topic, 2_500)
    content = [json.loads(message.value()) for message in messages]
    assert sorted(float(str(one)) for one in values(content)) == values(rows)
    assert set(content[0]) == set(COLUMNS)
    assert (content[0]["score"], content[0]["minute"]) == (None, "2026-11-01T00:00:00.000Z")
    assert {message.partition() for message in messages} == {0, 1}
    for device in {one["device_id"] for one in rows}:
        of = [one["value"] for one in content if one["device_id"] == device]
        assert of == sorted(of)
    assert all(message.key().decode() == json.loads(message.value())["device_id"] for message in messages)


def test_what_people_are_told_of_an_incident_arrives_in_order_under_its_id(broker: KafkaBroker, topic: str) -> None:
    rows = story()
    found = pushed(target(broker, topic, rows="incidents", at_least="medium"), rows)
    assert [one.state for one in found] == ["delivered"] * len(rows)
    messages = consumed(broker, topic, len(rows))
    assert {message.key().decode() for message in messages} == {rows[0]["incident_id"]}
    content = [json.loads(message.value()) for message in messages]
    assert [one["incident"]["seq"] for one in content] == [row["seq"] for row in rows]
    assert content[0]["text"].startswith("HIGH ")


def test_a_row_longer_than_the_topic_takes_is_set_aside(broker: KafkaBroker, topic: str) -> None:
    rows = [row(1), row(2, device_id="d" * 1_100_000), row(3)]
    found = pushed(target(broker, topic), rows)
    assert [(one.rows, one.state) for one in found] == [(1, "delivered"), (1, "set_aside"), (1, "delivered")]
    assert "takes no message as long as this row's" in str(found[1].error)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"topic": "no-such-topic"}, "there is no such topic or event hub"),
        ({"connection_string": "Endpoint=sb://h/;SharedAccessKey=d3Jvbmc="}, "the credentials are not accepted"),
        ({"bootstrap_servers": "127.0.0.1:1"}, "check bootstrap_servers, the network and TLS"),
        ({"options": {"acks": "perhaps"}}, "the Kafka client cannot be set up"),
        (
            {"connection_string": "HostName=h"},
            "connection_string of the push target 'kafka' (***) is IoT Hub's own string",
        ),
    ],
)
def test_what_is_wrong_is_a_sentence_without_the_key_and_no_error(
    changed: dict[str, Any], sentence: str, broker: KafkaBroker
) -> None:
    pusher = target(broker, **{"topic": broker.topic, **changed})
    found = pushed(pusher, [row(1)], seconds=6)
    assert [(one.rows, one.state) for one in found] == [(0, "failed")]
    assert sentence in str(found[0].error)
    assert not [key for key in ("d3Jvbmc", "bG9jYWwta2V5") if key in str(found) + repr(pusher) + str(vars(pusher))]


def test_what_a_broker_that_is_gone_did_not_take_goes_out_when_it_is_back(broker: KafkaBroker, topic: str) -> None:
    pusher, rows = target(broker, topic), [row(number) for number in range(50)]
    broker.stop(kill=True)
    assert [one.state for one in pusher.push(iter(rows), 1)] == ["failed"]
    broker.start()
    assert {one.state for one in pushed(pusher, rows)} == {"delivered"}
    content = [json.loads(one.value()) for one in consumed(broker, topic, 50)]
    assert sorted(float(str(one)) for one in values(content)) == values(rows)
