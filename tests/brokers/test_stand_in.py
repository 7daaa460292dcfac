"""What the Event Hubs stand-in answers, at the level of its messages and over the wire to an AMQP client."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

proton = pytest.importorskip("proton", reason="the package python-qpid-proton is missing")
pytest.importorskip("cryptography", reason="the package cryptography is missing")

from proton import Described, Message, SSLDomain, symbol, ulong  # noqa: E402
from proton.reactor import Filter, LinkOption  # noqa: E402
from proton.utils import BlockingConnection, LinkDetached  # noqa: E402

from ad_stream.errors import SetupError  # noqa: E402
from ad_stream.simulate.event_hubs.messages import SharedAccessToken, address, answer, received, wire  # noqa: E402
from ad_stream.simulate.event_hubs.stand_in import EventHubsStandIn  # noqa: E402
from ad_stream.simulate.event_hubs.store import Hub  # noqa: E402
from ad_stream.simulate.send import Event  # noqa: E402

KEY = "bG9jYWwta2V5"
NOW = datetime(2026, 11, 1, 6, tzinfo=timezone.utc)
SELECTOR = "apache.org:selector-filter:string"


def event(number: int, *, partition: int = 0) -> Event:
    at = datetime(2026, 11, 1, 6, number, tzinfo=timezone.utc)
    system = {"iothub-connection-device-id": "dev-1", "iothub-enqueuedtime": at.isoformat(), "message-id": f"m{number}"}
    return Event(partition, at, b"%d" % number, {"site": "north"}, system)


def signed(key: str, expires: int, resource: str = "amqp://localhost/iot") -> str:
    """A token as the service's documentation builds it."""
    where = quote(resource, safe="")
    signature = hmac.new(key.encode(), f"{where}\n{expires}".encode(), hashlib.sha256).digest()
    return f"SharedAccessSignature sr={where}&sig={quote(base64.b64encode(signature), safe='')}&se={expires}&skn=local"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("$cbs", ("$cbs", "", "", None)),
        ("iot/ConsumerGroups/$Default/Partitions/3", ("", "iot", "$default", "3")),
        ("amqps://localhost/iot/ConsumerGroups/late/Partitions/0", ("", "iot", "late", "0")),
        ("iot", ("", "iot", "", None)),
        ("iot/Partitions/1", ("", "iot", "", "1")),
    ],
)
def test_an_address_names_service_hub_group_and_partition(text: str, read: tuple[Any, ...]) -> None:
    found = address(text)
    assert (found.service, found.hub, found.group, found.partition) == read


def test_only_a_token_of_the_key_that_has_not_expired_is_good() -> None:
    token = SharedAccessToken(KEY, clock=lambda: 1000.0)
    assert token.is_good(signed(KEY, 1001))
    assert not token.is_good(signed(KEY, 999))
    assert not token.is_good(signed("other", 1001))
    assert not token.is_good(signed(KEY, 1001).replace("se=1001", "se=2000"))
    assert not token.is_good(None)


def test_management_tells_hub_and_partition_and_refuses_others() -> None:
    hub = Hub("iot", 2, now=lambda: NOW)
    hub.extend([event(1), event(2), event(3)])
    hub.forget(0, 1)
    of_hub = answer(hub, {"name": "iot", "type": "com.microsoft:eventhub"})
    assert (of_hub.body["partition_count"], list(of_hub.body["partition_ids"].elements)) == (2, ["0", "1"])
    first = answer(hub, {"name": "iot", "type": "com.microsoft:partition", "partition": "0"}).body
    assert (first["begin_sequence_number"], first["last_enqueued_sequence_number"], first["is_partition_empty"]) == (
        1,
        2,
        False,
    )
    empty = answer(hub, {"name": "iot", "type": "com.microsoft:partition", "partition": "1"}).body
    assert (empty["last_enqueued_sequence_number"], empty["is_partition_empty"]) == (-1, True)
    assert answer(hub, {"name": "other", "type": "com.microsoft:eventhub"}).properties["status-code"] == 404
    assert (
        answer(hub, {"name": "iot", "type": "com.microsoft:partition", "partition": "2"}).properties["status-code"]
        == 400
    )


def test_a_batch_holds_each_of_its_events() -> None:
    inner = [Message(body=b"%d" % number, inferred=True, properties={"n": number}).encode() for number in range(3)]
    sections = b"".join(b"\x00\x53\x75\xb0" + len(one).to_bytes(4, "big") + bytes(one) for one in inner)
    assert [(body, properties["n"]) for body, properties, _ in received(sections)] == [(b"0", 0), (b"1", 1), (b"2", 2)]


def test_what_was_sent_comes_back_with_its_properties() -> None:
    hub = Hub("iot", 1)
    hub.extend([event(5)])
    (body, properties, system) = next(received(bytes(wire(hub.partitions[0].events[0]).encode())))
    assert (body, properties["site"], system["message-id"]) == (b"5", "north", "m5")
    assert system["iothub-connection-device-id"] == "dev-1"


