"""What goes over the wire of the Event Hubs stand-in: addresses, tokens, `$management`, filters, events."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from proton import UNDESCRIBED, Array, Data, Message, int32, symbol, timestamp

from ad_stream.errors import InputError
from ad_stream.simulate.event_hubs.store import Hub, Partition, Stored
from ad_stream.times import instant

CBS, MANAGEMENT = "$cbs", "$management"
DATA_SECTION = 0x75
FILTER = re.compile(r"x-opt-(sequence-number|offset|enqueued-time)\s*(>=?)\s*'?(-?\d+|@latest)'?")


@dataclass(frozen=True)
class Address:
    """Where a link leads: a service ($cbs, $management), or a hub, perhaps with consumer group and partition."""

    service: str = ""
    hub: str = ""
    group: str = ""
    partition: str | None = None


def address(text: str | None) -> Address:
    """'iot/ConsumerGroups/$Default/Partitions/0', with or without amqps://host/ before it."""
    path = urlsplit(text or "").path.strip("/") if "://" in (text or "") else (text or "").strip("/")
    if path in (CBS, MANAGEMENT):
        return Address(service=path)
    parts = path.split("/")
    named = {parts[at].lower(): parts[at + 1] for at in range(1, len(parts) - 1, 2)}
    return Address("", parts[0], named.get("consumergroups", "").lower(), named.get("partitions"))


@dataclass(frozen=True)
class SharedAccessToken:
    """Shared access signatures of one key, as the service computes them."""

    key: str
    clock: Callable[[], float] = time.time

    def is_good(self, token: object) -> bool:
        """Whether it was signed with the key and has not expired."""
        fields = dict(part.partition("=")[::2] for part in str(token).removeprefix("SharedAccessSignature ").split("&"))
        signed = f"{fields.get('sr')}\n{fields.get('se')}".encode()
        wanted = base64.b64encode(hmac.new(self.key.encode(), signed, hashlib.sha256).digest()).decode()
        expires = fields.get("se", "")
        return (
            hmac.compare_digest(unquote(fields.get("sig", "")), wanted)
            and expires.isdigit()
            and int(expires) > self.clock()
        )

    @staticmethod
    def reply(good: bool) -> Message:
        """The answer of `$cbs`."""
        return _reply(202, "Accepted") if good else _reply(401, "InvalidSignature: The token has an invalid signature.")


def answer(hub: Hub, asked: Mapping[str, Any]) -> Message:
    """The answer of `$management` to READ of the hub or of one of its partitions."""
    partition = str(asked.get("partition", ""))
    if str(asked.get("name")).lower() != hub.name.lower():
        return _reply(404, f"The messaging entity '{asked.get('name')}' could not be found.", "amqp:not-found")
    if asked.get("type") == "com.microsoft:eventhub":
        return _reply(200, "OK", body=_of_hub(hub))
    if partition.isdigit() and int(partition) < len(hub.partitions):
        return _reply(200, "OK", body=_of_partition(hub, int(partition)))
    return _reply(400, f"There is no {asked.get('type')} {partition!r}.", "amqp:invalid-field")


def first_wanted(filters: Data, partition: Partition) -> int:
    """The sequence number with which a reader begins that asks with these filters."""
    found = FILTER.search(_text(filters))
    if found is None:
        return partition.first
    name, operator, value = found.groups()
    if value == "@latest":
        return partition.next
    least = int(value) + (operator == ">")
    measure = {"sequence-number": "sequence", "offset": "offset", "enqueued-time": "enqueued_ms"}[name]
    at = (event.sequence for event in partition.events if getattr(event, measure) >= least)
    return next(at, partition.next)


def wire(event: Stored) -> Message:
    """An event as a reader gets it; times of IoT Hub are timestamps, its other properties text."""
    annotations: dict[Any, Any] = {
        symbol("x-opt-sequence-number"): event.sequence,
        symbol("x-opt-offset"): str(event.offset),
        symbol("x-opt-enqueued-time"): timestamp(event.enqueued_ms),
    }
    for name, value in event.system.items():
        if name != "message-id":
            annotations[symbol(name)] = _time_or_text(name, value)
    return Message(
        body=event.body,
        inferred=True,
        id=event.system.get("message-id"),
        properties=dict(event.properties) or None,
        annotations=annotations,
    )


def received(raw: bytes) -> Iterator[tuple[bytes, Mapping[str, Any], Mapping[str, str]]]:
    """Body, application properties and system properties of each event in what a client sent, one or a batch.

    A batch (message format 0x80013700) is a message whose data sections each hold a whole message.
    """
    inner = [data for descriptor, data in _sections(raw) if descriptor == DATA_SECTION]
    if inner and all(data[:2] in (b"\x00\x53", b"\x00\x80") for data in inner):
        for data in inner:
            yield from received(data)
        return
    message = Message()
    message.decode(raw)
    system = {
        str(name): str(value) for name, value in (message.annotations or {}).items() if str(name).startswith("iothub-")
    }
    if message.id is not None:
        system["message-id"] = str(message.id)
    body = message.body if isinstance(message.body, (bytes, memoryview)) else str(message.body).encode()
    yield bytes(body), {str(name): value for name, value in (message.properties or {}).items()}, system


def _sections(raw: bytes) -> Iterator[tuple[int, Any]]:
    while raw:
        data = Data()
        length = data.decode(raw)
        data.rewind()
        data.next()
        section = data.get_object()
        # A view of memory that ends with `data`.
        yield int(section.descriptor), bytes(section.value) if isinstance(section.value, memoryview) else section.value
        raw = raw[length:]


def _text(filters: Data) -> str:
    filters.rewind()
    return str(filters.get_object()) if filters.next() else ""


def _time_or_text(name: str, value: str) -> Any:
    if name != "iothub-enqueuedtime":
        return value
    try:
        return timestamp(round(instant(value).timestamp() * 1000))
    except InputError:
        return value


def _reply(status: int, description: str, condition: str = "", body: Any = None) -> Message:
    properties: dict[str, Any] = {"status-code": int32(status), "status-description": description}
    if condition:
        properties["error-condition"] = symbol(condition)
    return Message(properties=properties, body=body)


def _of_hub(hub: Hub) -> dict[str, Any]:
    ids = [str(number) for number in range(len(hub.partitions))]
    return {
        "type": "com.microsoft:eventhub",
        "name": hub.name,
        "created_at": timestamp(round(hub.created.timestamp() * 1000)),
        "partition_count": int32(len(ids)),
        "partition_ids": Array(UNDESCRIBED, Data.STRING, *ids),
    }


def _of_partition(hub: Hub, number: int) -> dict[str, Any]:
    with hub.lock:
        partition = hub.partitions[number]
        newest = partition.events[-1] if partition.events else None
        return {
            "type": "com.microsoft:partition",
            "name": hub.name,
            "partition": str(number),
            "begin_sequence_number": partition.first,
            "last_enqueued_sequence_number": partition.next - 1,
            "last_enqueued_offset": str(newest.offset) if newest else "-1",
            "last_enqueued_time_utc": timestamp(newest.enqueued_ms if newest else 0),
            "is_partition_empty": newest is None,
        }
