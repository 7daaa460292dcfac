"""Brokers in trouble: the stream goes on, or ends with a sentence and goes on at its next start; no minute is lost."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from ad_stream.errors import RunError
from ad_stream.pipeline.batch_state import BatchReport
from ad_stream.pipeline.run import Summary
from ad_stream.simulate.event_hubs.stand_in import EventHubsStandIn
from ad_stream.simulate.event_hubs.trouble import Trouble
from ad_stream.simulate.kafka.broker import KafkaBroker
from ad_stream.simulate.ports import free_port
from ad_stream.simulate.send import Event, events, message_files, to_kafka
from tests.brokers.streams import stream
from tests.support.compare import SAME, difference, differences, read


@pytest.fixture
def topic(broker: KafkaBroker, kafka_source: dict[str, Any], request: pytest.FixtureRequest) -> dict[str, Any]:
    """The section `source` of an empty topic of its own."""
    name = f"topic{abs(hash(request.node.name)) % 10**6}"
    broker.create_topic(name, 2)
    return {**kafka_source, "topic": name}


def lived(spark: Any, source: dict[str, Any], folder: Path, *, most: int = 4) -> None:
    """Start the stream anew until it comes to its end, as a supervisor does."""
    said: list[str] = []
    while len(said) < most:
        try:
            stream(spark, source, folder)
        except RunError as error:
            said.append(str(error))
        else:
            return
    raise AssertionError(f"the stream did not come to its end: {said}")


def test_a_broker_that_is_killed_and_comes_back_costs_a_running_stream_nothing(
    spark: Any, broker: KafkaBroker, kafka_source: dict[str, Any], from_files: tuple[Path, Summary], tmp_path: Path
) -> None:
    wanted, by_files = from_files
    back = threading.Thread(target=broker.start)

    def trouble(batch: BatchReport) -> None:
        if not told:
            broker.stop(kill=True)
            back.start()
        told.append(requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text)
        if batch.last is not None and batch.last >= newest(wanted):
            _thread.interrupt_main()

    told: list[str] = []
    port = free_port()
    live = {"trigger": "0 seconds", "metrics": {"port": port}}
    summary = stream(spark, {**kafka_source, "events_per_trigger": 250}, tmp_path, progress=trouble, **live)
    back.join()
    assert summary.batches > 1
    assert f"ad_stream_batches_total {summary.batches}.0" in told[-1]
    assert (summary.events, summary.source_lost) == (by_files.events, 0)
    assert differences(tmp_path / "tables", wanted / "tables", named=False) == SAME


def newest(folder: Path) -> Any:
    return read(folder / "tables", "minutes").minute.max()


LONG = {"slow", "idle", "closed links", "throttled"}
"""Shown in `make soak` only: what they show is shown by their neighbours, too."""


def long_ones_apart(names: Iterable[str]) -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.soak if name in LONG else ()) for name in names]


PLACES: dict[str, Callable[[int, Event], int]] = {
    "idle": lambda number, event: 0,
    "skewed": lambda number, event: int(number % 10 == 0),
}


@pytest.mark.parametrize("place", long_ones_apart(PLACES))
def test_partitions_that_idle_or_hold_little_change_no_verdict(
    place: str,
    spark: Any,
    broker: KafkaBroker,
    topic: dict[str, Any],
    fleet: Path,
    from_files: tuple[Path, Summary],
    tmp_path: Path,
) -> None:
    everything = enumerate(events(message_files(fleet)))
    to_kafka(
        (replace(event, partition=PLACES[place](n, event)) for n, event in everything),
        broker.client(),
        topic=topic["topic"],
    )
    summary = stream(spark, {**topic, "events_per_trigger": 250}, tmp_path)
    assert summary.batches > 1
    for table in ("minutes", "detections"):
        assert difference(read(tmp_path / "tables", table), read(from_files[0] / "tables", table), table).none


@pytest.mark.soak
def test_a_partition_an_hour_behind_is_counted_as_dropped_and_nowhere_else(
    spark: Any,
    broker: KafkaBroker,
    topic: dict[str, Any],
    fleet: Path,
    from_files: tuple[Path, Summary],
    tmp_path: Path,
) -> None:
    messages = list(events(message_files(fleet)))
    ends = max(event.enqueued for event in messages)
    # Beyond what the first partition closes nothing of the second one is sent, so that no minute is open at the end.
    for partition, until in ((0, ends - timedelta(minutes=10)), (1, ends - timedelta(minutes=20))):
        there = [event for event in messages if event.partition == partition and event.enqueued < until]
        to_kafka(there, broker.client(), topic=topic["topic"])
        summary = stream(spark, topic, tmp_path)
    found, wanted = (read(folder / "tables", "minutes") for folder in (tmp_path, from_files[0]))
    first = set(wanted[wanted.device_id == "device-0001"].minute)
    assert summary.dropped_by_watermark > 0
    assert set(found.device_id) == {"device-0001"} and set(found.minute) < first
    told = (
        summary.dropped_by_watermark
        + summary.late
        + sum(summary.quarantined.values())
        + summary.non_telemetry
        + summary.duplicates
    )
    assert summary.minutes_closed == 0 and told >= summary.events


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["kafka", "event_hubs"])
def test_a_lost_checkpoint_goes_on_at_the_newest_minute(
    kind: str, spark: Any, broker: KafkaBroker, stand_in: EventHubsStandIn, topic: dict[str, Any], fleet: Path,
    from_files: tuple[Path, Summary], tmp_path: Path
) -> None:  # fmt: skip
    messages = list(events(message_files(fleet)))
    at = len(messages) // 2
    source = topic if kind == "kafka" else {"kind": kind, "connection_string": stand_in.connection_string}

    def sent(some: list[Event]) -> None:
        if kind == "kafka":
            to_kafka(some, broker.client(), topic=topic["topic"])
        else:
            stand_in.publish(some)

    sent(messages[:at])
    first = stream(spark, source, tmp_path)
    (tmp_path / "checkpoint").rename(tmp_path / "lost")
    sent(messages[at:])
    second = stream(spark, source, tmp_path)
    assert second.query_id != first.query_id
    assert second.events < len(messages) - at // 2
    assert differences(tmp_path / "tables", from_files[0] / "tables", named=False) == SAME


TROUBLES = {
    "cut off": Trouble(after={100: "cut"}),
    "closed links": Trouble(after={100: "close"}),
    "slow": Trouble(seconds_per_event=0.01),
    "throttled": Trouble(busy=2),
}


@pytest.mark.parametrize("trouble", long_ones_apart(TROUBLES))
def test_a_hub_in_trouble_costs_no_event(
    trouble: str, spark: Any, stand_in: EventHubsStandIn, fleet: Path, from_files: tuple[Path, Summary], tmp_path: Path
) -> None:
    stand_in.publish(events(message_files(fleet)))
    for name, value in vars(TROUBLES[trouble]).items():
        setattr(stand_in.trouble, name, copy(value))
    lived(spark, {"kind": "event_hubs", "connection_string": stand_in.connection_string}, tmp_path)
    assert stand_in.trouble.after == {} and stand_in.trouble.busy == 0, "the trouble did not come"
    assert differences(tmp_path / "tables", from_files[0] / "tables", named=False) == SAME


@pytest.mark.soak
def test_a_hub_that_is_restarted_costs_no_event(
    spark: Any, stand_in: EventHubsStandIn, fleet: Path, from_files: tuple[Path, Summary], tmp_path: Path
) -> None:
    stand_in.publish(events(message_files(fleet)))
    stand_in.trouble.seconds_per_event = 0.02

    def again() -> None:
        stand_in.stop()
        stand_in.start()

    restart = threading.Timer(3, again)
    restart.start()
    lived(spark, {"kind": "event_hubs", "connection_string": stand_in.connection_string}, tmp_path)
    restart.join()
    assert differences(tmp_path / "tables", from_files[0] / "tables", named=False) == SAME


def test_a_reader_that_takes_a_partition_away_is_named_and_nothing_is_lost(
    spark: Any, stand_in: EventHubsStandIn, fleet: Path, from_files: tuple[Path, Summary], tmp_path: Path
) -> None:
    from tests.brokers.test_stand_in import Epoch, client, reader

    stand_in.publish(events(message_files(fleet)))
    source = {"kind": "event_hubs", "connection_string": stand_in.connection_string}
    with client(stand_in) as connection:
        reader(connection, "thief", Epoch(5), hub=stand_in.hub.name)
        with pytest.raises(RunError, match=r"another reader .* consumer_group"):
            stream(spark, source, tmp_path)
    stream(spark, source, tmp_path)
    assert differences(tmp_path / "tables", from_files[0] / "tables", named=False) == SAME
