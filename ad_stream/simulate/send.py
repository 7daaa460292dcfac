"""Replays envelope files into a broker, so that its readers see what a reader of the files sees.

Bodies, partitions, order and enqueued times are carried over; where the topic was empty, so are sequence numbers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ad_stream.errors import InputError, RunError, SetupError
from ad_stream.simulate.envelope import epoch_ms
from ad_stream.times import instant

ENQUEUED = "iothub-enqueuedtime"
# Retries must not change the order; the broker's own start is no news.
PRODUCER = {"enable.idempotence": "true", "linger.ms": "20", "log_level": "3"}


@dataclass(frozen=True)
class Event:
    """One message as the hub holds it; system: IoT Hub's properties and message-id."""

    partition: int
    enqueued: datetime
    body: bytes
    properties: Mapping[str, str]
    system: Mapping[str, str]


Progress = Callable[[int], None]
"""Called with the number of events sent so far."""


def events(files: Iterable[Path]) -> Iterator[Event]:
    """The events of envelope files in the order given; InputError names the file and line that cannot be read."""
    for path in files:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                yield _event(line, f"{path}, line {number}")


def message_files(folder: Path) -> Sequence[Path]:
    """The envelope files that `ad_stream.simulate` wrote into a folder, in the order of their content."""
    found = sorted(folder.glob("*.jsonl"))
    if not found:
        raise InputError(f"{folder} holds no message files (*.jsonl): write some with 'ad-stream simulate {folder}'")
    return found


def to_kafka(
    what: Iterable[Event], client: Mapping[str, str], *, topic: str, seconds: float = 60, progress: Progress | None = None
) -> int:  # fmt: skip
    """Send to a topic that has the partitions; -> how many were sent.

    client: settings of confluent-kafka. Headers are AMQP-encoded as those of IoT Hub's routing are. RunError if the
    broker has not taken everything `seconds` after the last one.
    """
    try:
        from confluent_kafka import Producer
    except ImportError:
        raise SetupError("the package confluent-kafka is missing: pip install 'ad-stream[simulate-kafka]'") from None
    refused: list[str] = []
    producer = Producer({**PRODUCER, **client})
    sent = 0
    for sent, event in enumerate(what, start=1):
        while not _queued(producer, topic, event, lambda error, _: refused.append(str(error)) if error else None):
            producer.poll(0.5)
        producer.poll(0)
        if progress is not None and sent % 1000 == 0:
            progress(sent)
    left = producer.flush(seconds)
    if left or refused:
        cause = refused[0] if refused else f"no answer within {seconds:g} seconds"
        raise RunError(
            f"{left + len(refused)} of {sent} messages did not reach the topic {topic!r} ({cause}): check the broker"
        )
    return sent


def amqp_headers(event: Event) -> list[tuple[str, bytes]]:
    """The headers of a Kafka record, encoded as AMQP string and timestamp (AMQP 1.0, part 1, section 1.6).

    A hub time that is none goes as the text that it is.
    """
    texts = {**event.properties, **event.system}
    return [
        (name, (_timestamp(value) if name == ENQUEUED else None) or _string(value)) for name, value in texts.items()
    ]


def _event(line: str, where: str) -> Event:
    try:
        content = json.loads(line)
        return Event(
            partition=int(content["partition"]),
            enqueued=instant(content["enqueuedTime"]),
            body=base64.b64decode(content["body"], validate=True),
            properties=content.get("properties") or {},
            system=content.get("systemProperties") or {},
        )
    except (ValueError, KeyError, TypeError, AttributeError, InputError) as error:
        raise InputError(
            f"{where} is no message ({type(error).__name__}: {error}): leave it out, a broker cannot hold it"
        ) from None


def _queued(producer: object, topic: str, event: Event, told: Callable[[object, object], None]) -> bool:
    try:
        producer.produce(  # type: ignore[attr-defined]
            topic,
            event.body,
            key=event.system.get("iothub-connection-device-id"),
            partition=event.partition,
            timestamp=epoch_ms(event.enqueued),
            headers=amqp_headers(event),
            on_delivery=told,
        )
    except BufferError:
        return False
    return True


def _string(text: str) -> bytes:
    data = text.encode()
    return b"\xa1" + bytes([len(data)]) + data if len(data) < 256 else b"\xb1" + len(data).to_bytes(4, "big") + data


def _timestamp(text: str) -> bytes | None:
    try:
        return b"\x83" + epoch_ms(instant(text)).to_bytes(8, "big", signed=True)
    except InputError:
        return None