@contextmanager
def client(stand_in: EventHubsStandIn, *, key: str = KEY) -> Iterator[BlockingConnection]:
    """A connection that has shown its token, as the SDKs do it."""
    trusted = SSLDomain(SSLDomain.MODE_CLIENT)
    trusted.set_trusted_ca_db(str(stand_in.certificate.certificate))
    trusted.set_peer_authentication(SSLDomain.VERIFY_PEER_NAME)
    connection = BlockingConnection("amqps://localhost:5671", ssl_domain=trusted, timeout=20)
    try:
        replies = connection.create_receiver("$cbs", name="cbs-replies", options=ReplyTo("cbs"))
        request = Message(
            id="1", reply_to="cbs", body=signed(key, 4_000_000_000), properties={"operation": "put-token"}
        )
        connection.create_sender("$cbs", name="cbs").send(request)
        replies.receive(timeout=20)
        replies.accept()
        yield connection
    finally:
        connection.close()


class ReplyTo(LinkOption):
    """Names the target of a receiving link, to which answers go."""

    def __init__(self, name: str) -> None:
        self.name = name

    def apply(self, link: Any) -> None:
        link.target.address = self.name


class Epoch(LinkOption):
    """The epoch of a reader."""

    def __init__(self, number: int) -> None:
        self.number = number

    def apply(self, link: Any) -> None:
        link.properties = {symbol("com.microsoft:epoch"): self.number}


def reader(
    connection: BlockingConnection, name: str, *options: LinkOption, partition: int = 0, hub: str = "iot"
) -> Any:
    where = f"{hub}/ConsumerGroups/$Default/Partitions/{partition}"
    return connection.create_receiver(where, credit=100, name=name, options=list(options))


def body(receiver: Any) -> bytes:
    """The next event's body, copied while its message lives."""
    message = receiver.receive(timeout=20)
    return bytes(message.body)


def selector(text: str) -> Filter:
    return Filter({symbol(SELECTOR): Described(symbol(SELECTOR), text)})


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("amqp.annotation.x-opt-sequence-number > '4'", 5),
        ("amqp.annotation.x-opt-sequence-number >= '4'", 4),
        ("amqp.annotation.x-opt-offset > '-1'", 0),
        ("amqp.annotation.x-opt-offset > '65'", 2),
        (f"amqp.annotation.x-opt-enqueued-time >= '{round(event(3).enqueued.timestamp() * 1000)}'", 3),
    ],
)
def test_a_reader_begins_where_its_selector_says(asked: str, first: int, own_hub: EventHubsStandIn) -> None:
    own_hub.publish(event(number) for number in range(8))
    with client(own_hub) as connection:
        message = reader(connection, "r", selector(asked)).receive(timeout=20)
        assert message.annotations[symbol("x-opt-sequence-number")] == first
        assert bytes(message.body) == b"%d" % first


def test_a_reader_waits_for_what_is_published_later(own_hub: EventHubsStandIn) -> None:
    own_hub.publish([event(1)])
    with client(own_hub) as connection:
        waiting = reader(connection, "r", selector("amqp.annotation.x-opt-offset > '@latest'"))
        own_hub.publish([event(2)])
        assert body(waiting) == b"2"


def test_a_higher_epoch_takes_the_partition_and_a_lower_one_is_refused(own_hub: EventHubsStandIn) -> None:
    with client(own_hub) as one, client(own_hub) as other:
        old = reader(one, "old", Epoch(1))
        reader(other, "new", Epoch(2))
        with pytest.raises(LinkDetached, match="stolen"):
            old.receive(timeout=20)
        with pytest.raises(LinkDetached, match="higher epoch '2'"):
            reader(one, "late", Epoch(1)).receive(timeout=20)
        reader(one, "beside", Epoch(0), partition=1)


def test_a_wrong_key_opens_no_reader(own_hub: EventHubsStandIn) -> None:
    with client(own_hub, key="wrong") as connection, pytest.raises(LinkDetached, match="unauthorized-access"):
        reader(connection, "r").receive(timeout=20)


def test_a_sender_without_a_partition_fills_them_in_turn(own_hub: EventHubsStandIn) -> None:
    with client(own_hub) as connection:
        sender = connection.create_sender("iot", name="s")
        for number in range(4):
            sender.send(Message(body=b"%d" % number, inferred=True, id=ulong(number)))
        found = reader(connection, "r", partition=1)
        assert [body(found) for _ in range(2)] == [b"1", b"3"]


def test_a_second_stand_in_says_that_the_port_is_taken(own_hub: EventHubsStandIn, certified: Path) -> None:
    with pytest.raises(SetupError, match="cannot listen on port 5671 .*: end what listens there"):
        EventHubsStandIn(certified).start()
