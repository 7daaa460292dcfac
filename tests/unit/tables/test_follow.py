"""A table's log is read forward: the new versions only, whatever became of the old ones."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from deltalake import DeltaTable

from ad_stream.tables.follow import TableLog
from tests.support.written import create, sign_of_life, verdict, write

START = datetime(2026, 11, 1, tzinfo=timezone.utc)


def commit(tables: Path, minute: int) -> None:
    write(tables, "detections", [verdict("pi-1", "temperature", START + timedelta(minutes=minute), 20.0)])


def minutes(log: TableLog) -> tuple[bool, list[int]] | None:
    news = log.news()
    base = START.timestamp()
    return None if news is None else (news.whole, [int((part.first or 0) - base) // 60 for part in news.parts])


@pytest.mark.parametrize("address", ["{}", "file://{}"])
def test_only_what_a_new_version_adds_is_news(tmp_path: Path, address: str) -> None:
    create(tmp_path)
    commit(tmp_path, 0)
    log = TableLog(address.format(tmp_path), "detections")
    assert minutes(log) == (True, [0])
    assert minutes(log) is None
    commit(tmp_path, 1)
    commit(tmp_path, 2)
    assert minutes(log) == (False, [1, 2])
    assert minutes(log) is None


def test_old_versions_are_not_looked_at_again(tmp_path: Path) -> None:
    create(tmp_path)
    commit(tmp_path, 0)
    log = TableLog(tmp_path, "detections")
    log.news()
    old = list((tmp_path / "detections").glob("*.parquet"))
    commit(tmp_path, 1)
    (tmp_path / "detections" / "_delta_log" / f"{0:020}.json").write_text("no JSON")
    for file in old:
        file.unlink()
    assert minutes(log) == (False, [1])


def test_a_file_that_compaction_wrote_brings_no_rows_twice(tmp_path: Path) -> None:
    create(tmp_path)
    commit(tmp_path, 0)
    commit(tmp_path, 1)
    log = TableLog(tmp_path, "detections")
    log.news()
    DeltaTable(str(tmp_path / "detections")).optimize.compact()
    assert minutes(log) is None
    commit(tmp_path, 2)
    assert minutes(log) == (False, [2])


def test_rows_that_were_taken_away_mean_to_begin_again(tmp_path: Path) -> None:
    create(tmp_path)
    log = TableLog(tmp_path, "owner")
    log.news()
    for age in (0, 1):
        sign_of_life(tmp_path, START + timedelta(minutes=age))
        news = log.news()
        assert news is not None
        assert (news.whole, len(news.parts)) == (age == 1, 1)


def test_a_table_made_anew_is_read_anew_and_one_that_is_gone_is_empty(tmp_path: Path) -> None:
    log = TableLog(tmp_path, "detections")
    assert minutes(log) is None
    create(tmp_path)
    commit(tmp_path, 0)
    assert minutes(log) == (True, [0])
    shutil.rmtree(tmp_path / "detections")
    assert minutes(log) == (True, [])
    commit(tmp_path, 5)
    assert minutes(log) == (True, [5])
