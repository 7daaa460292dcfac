"""Azure's own Python client, azure-eventhub, as it comes, against the Event Hubs stand-in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

pytest.importorskip("proton", reason="the package python-qpid-proton is missing")
pytest.importorskip("cryptography", reason="the package cryptography is missing")

from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.exceptions import AuthenticationError, EventHubError

from ad_stream.simulate.event_hubs.stand_in import EventHubsStandIn
from ad_stream.simulate.send import Event

SECONDS = 30
AT = datetime(2026, 11, 1, 6, tzinfo=timezone.utc)


def settings(own_hub: EventHubsStandIn) -> dict[str, Any]:
    return {
        "conn_str": own_hub.connection_string,
        "connection_verify": str(own_hub.certificate.certificate),
        "retry_total": 0,
    }


def consumer(own_hub: EventHubsStandIn) -> EventHubConsumerClient:
    return EventHubConsumerClient.from_connection_string(consumer_group="$Default", **settings(own_hub))


def sent(own_hub: EventHubsStandIn, *bodies: bytes, partition: str = "1") -> None:
    with EventHubProducerClient.from_connection_string(**settings(own_hub)) as producer:
        batch = producer.create_batch(partition_id=partition)
        for body in bodies:
            one = EventData(body)
            one.properties = {"site": "north"}
            batch.add(one)
        producer.send_batch(batch)


def read(
    client: EventHubConsumerClient, enough: int, on_error: Callable[[Any, Exception], None] | None = None, **how: Any
) -> list[Any]:
    """The first so many events of partition 1; fewer after an error or half a minute."""
    found: list[Any] = []
    done = threading.Event()

    def on_event(_: Any, event: Any) -> None:
        found.append(event)
        if len(found) >= enough:
            done.set()

    def failed(context: Any, error: Exception) -> None:
        if on_error is not None:
            on_error(context, error)
        done.set()

    with client:
        work = {"on_event": on_event, "on_error": failed, "partition_id": "1", "starting_position": "-1", **how}
        threading.Thread(target=client.receive, kwargs=work, daemon=True).start()
        done.wait(SECONDS)
    return found[:enough]


def test_it_learns_what_the_hub_holds(own_hub: EventHubsStandIn) -> None:
    own_hub.publish(Event(1, AT, b"%d" % number, {}, {}) for number in range(3))
    with consumer(own_hub) as client:
        hub, partition = client.get_eventhub_properties(), client.get_partition_properties("1")
    assert (hub["eventhub_name"], hub["partition_ids"]) == ("iot", ["0", "1"])
    assert (
        partition["beginning_sequence_number"],
        partition["last_enqueued_sequence_number"],
        partition["is_empty"],
    ) == (0, 2, False)


def test_what_it_sends_it_reads(own_hub: EventHubsStandIn) -> None:
    bodies = [b'{"temperature": 20.5}', b"\xff\x00", b"x" * 900_000]
    sent(own_hub, *bodies[:2])
    sent(own_hub, bodies[2])
    found = read(consumer(own_hub), 3)
    assert [b"".join(event.body) for event in found] == bodies
    assert [(event.sequence_number, event.properties[b"site"]) for event in found] == [(n, b"north") for n in range(3)]


@pytest.mark.parametrize(
    ("position", "more", "first"),
    [("-1", {}, 0), (4, {}, 5), (4, {"starting_position_inclusive": True}, 4), (AT.replace(minute=3), {}, 4)],
)
def test_it_begins_where_it_is_told(position: Any, more: dict[str, Any], first: int, own_hub: EventHubsStandIn) -> None:
    system = {"iothub-connection-device-id": "dev-1"}
    own_hub.publish(Event(1, AT.replace(minute=number), b"%d" % number, {}, system) for number in range(8))
    (event,) = read(consumer(own_hub), 1, starting_position=position, **more)
    assert (event.body_as_str(), event.enqueued_time) == (str(first), AT.replace(minute=first))
    assert event.system_properties[b"iothub-connection-device-id"] in (b"dev-1", "dev-1")


def test_a_reader_with_a_higher_owner_level_takes_its_partition(own_hub: EventHubsStandIn) -> None:
    sent(own_hub, b"1")
    lost: list[Exception] = []
    began, ended = threading.Event(), threading.Event()
    first = consumer(own_hub)

    def failed(_: Any, error: Exception) -> None:
        lost.append(error)
        ended.set()

    work = {
        "on_event": lambda *_: began.set(),
        "on_error": failed,
        "partition_id": "1",
        "starting_position": "-1",
        "owner_level": 1,
    }
    with first:
        threading.Thread(target=first.receive, kwargs=work, daemon=True).start()
        assert began.wait(SECONDS)
        assert len(read(consumer(own_hub), 1, owner_level=2)) == 1
        assert ended.wait(SECONDS)
    assert "amqp:link:stolen" in str(lost[0])


def test_a_wrong_key_is_refused(own_hub: EventHubsStandIn) -> None:
    wrong = {
        **settings(own_hub),
        "conn_str": own_hub.connection_string.replace("SharedAccessKey=", "SharedAccessKey=d3Jvbmc"),
    }
    producer = EventHubProducerClient.from_connection_string(**wrong)
    with producer, pytest.raises((AuthenticationError, EventHubError), match="(?i)unauthorized|authenticat|token"):
        producer.get_eventhub_properties()
