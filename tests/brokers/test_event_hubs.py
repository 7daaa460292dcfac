"""The event_hubs source: the real connector and its AMQP client against the stand-in on port 5671."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ad_stream.errors import AdStreamError, ConfigError, SetupError
from ad_stream.pipeline.operation.progress import behind
from ad_stream.simulate.event_hubs.stand_in import EventHubsStandIn
from ad_stream.sources import registry
from tests.brokers.streams import drained, event, looked_at, settings_of


def source(stand_in: EventHubsStandIn, **more: Any) -> dict[str, Any]:
    return {"kind": "event_hubs", "connection_string": stand_in.connection_string, **more}


def test_every_column_of_an_event_comes_through(spark: Any, stand_in: EventHubsStandIn, tmp_path: Path) -> None:
    stand_in.publish([event(5, partition=1)])
    (found,), _ = drained(spark, source(stand_in), tmp_path)
    at = datetime(2026, 11, 1, 6, 5, 30, 250_000, timezone.utc)
    assert found.asDict() == {
        "body": bytearray(b'{"t": 5}'), "enqueued_time": found.enqueued_time, "ms": round(at.timestamp() * 1000),
        "device_id": "dev-1", "message_id": "m5", "message_source": "Telemetry", "source": stand_in.hub.name,
        "partition": "1", "sequence": 0,
    }  # fmt: skip


def test_a_stream_may_begin_at_a_time_and_goes_on_where_it_stopped(
    spark: Any, stand_in: EventHubsStandIn, tmp_path: Path
) -> None:
    stand_in.publish([event(number) for number in range(10)])
    at = datetime(2026, 11, 1, 6, 4, tzinfo=timezone.utc)
    found, _ = drained(spark, source(stand_in), tmp_path, start=at)
    assert [one.sequence for one in found] == [4, 5, 6, 7, 8, 9]
    stand_in.publish([event(10), event(11)])
    found, _ = drained(spark, source(stand_in), tmp_path)
    assert [one.sequence for one in found] == [10, 11]


def test_events_that_retention_removed_are_counted_as_lost(
    spark: Any, stand_in: EventHubsStandIn, tmp_path: Path
) -> None:
    stand_in.publish([event(number) for number in range(4)])
    drained(spark, source(stand_in), tmp_path)
    stand_in.publish([event(number) for number in range(4, 10)])
    stand_in.hub.forget(0, 7)
    found, batches = drained(spark, source(stand_in), tmp_path)
    assert [one.sequence for one in found] == [7, 8, 9]
    assert sum(batch["source_lost"] for batch in batches) == 3


def test_the_lag_is_what_the_hub_holds_beyond_a_batch(spark: Any, stand_in: EventHubsStandIn, tmp_path: Path) -> None:
    stand_in.publish([event(number) for number in range(4)] + [event(5, partition=1)])
    settings = settings_of(source(stand_in))
    newest = partial(registry.reader_of(settings).newest, spark, settings)
    _, batches = drained(spark, source(stand_in), tmp_path)
    assert newest() == {"0": 4, "1": 1}
    stand_in.publish([event(number, partition=1) for number in range(6, 9)])
    assert behind(batches[-1]["offsets"], newest() or {}) == 3


def test_the_connector_writes_what_it_reads(spark: Any, stand_in: EventHubsStandIn, tmp_path: Path) -> None:
    encrypted = spark._jvm.org.apache.spark.eventhubs.EventHubsUtils.encrypt(stand_in.connection_string)
    frame = spark.createDataFrame([("1", f'{{"t": {number}}}') for number in range(5)], "partition string, body string")
    frame.write.format("eventhubs").option("eventhubs.connectionString", encrypted).save()
    found, _ = drained(spark, source(stand_in), tmp_path)
    assert sorted(bytes(one.body) for one in found) == [b'{"t": %d}' % number for number in range(5)]
    assert {one.partition for one in found} == {"1"}


@pytest.mark.parametrize(
    ("old", "new", "kind", "sentence"),
    [
        (
            "SharedAccessKey=",
            "SharedAccessKey=d3Jvbmc",
            ConfigError,
            "localhost refused the connection string: check key",
        ),
        ("EntityPath=", "EntityPath=other", ConfigError, "there is no event hub 'otherhub.*' on localhost"),
        (";EntityPath=", ";Other=", ConfigError, "names no event hub: add ;EntityPath="),
        ("localhost", "no-such-host.invalid", SetupError, "does not answer: check the name, the network or firewall"),
    ],
)
def test_what_is_wrong_is_said_without_the_key_and_without_a_stream(
    old: str, new: str, kind: type[AdStreamError], sentence: str, spark: Any, stand_in: EventHubsStandIn
) -> None:
    wrong = stand_in.connection_string.replace(old, new)
    with pytest.raises(kind, match=sentence) as caught:
        looked_at(spark, {"kind": "event_hubs", "connection_string": wrong})
    assert caught.value.exit_code == 2
    assert "bG9jYWwta2V5" not in f"{caught.value} {caught.value.__cause__}"


def test_the_plan_does_not_show_the_key(spark: Any, stand_in: EventHubsStandIn) -> None:
    events = registry.read(spark, settings_of(source(stand_in)), None)
    plan = events._jdf.queryExecution().toString()
    assert "eventhubs" in plan
    assert "bG9jYWwta2V5" not in plan
