"""The corpus of hostile messages through Kafka and Event Hubs: good minutes all judged, every message accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ad_stream.simulate.devices.hostile import Hostile, hostile
from ad_stream.simulate.event_hubs.stand_in import EventHubsStandIn
from ad_stream.simulate.kafka.broker import KafkaBroker
from ad_stream.simulate.send import Event, to_kafka
from ad_stream.sources.contract import HEARTBEAT
from tests.brokers.streams import stream
from tests.support.compare import read
from tests.support.corpus import LIMITS, MESSAGES, settings, unaccounted

pytestmark = pytest.mark.soak

MINUTES, GOOD, BAD = 45, 0, 1
"""Minutes of good telemetry; its partition, and that of the corpus."""
AHEAD = timedelta(minutes=50)
"""Of the heartbeat that ends the input: what has no time that is believed waits until the stream has come to its reading."""


@pytest.fixture(scope="module")
def corpus() -> list[Hostile]:
    return [one.on_a_broker() for one in hostile(7, MESSAGES, LIMITS)]


@pytest.fixture(scope="module")
def begin() -> datetime:
    return datetime.now(timezone.utc).replace(second=0, microsecond=0) - timedelta(hours=2)


def good(begin: datetime, minute: int) -> Event:
    at = begin + timedelta(minutes=minute, seconds=30)
    return Event(GOOD, at, b'{"t": 1.5}', {}, {"iothub-connection-device-id": "good", "message-id": f"g{minute}"})


def messages(corpus: Sequence[Hostile], begin: datetime) -> list[Event]:
    """Good and bad, in the order of time; the last one closes every minute."""
    step = timedelta(minutes=MINUTES) / len(corpus)
    bad = [one.event(begin + k * step, BAD, k) for k, one in enumerate(corpus)]
    both = sorted([*bad, *(good(begin, k) for k in range(MINUTES))], key=lambda event: event.enqueued)
    end = datetime.now(timezone.utc) + AHEAD
    return [*both, Event(GOOD, end, b"-", {}, {"iothub-message-source": HEARTBEAT})]


def check(folder: Path, corpus: Sequence[Hostile], begin: datetime, summary: Any) -> None:
    minutes, detections = (read(folder / "tables", table) for table in ("minutes", "detections"))
    judged = detections[detections.device_id == "good"].minute.dt.tz_localize(None)
    assert sorted(judged) == [(begin + timedelta(minutes=k)).replace(tzinfo=None) for k in range(MINUTES)]
    assert (summary.dropped_by_watermark, summary.set_aside, summary.source_lost) == (0, 0, 0)
    devices = set(minutes.device_id) | set(read(folder / "tables", "late").device_id)
    wrong = unaccounted(corpus, read(folder / "tables", "quarantine"), devices, str(BAD))
    assert not wrong, (Counter(kind for kind, *_ in wrong), wrong[:10])


def test_hostile_messages_through_kafka_are_all_accounted_for(
    spark: Any,
    broker: KafkaBroker,
    kafka_source: dict[str, Any],
    corpus: list[Hostile],
    begin: datetime,
    tmp_path: Path,
) -> None:
    broker.create_topic("hostile", 2)
    to_kafka(messages(corpus, begin), broker.client(), topic="hostile")
    source = {**kafka_source, "topic": "hostile", "events_per_trigger": 800}
    summary = stream(spark, source, tmp_path, telemetry=settings())
    assert summary.batches > 1
    check(tmp_path, corpus, begin, summary)


def test_hostile_messages_through_event_hubs_are_all_accounted_for(
    spark: Any, stand_in: EventHubsStandIn, corpus: list[Hostile], begin: datetime, tmp_path: Path
) -> None:
    first, second = messages(corpus, begin)[: len(corpus) // 2], messages(corpus, begin)[len(corpus) // 2 :]
    source = {"kind": "event_hubs", "connection_string": stand_in.connection_string}
    stand_in.publish(first)  # with available_now the connector reads all there is in one batch
    begun = stream(spark, source, tmp_path, telemetry=settings())
    stand_in.publish(second)
    ended = stream(spark, source, tmp_path, telemetry=settings())
    assert begun.batches > 0 and (begun.dropped_by_watermark, begun.set_aside) == (0, 0)
    check(tmp_path, corpus, begin, ended)
