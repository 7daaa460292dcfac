"""The log of a table in a folder, without Spark, beside what a Delta writer makes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from ad_stream.pipeline.store import local_log

deltalake = pytest.importorskip("deltalake")


def _names(log: Path) -> list[str]:
    told = local_log.metadata(log)
    assert told is not None
    return [field["name"] for field in json.loads(told["schemaString"])["fields"]]


def test_the_columns_are_the_newest_that_the_log_tells(tmp_path: Path) -> None:
    log = tmp_path / "_delta_log"
    deltalake.write_deltalake(tmp_path, pa.table({"a": [1]}))
    assert (_names(log), local_log.commits(log), local_log.began_empty(log)) == (["a"], [0], False)
    deltalake.write_deltalake(tmp_path, pa.table({"a": [1], "b": ["x"]}), mode="append", schema_mode="merge")
    deltalake.write_deltalake(tmp_path, pa.table({"a": [2], "b": ["y"]}), mode="append")
    assert (_names(log), local_log.commits(log)) == (["a", "b"], [0, 1, 2])


def test_a_table_without_rows_began_empty(tmp_path: Path) -> None:
    deltalake.DeltaTable.create(tmp_path, pa.schema([("a", pa.int64())]))
    assert local_log.began_empty(tmp_path / "_delta_log")
    assert not local_log.began_empty(tmp_path / "nothing" / "_delta_log")


def test_a_log_that_was_cleaned_does_not_tell_its_columns(tmp_path: Path) -> None:
    for number in range(3):
        deltalake.write_deltalake(tmp_path, pa.table({"a": [number]}), mode="append")
    deltalake.DeltaTable(tmp_path).create_checkpoint()
    log = tmp_path / "_delta_log"
    for old in (0, 1):
        (log / f"{old:020}.json").unlink()
    assert local_log.commits(log) == [2]
    assert local_log.metadata(log) is None


def test_a_long_log_is_left_to_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_log, "MOST_COMMITS", 1)
    for number in range(2):
        deltalake.write_deltalake(tmp_path, pa.table({"a": [number]}), mode="append")
    assert local_log.metadata(tmp_path / "_delta_log") is None
