"""The same fleet through each source gives the same tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ad_stream.pipeline.run import Summary
from ad_stream.simulate.event_hubs.stand_in import EventHubsStandIn
from ad_stream.simulate.kafka.broker import KafkaBroker
from ad_stream.simulate.send import events, message_files
from tests.brokers.streams import stream
from tests.support.compare import SAME, differences


def test_kafka_gives_the_tables_that_the_files_give(
    spark: Any, broker: KafkaBroker, from_files: tuple[Path, Summary], kafka_source: dict[str, Any], tmp_path: Path
) -> None:
    wanted, by_files = from_files
    by_kafka = stream(spark, {**kafka_source, "events_per_trigger": 250}, tmp_path)
    assert by_kafka.batches > 1
    assert by_kafka.events == by_files.events > 250
    assert by_kafka.scored == by_files.scored > 0
    assert min(by_kafka.late, len(by_kafka.quarantined)) > 0
    assert differences(tmp_path / "tables", wanted / "tables", named=False) == SAME


def test_the_event_hubs_connector_gives_the_tables_that_the_files_give(
    spark: Any, stand_in: EventHubsStandIn, fleet: Path, from_files: tuple[Path, Summary], tmp_path: Path
) -> None:
    wanted, by_files = from_files
    stand_in.publish(events(message_files(fleet)))
    # The connector by itself would take the first 250 for all there is.
    source = {"kind": "event_hubs", "connection_string": stand_in.connection_string, "events_per_trigger": 250}
    by_hub = stream(spark, source, tmp_path)
    assert (by_hub.events, by_hub.source_lost, by_hub.lag) == (by_files.events, 0, 0)
    assert differences(tmp_path / "tables", wanted / "tables", named=False) == SAME
