"""The first commit that we write ourselves is the one that CREATE TABLE writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from ad_stream import config
from ad_stream.pipeline.store import local_log
from ad_stream.pipeline.store.delta import DeltaTables
from ad_stream.tables.catalog import TABLES

OF_ITS_MAKING = {"id", "createdTime", "timestamp", "engineInfo", "txnId"}


def actions(folder: Path, table: str) -> dict[str, Any]:
    """The first commit by kind of action, texts of JSON read, without what differs each time."""
    (path,) = (folder / table / "_delta_log").glob("*.json")
    found: dict[str, Any] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        found |= {kind: {key: plain(key, what) for key, what in parts.items() if key not in OF_ITS_MAKING}
                  for kind, parts in json.loads(line).items()}  # fmt: skip
    return found


def plain(key: str, what: Any) -> Any:
    if key == "operationParameters":
        return {name: json.loads(text) if text[:1] in "[{" else text for name, text in what.items()}
    if key == "writerFeatures":
        return sorted(what)
    return json.loads(what) if isinstance(what, str) and what.startswith("{") else what


def made(spark: SparkSession, folder: Path) -> DeltaTables:
    tables = DeltaTables(spark, config.Tables(path=str(folder)))
    tables.create()
    return tables


def test_every_table_begins_as_delta_would_begin_it(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(spark, tmp_path / "ours")
    monkeypatch.setattr(local_log, "may_begin", lambda _: False)
    made(spark, tmp_path / "theirs")
    for table in TABLES:
        assert actions(tmp_path / "ours", table) == actions(tmp_path / "theirs", table), table


def test_tables_below_an_address_are_made_there_and_nowhere_else(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tables = DeltaTables(spark, config.Tables(path=f"file://{tmp_path}/there"))
    tables.create()
    assert [one.name for one in tmp_path.iterdir()] == ["there"]
    assert tables.properties("minutes")["ad_stream.every"] == "60"


def test_a_session_with_properties_of_its_own_for_new_tables_is_heeded(spark: SparkSession, tmp_path: Path) -> None:
    setting = f"{local_log.DEFAULTS}checkpointInterval"
    spark.conf.set(setting, "17")
    try:
        assert made(spark, tmp_path).properties("minutes")["delta.checkpointInterval"] == "17"
    finally:
        spark.conf.unset(setting)
