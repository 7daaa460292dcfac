"""What a batch can never write is set aside once, the rest of it is written; trouble that passes sets nothing aside."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ad_stream.errors import RunError
from ad_stream.pipeline.run import Summary, run
from ad_stream.pipeline.store.delta import DeltaTables
from tests.support.streaming import Stream, message, with_tables

MINUTES = 6


@dataclass(frozen=True)
class Failing(DeltaTables):
    """Tables in which the rows of one table cannot be written, for a cause of choice."""

    failing: str = ""
    error: Exception = field(default_factory=ValueError)
    tries: list[int] = field(default_factory=list)

    def append(self, table: str, rows: Any, *, query_id: str, batch_id: int, count: int, part: str = "") -> None:
        if table == self.failing:
            self.tries.append(batch_id)
            raise self.error
        super().append(table, rows, query_id=query_id, batch_id=batch_id, count=count, part=part)


def _stream(spark: SparkSession, folder: Path) -> Stream:
    stream = Stream(spark, folder)
    good = [message({"t": 1}, k) for k in range(MINUTES)]
    return stream.write([*good[:1], message("x", 0, partition=1), *good[1:]])


def _run(stream: Stream, table: str, error: Exception, **changed: Any) -> tuple[Summary, list[int]]:
    config = stream.config(**changed)
    tables = Failing(stream.spark, config.tables, failing=table, error=error)
    return run(with_tables(config, stream.spark), spark=stream.spark, tables=tables), tables.tries


@pytest.mark.parametrize(
    "table",
    [pytest.param("quarantine", marks=pytest.mark.soak), "minutes", pytest.param("detections", marks=pytest.mark.soak)],
)
def test_a_step_that_fails_twice_for_its_data_is_set_aside_and_the_rest_lives(
    spark: SparkSession, tmp_path: Path, table: str
) -> None:
    stream = _stream(spark, tmp_path)
    summary, tries = _run(stream, table, ValueError("year -1 is out of range"))
    (row,) = stream.table("set_aside").to_dict("records")
    assert (row["step"], row["query_id"], row["error"]) == (table, summary.query_id, "year -1 is out of range")
    assert row["rows"] == (1 if table == "quarantine" else MINUTES) and '"logOffset"' in row["offsets"]
    assert tries == [row["batch_id"]] * 2
    lengths = {name: len(stream.table(name)) for name in ("minutes", "detections", "quarantine")}
    whole = {"minutes": MINUTES, "detections": MINUTES, "quarantine": 1}
    gone = {"minutes": ("minutes", "detections")}.get(table, (table,))
    assert lengths == {name: 0 if name in gone else count for name, count in whole.items()}
    assert summary.set_aside == 1 and "SET ASIDE 1" in summary.sentence()


@dataclass(frozen=True)
class Ancient(DeltaTables):
    """Tables that are handed a date in `quarantine` which Parquet refuses."""

    def append(self, table: str, rows: Any, *, query_id: str, batch_id: int, count: int, part: str = "") -> None:
        if table == "quarantine":
            rows = rows.withColumns({"enqueued_time": F.expr("timestamp'0001-01-01 00:00:00'")})
        super().append(table, rows, query_id=query_id, batch_id=batch_id, count=count, part=part)


def test_what_parquet_refuses_is_told_apart_in_sparks_own_words(spark: SparkSession, tmp_path: Path) -> None:
    stream = _stream(spark, tmp_path)
    summary = run(stream.config(), spark=spark, tables=Ancient(spark, stream.config().tables))
    assert (summary.set_aside, summary.minutes_closed) == (1, MINUTES)
    (error,) = stream.table("set_aside").error
    assert "ANCIENT" in error


def test_a_repeated_batch_keeps_to_what_was_set_aside_before_the_crash(spark: SparkSession, tmp_path: Path) -> None:
    stream = _stream(spark, tmp_path)
    config = stream.config()
    both = Failing(spark, config.tables, failing="quarantine", error=ValueError("never"))

    @dataclass(frozen=True)
    class Dying(Failing):
        def append(self, table: str, rows: Any, *, query_id: str, batch_id: int, count: int, part: str = "") -> None:
            if table == "batches":
                raise OSError("No space left on device")
            super().append(table, rows, query_id=query_id, batch_id=batch_id, count=count, part=part)

    with pytest.raises(RunError, match="full"):
        run(
            with_tables(config, spark),
            spark=spark,
            tables=Dying(spark, config.tables, failing="quarantine", error=both.error),
        )
    summary = stream.run()  # now everything could be written
    assert len(stream.table("set_aside")) == 1
    assert len(stream.table("quarantine")) == 0
    assert len(stream.table("detections")) == MINUTES
    assert summary.set_aside == 0


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(OSError("No space left on device"), marks=pytest.mark.soak),
        RuntimeError("java.lang.OutOfMemoryError: ValueError"),
        pytest.param(KeyError("t"), marks=pytest.mark.soak),
    ],
)
def test_trouble_that_may_pass_ends_the_run_and_sets_nothing_aside(
    spark: SparkSession, tmp_path: Path, error: Exception
) -> None:
    stream = _stream(spark, tmp_path)
    with pytest.raises(RunError):
        _run(stream, "minutes", error)
    assert len(stream.table("set_aside")) == 0
    assert stream.run().minutes_closed == MINUTES
    assert len(stream.table("minutes")) == MINUTES


def test_without_the_setting_such_a_batch_ends_the_run(spark: SparkSession, tmp_path: Path) -> None:
    stream = _stream(spark, tmp_path)
    with pytest.raises(RunError, match="out of range"):
        _run(stream, "quarantine", ValueError("year -1 is out of range"), set_aside=False)
    assert len(stream.table("set_aside")) == 0
