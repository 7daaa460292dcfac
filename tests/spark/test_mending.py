"""A batch that fails before its rows exist is found out by trial: the events that make it fail are set aside, no others."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from ad_stream.errors import RunError
from ad_stream.pipeline.run import run
from ad_stream.pipeline.store.delta import DeltaTables
from ad_stream.sources import registry
from tests.support.poison import install_poisoned
from tests.support.streaming import Stream, message, moment, with_tables

MINUTES, FILES, PARTITION = 12, 3, 1
pytestmark = pytest.mark.soak  # a search starts the stream a dozen times


@pytest.fixture
def poisoned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source `poisoned`, installed; its Python workers find it, too."""
    install_poisoned(tmp_path / "site")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delitem(sys.modules, "poisoned", raising=False)


def stream(spark: SparkSession, folder: Path, poison: int = 1) -> Stream:
    """Three files of good minutes, in the second of them as many messages that its reader does not survive."""
    made = Stream(spark, folder)
    span = MINUTES // FILES
    for part in range(FILES):
        rows = [message({"t": 1.5}, part * span + k) for k in range(span)]
        bad = [message(f"POISON {k}", span, k, partition=PARTITION) for k in range(poison)]
        made.write(rows + (bad if part == 1 else []), end=part == FILES - 1)
    return made


def source(made: Stream, way: str) -> Any:
    path = made.config().source.path  # type: ignore[attr-defined]
    return registry.settings_of({"kind": "poisoned", "path": path, "files_per_trigger": 1, "way": way})


def start(made: Stream, way: str, tables: DeltaTables | None = None, **changed: Any) -> Any:
    config = made.config(**changed).model_copy(update={"source": source(made, way)})
    return run(with_tables(config, made.spark), spark=made.spark, tables=tables)


def minutes_judged(made: Stream) -> list[Any]:
    return sorted(made.table("detections").minute)


ALL = [moment(k).replace(tzinfo=None) for k in range(MINUTES)]


@dataclass(frozen=True)
class Stopping(DeltaTables):
    """Tables on a disk that is full when the mended batch is to be closed."""

    def append(self, table: str, rows: Any, *, query_id: str, batch_id: int, count: int, part: str = "") -> None:
        if table == "batches" and batch_id >= 1:
            raise OSError("No space left on device")
        super().append(table, rows, query_id=query_id, batch_id=batch_id, count=count, part=part)


def test_a_message_that_the_plan_does_not_survive_is_quarantined_and_all_beside_it_lives(
    spark: SparkSession, tmp_path: Path, poisoned: None
) -> None:
    made = stream(spark, tmp_path, poison=2)
    with pytest.raises(RunError, match="full"):
        start(made, "sql", Stopping(spark, made.config().tables))
    (row,) = made.table("set_aside").to_dict("records")
    assert (row["step"], row["batch_id"]) == ("events", 1) and "the glass is broken" in row["error"]
    said = json.loads(row["offsets"])
    assert said["how"] == "quarantined" and len(said["leaves"]) <= 2 and '"logOffset":1' in said["batch"]
    start(made, "sql")  # the batch that died is repeated: it knows what to leave out
    assert len(made.table("set_aside")) == 1
    assert minutes_judged(made) == ALL
    quarantine = made.table("quarantine", "sequence")
    assert list(quarantine.reason) == ["set_aside"] * 2
    assert [*zip(quarantine.partition, quarantine.sequence, strict=True)] == [("1", 0), ("1", 1)]
    assert quarantine.body.isna().all()


def test_an_event_that_kills_its_python_worker_is_passed_over(
    spark: SparkSession, tmp_path: Path, poisoned: None
) -> None:
    made = stream(spark, tmp_path)
    summary = start(made, "worker")
    assert summary.set_aside == 1
    assert minutes_judged(made) == ALL
    (row,) = made.table("set_aside").to_dict("records")
    assert json.loads(row["offsets"])["how"] == "passed_over" and "worker" in row["error"]


def test_without_the_setting_such_a_batch_ends_every_run_and_with_it_the_next(
    spark: SparkSession, tmp_path: Path, poisoned: None
) -> None:
    made = stream(spark, tmp_path)
    for _ in range(2):
        with pytest.raises(RunError, match="the glass is broken"):
            start(made, "sql", set_aside=False)
    assert len(made.table("set_aside")) == 0
    summary = start(made, "never")  # a release that reads the message: the cause is gone, so nobody is blamed
    assert summary.set_aside == 0 and minutes_judged(made) == ALL
    assert summary.quarantined == {"malformed": 1}
