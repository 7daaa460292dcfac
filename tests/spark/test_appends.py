"""One batch leaves its rows in a table once, however its earlier attempts wrote them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from ad_stream.pipeline.store.delta import DeltaTables, Earlier
from ad_stream.tables.catalog import LATE
from ad_stream.tables.incidents import INCIDENT_STATE
from ad_stream.tables.schema import Table
from tests.support.streaming import Stream, message, with_tables

FIRST = [Earlier.LOG, Earlier.ROWS, Earlier.NONE]


def _tables(spark: SparkSession, folder: Path) -> DeltaTables:
    stream = Stream(spark, folder)
    with_tables(stream.config(), spark)
    return stream.tables()


def _row(tables: DeltaTables, table: Table = LATE) -> DataFrame:
    columns = [
        f"CAST(NULL AS {one.type}) AS {one.name}" for one in table.columns if one.name not in ("query_id", "batch_id")
    ]
    return tables.spark.sql(f"SELECT {', '.join(columns)}")


@pytest.mark.parametrize("first", FIRST)
def test_a_repeated_batch_finds_what_was_appended_whatever_way(
    spark: SparkSession, tmp_path: Path, first: Earlier
) -> None:
    tables = _tables(spark, tmp_path)
    for batch_id, earlier in [(7, first), (7, Earlier.ROWS), (8, Earlier.NONE), (8, Earlier.ROWS)]:
        replace(tables, earlier=earlier).append("late", _row(tables), query_id="q", batch_id=batch_id, count=1)
    rows = tables.stored("late").select("query_id", "batch_id").collect()
    assert sorted((row["query_id"], row["batch_id"]) for row in rows) == [("q", 7), ("q", 8)]


def test_the_same_number_of_another_query_is_another_batch(spark: SparkSession, tmp_path: Path) -> None:
    tables = replace(_tables(spark, tmp_path), earlier=Earlier.ROWS)
    for query_id in ("q", "r"):
        tables.append("late", _row(tables), query_id=query_id, batch_id=7, count=1)
    assert tables.stored("late").count() == 2


def test_the_parts_of_a_batch_are_all_there_once(spark: SparkSession, tmp_path: Path) -> None:
    tables = _tables(spark, tmp_path)
    for earlier in (Earlier.ROWS, Earlier.NONE, Earlier.ROWS):
        for part in ("origin", ""):
            rows = _row(tables, INCIDENT_STATE)
            replace(tables, earlier=earlier).append(
                "incident_state", rows, query_id="q", batch_id=7, count=1, part=part
            )
    assert tables.stored("incident_state").count() == 2


def test_only_the_first_batch_of_a_run_looks_for_earlier_attempts(spark: SparkSession, tmp_path: Path) -> None:
    stream = Stream(spark, tmp_path, {"source": {"files_per_trigger": 1}})
    stream.write([message({"t": 1}, 0)], [message({"t": 1}, 5)], [message({"t": 1}, 10)]).run()
    rows = stream.table("batches", "batch_id")
    assert len(rows) >= 2
    commits = sorted(Path(stream.tables().location("batches"), "_delta_log").glob("*.json"))[1:]
    said = [any("txn" in json.loads(line) for line in commit.read_text().splitlines()) for commit in commits]
    assert said == [True] + [False] * (len(rows) - 1)
