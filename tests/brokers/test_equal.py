"""The same fleet through each source gives the same tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ad_stream.config import parse
from ad_stream.pipeline.run import Summary, run
from ad_stream.simulate.event_hubs import EventHubsStandIn
from ad_stream.simulate.kafka_broker import KafkaBroker
from ad_stream.simulate.send import events, message_files
from tests.compare import KEYS, Difference, difference, read

SAME = dict.fromkeys(KEYS, Difference(lost=0, doubled=0, wrong=0, extra=0))


def stream(spark: Any, source: dict[str, Any], folder: Path) -> Summary:
    """The fleet's messages from `source` into `folder`/tables, to their end."""
    content = {
        "source": source,
        "telemetry": {"event_time": "time"},
        "tables": {"path": str(folder / "tables")},
        "checkpoint": str(folder / "checkpoint"),
        "trigger": "available_now",
    }
    return run(parse(content), spark=spark)


def compared(found: Path, wanted: Path) -> dict[str, Difference]:
    """Every table, but for the column that names the hub, topic or folder."""
    return {table: difference(nameless(found, table), nameless(wanted, table), table) for table in KEYS}


def nameless(folder: Path, table: str) -> pd.DataFrame:
    frame = read(folder / "tables", table)
    return frame.assign(source="") if "source" in frame else frame


@pytest.fixture(scope="module")
def from_files(spark: Any, fleet: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    folder = tmp_path_factory.mktemp("files")
    return folder, stream(spark, {"kind": "files", "path": str(fleet)}, folder)


def test_kafka_gives_the_tables_that_the_files_give(
    spark: Any, broker: KafkaBroker, from_files: tuple[Path, Summary], kafka_source: dict[str, Any], tmp_path: Path
) -> None:
    wanted, by_files = from_files
    by_kafka = stream(spark, {**kafka_source, "events_per_trigger": 250}, tmp_path)
    assert by_kafka.batches > 1
    assert by_kafka.events == by_files.events > 250
    assert by_kafka.scored == by_files.scored > 0
    assert min(by_kafka.late, len(by_kafka.quarantined)) > 0
    assert compared(tmp_path, wanted) == SAME


def test_the_event_hubs_connector_gives_the_tables_that_the_files_give(
    spark: Any, stand_in: EventHubsStandIn, fleet: Path, from_files: tuple[Path, Summary], tmp_path: Path
) -> None:
    wanted, by_files = from_files
    stand_in.publish(events(message_files(fleet)))
    # The connector by itself would take the first 250 for all there is.
    source = {"kind": "event_hubs", "connection_string": stand_in.connection_string, "events_per_trigger": 250}
    by_hub = stream(spark, source, tmp_path)
    assert (by_hub.events, by_hub.source_lost) == (by_files.events, 0)
    assert compared(tmp_path, wanted) == SAME
