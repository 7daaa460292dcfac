"""kill -9 at random moments over one long stream per source; then nothing is lost, doubled, wrong or extra."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from ad_stream.incidents.events import PIPELINE
from ad_stream.simulate import simulate
from ad_stream.simulate.serve import serve
from tests.brokers.conftest import needed
from tests.conftest import LINE, SHORT_RUN, missing
from tests.faults.lives import WAYS, Kill, Stream
from tests.support.compare import ALSO, KEYS, SAME, Difference, difference, differences, read

KILLS = int(os.environ.get("AD_STREAM_KILLS", "100"))
LEAST = 8.0
"""Seconds: on a quiet machine the first batch of a life takes about half of it."""
MINUTES_PER_BATCH = 15
BATCHES_PER_LIFE = 4
"""More than a life gets through, so that the last one still finds work."""
DEVICES, MESSAGES = 4, 2
FINALLY = {
    "files": "source.files_per_trigger=40",
    "kafka": "source.events_per_trigger=5000",
    "event_hubs": "trigger=available_now",
}
Body = Callable[[Mapping[str, Any]], None]


def telemetry(folder: Path, kills: int) -> Path:
    """The messages of a small fleet with every kind of bad traffic, long enough for so many lives."""
    simulate(
        folder, devices=DEVICES, start=datetime(2026, 11, 1, 22, tzinfo=timezone.utc), seed=kills, faults=True, partitions=2,
        minutes=MINUTES_PER_BATCH * BATCHES_PER_LIFE * (kills + 1), minutes_per_file=MINUTES_PER_BATCH, messages_per_minute=MESSAGES,
    )  # fmt: skip
    return folder


def settings(sections: Mapping[str, Any], folder: Path) -> Path:
    """The configuration of a live run whose tables lie in `folder`, as a file."""
    folder.mkdir()
    java = f"{SHORT_RUN} {sections.get('spark', {}).get('spark.driver.extraJavaOptions', '')}"
    content = {
        **sections,
        "telemetry": {"event_time": "time"},
        "detection": {"points": 60},
        "incidents": {"enabled": True},
        "tables": {"path": str(folder / "tables")},
        "checkpoint": str(folder / "checkpoint"),
        "trigger": "0 seconds",
        "spark": {"spark.driver.extraJavaOptions": java.strip()},
    }
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def with_source(kind: str, messages: Path, body: Body) -> None:
    """Call `body` with the sections that read the messages from a source of this kind, a batch's worth at a time."""
    if kind == "files":
        body({"source": {"kind": kind, "path": f"{messages}/*.jsonl", "files_per_trigger": 1}})
        return
    if kind not in LINE.jars:
        pytest.skip(f"the Event Hubs connector has no build for Scala {LINE.scala} (Spark {LINE.spark})")
    if missing("confluent_kafka" if kind == "kafka" else "proton"):
        pytest.skip("the package confluent-kafka or python-qpid-proton is missing")
    needed(*{"kafka": ("kafka", "kafka_broker")}.get(kind, (kind,)))
    limit = {"events_per_trigger": DEVICES * MESSAGES * MINUTES_PER_BATCH}

    def limited(_: int, sections: Mapping[str, Any]) -> None:
        body({**sections, "source": {**sections["source"], **limit}})

    serve("kafka" if kind == "kafka" else "event-hubs", messages, port=0, ready=limited)


@pytest.mark.soak
@pytest.mark.timeout(1800 + 120 * KILLS)
@pytest.mark.parametrize("kind", ["files", "kafka", "event_hubs"])
def test_a_stream_that_is_killed_again_and_again_gives_the_rows_of_one_that_is_not(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    messages = telemetry(tmp_path / "telemetry", KILLS)
    files = {"source": {"kind": "files", "path": f"{messages}/*.jsonl"}}
    undisturbed = Stream(settings(files, tmp_path / "undisturbed"), 0, random.Random())
    undisturbed.finish("trigger=available_now", FINALLY["files"])

    def disturbed(sections: Mapping[str, Any]) -> None:
        stream = Stream(settings(sections, tmp_path / kind), LEAST, random.Random(KILLS))
        for _ in range(KILLS):
            stream.live_and_die()
        stream.finish("trigger=available_now", FINALLY[kind])
        found = differences(stream.tables, undisturbed.tables, named=kind == "files")
        found |= {
            table: difference(of_values(stream.tables, table), of_values(undisturbed.tables, table), table)
            for table in ALSO
        }
        held = stream.batches_with_rows()
        with capsys.disabled():
            print(f"\n{kind}: {told(stream.kills, held)}; {rows(undisturbed.tables)}; {total(found)}")
        assert found == SAME | dict.fromkeys(ALSO, SAME["minutes"])
        assert any(kill.batch in held for kill in stream.kills), (
            "no kill hit a batch that held rows, so this run proves nothing"
        )

    with_source(kind, messages, disturbed)


def told(kills: list[Kill], held: set[int]) -> str:
    """What the kills hit."""
    hit = [kill for kill in kills if kill.batch in held]
    torn = [kill for kill in hit if kill.written and "batches" not in kill.written]
    whole = [kill for kill in hit if "batches" in kill.written]
    return (
        f"{len(kills)} ends ({', '.join(f'{sum(kill.way == way for kill in kills)} {way}' for way in WAYS)}),"
        f" {len(hit)} in a batch that held rows,"
        f" {len(torn)} of these between its first and its last write, {len(whole)} between its last write and its commit"
    )


def rows(tables: Path) -> str:
    return ", ".join(f"{len(of_values(tables, table)):,} {table}" for table in KEYS)


def of_values(tables: Path, table: str) -> pd.DataFrame:
    """A table without what tells of the run itself: when it was stalled, under which settings it stood."""
    found = read(tables, table).drop(columns=["config_version", "feedback_version"], errors="ignore")
    return found[found.kind != PIPELINE] if table == "incident_events" else found


def total(found: Mapping[str, Difference]) -> str:
    names = ("lost", "doubled", "wrong", "extra")
    return ", ".join(f"{name} {sum(getattr(one, name) for one in found.values())}" for name in names)
