"""Trouble at the tables: a full disk, somebody else at work on them, everything sent twice."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ad_stream.config import load
from ad_stream.errors import RunError
from ad_stream.pipeline.batch_state import BatchReport
from ad_stream.pipeline.store.delta import DeltaTables
from tests.faults.conftest import finish, settings
from tests.support.compare import SAME, differences, read


@dataclass(frozen=True)
class FullDisk(DeltaTables):
    """Tables on a disk that takes not a byte more during one append."""

    at: tuple[str, int] = ("", -1)

    def append(self, table: str, rows: Any, *, query_id: str, batch_id: int, count: int, part: str = "") -> None:
        if (table, batch_id) != self.at:
            super().append(table, rows, query_id=query_id, batch_id=batch_id, count=count, part=part)
            return
        with no_file_grows(self.spark._jvm.java.lang.ProcessHandle.current().pid()):
            super().append(table, rows, query_id=query_id, batch_id=batch_id, count=count, part=part)


@contextmanager
def no_file_grows(pid: int) -> Iterator[None]:
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.soak
def test_a_full_disk_ends_the_run_with_a_sentence_and_room_on_it_is_all_that_the_next_run_needs(
    telemetry: Path, undisturbed: Path, tmp_path: Path, spark: Any
) -> None:
    config = load(settings(telemetry, tmp_path))
    for at in [("minutes", 1), ("detections", 1), ("batches", 2)]:
        with pytest.raises(RunError, match=r"the disk .* is full .*: make room, then start it again"):
            finish(config, spark, tables=FullDisk(spark, config.tables, at=at))
    finish(config, spark)
    assert differences(tmp_path / "tables", undisturbed / "tables") == SAME


@pytest.mark.soak
def test_a_column_added_a_compaction_and_a_vacuum_by_somebody_else_change_no_row(
    telemetry: Path, undisturbed: Path, tmp_path: Path, spark: Any
) -> None:
    config = load(settings(telemetry, tmp_path))
    tables = DeltaTables(spark, config.tables)

    def somebody_else(batch: BatchReport) -> None:
        if batch.batch_id == 1:
            spark.sql(f"ALTER TABLE {tables.name('detections')} ADD COLUMN note string")
        for table in ("minutes", "history", "detections"):
            spark.sql(f"OPTIMIZE {tables.name(table)}")
            spark.sql(f"VACUUM {tables.name(table)} RETAIN 0 HOURS")

    spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
    try:
        finish(config, spark, progress=somebody_else)
    finally:
        spark.conf.unset("spark.databricks.delta.retentionDurationCheck.enabled")
    assert read(tmp_path / "tables", "detections").note.isna().all()
    assert differences(tmp_path / "tables", undisturbed / "tables") == SAME


def test_everything_sent_twice_is_counted_once(telemetry: Path, undisturbed: Path, tmp_path: Path, spark: Any) -> None:
    doubled = tmp_path / "telemetry"
    doubled.mkdir()
    for path in sorted(telemetry.glob("*.jsonl")):
        lines = path.read_text().splitlines()
        (doubled / path.name).write_text("".join(f"{line}\n{line}\n" for line in lines))
    summary = finish(load(settings(doubled, tmp_path)), spark)
    events = read(undisturbed / "tables", "progress").events.sum()
    assert summary.events == 2 * events
    assert summary.duplicates >= events - summary.non_telemetry
    assert differences(tmp_path / "tables", undisturbed / "tables", named=False) == SAME
