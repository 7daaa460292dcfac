"""kill -9 at each point of a batch, then a restart: nothing lost, doubled or wrong; a plain append must show doubles."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ad_stream.config import Config, load
from ad_stream.series_config.table import append
from tests.faults.conftest import finish, settings
from tests.support.compare import SAME, difference, differences, read

DRIVER = Path(__file__).with_name("driver.py")
BATCH = 2
"""The batch that dies: it holds rows, and so does the one before it."""
POINTS = [
    pytest.param("minutes", "before", marks=pytest.mark.soak),  # before the write
    pytest.param("history", "before", marks=pytest.mark.soak),  # between two tables
    pytest.param("detections", "before", marks=pytest.mark.soak),
    ("batches", "after"),  # after the write, before the commit
]
"""`make test-all` has the last one, `make soak` the others."""


def killed(config: Path, table: str, moment: str, *, plain: bool = False) -> int:
    """Run until the process dies; -> the rows that the killed batch held at that point."""
    mark = config.with_name("mark")
    kill = {"table": table, "moment": moment, "batch": BATCH, "plain": plain, "mark": str(mark)}
    run = subprocess.run(
        [sys.executable, str(DRIVER), str(config), json.dumps(kill)], start_new_session=True, capture_output=True, text=True, timeout=300
    )  # fmt: skip
    assert run.returncode == -9, run.stderr[-2000:]
    return int(mark.read_text())


@pytest.mark.parametrize(("table", "moment"), POINTS)
def test_a_killed_stream_goes_on_as_if_nothing_had_happened(
    table: str, moment: str, telemetry: Path, undisturbed: Path, tmp_path: Path, spark: Any
) -> None:
    kept, deleted = tmp_path / "checkpoint_kept", tmp_path / "checkpoint_deleted"
    kept.mkdir()
    rows = killed(settings(telemetry, kept), table, moment)
    assert rows > 0, "the killed batch held no rows, so this run proves nothing"
    shutil.copytree(kept, deleted, ignore=shutil.ignore_patterns("checkpoint"))
    for folder in (kept, deleted):
        finish(load(settings(telemetry, folder)), spark)
        assert differences(folder / "tables", undisturbed / "tables") == SAME, folder.name


@pytest.mark.soak
def test_the_same_kill_doubles_rows_when_appends_are_plain(
    telemetry: Path, undisturbed: Path, tmp_path: Path, spark: Any
) -> None:
    config = settings(telemetry, tmp_path)
    assert killed(config, "batches", "after", plain=True) > 0
    finish_plainly(load(config), spark)
    found = difference(
        read(tmp_path / "tables", "detections"), read(undisturbed / "tables", "detections"), "detections"
    )
    assert found.doubled > 0
    assert found.lost == 0


def finish_plainly(config: Config, spark: Any) -> None:
    from tests.faults.driver import Dying

    never = {"table": "none", "moment": "before", "batch": -1, "plain": True, "mark": ""}
    finish(config, spark, tables=Dying(spark, config.tables, kill=never))


@pytest.mark.soak
def test_a_batch_that_is_repeated_keeps_the_version_of_series_config_it_was_begun_with(
    telemetry: Path, tmp_path: Path, spark: Any
) -> None:
    both, calm = {}, tmp_path / "calm" / "tables"
    for name in ("killed", "calm"):
        folder = tmp_path / name
        (folder / "tables").mkdir(parents=True)
        config = settings(telemetry, folder)
        first = set_sensitivity(folder / "tables", 90)
        if name == "killed":
            assert killed(config, "history", "before") > 0  # its minutes are written, its verdicts are not
            set_sensitivity(folder / "tables", 40)
            finish(load(config), spark)
        else:
            finish(load(config), spark, progress=lambda batch: batch.batch_id == BATCH and set_sensitivity(calm, 40))
        both[name] = read(folder / "tables", "detections")
    assert difference(both["killed"], both["calm"], "detections").none
    versions = set(both["killed"]["config_version"].str.partition("@")[2])
    assert versions == {str(first), str(first + 1)}


def set_sensitivity(tables: Path, sensitivity: int) -> int:
    """Another sensitivity for all devices; -> its version."""
    row = {"device": "device-*", "sensitivity": sensitivity}
    return append(tables, row, now=datetime(2026, 11, 1, tzinfo=timezone.utc))
