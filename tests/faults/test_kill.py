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
import yaml

from ad_stream.config import Config, load
from ad_stream.simulate import simulate
from tests.compare import Difference, difference, differences, read
from tests.conftest import SHORT_RUN

DRIVER = Path(__file__).with_name("driver.py")
BATCH = 2
"""The batch that dies: it holds rows, and so does the one before it."""
POINTS = [
    ("minutes", "before"),  # before the write
    ("history", "before"),  # between two tables
    ("detections", "before"),
    ("batches", "after"),  # after the write, before the commit
]


@pytest.fixture(scope="module")
def telemetry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hours of four devices with every kind of bad traffic, a file per half hour."""
    folder = tmp_path_factory.mktemp("telemetry")
    start = datetime(2026, 11, 1, 22, 30, tzinfo=timezone.utc)
    simulate(folder, devices=4, start=start, minutes=120, minutes_per_file=30, seed=11, faults=False)
    return folder


def settings(telemetry: Path, folder: Path) -> Path:
    """The configuration of a run whose tables lie in `folder`, as a file."""
    content: dict[str, Any] = {
        "source": {"kind": "files", "path": f"{telemetry}/*.jsonl", "files_per_trigger": 1},
        "telemetry": {"event_time": "time"},
        "tables": {"path": str(folder / "tables")},
        "checkpoint": str(folder / "checkpoint"),
        "trigger": "available_now",
        "spark": {"spark.driver.extraJavaOptions": SHORT_RUN},
    }
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def finish(config: Config, spark: Any) -> None:
    from ad_stream.pipeline.run import run

    run(config, spark=spark)


@pytest.fixture(scope="module")
def undisturbed(telemetry: Path, tmp_path_factory: pytest.TempPathFactory, spark: Any) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    finish(load(settings(telemetry, folder)), spark)
    return folder / "tables"


def killed(config: Path, table: str, moment: str, *, plain: bool = False) -> int:
    """Run until the process dies; -> the rows that the killed batch held at that point."""
    mark = config.with_name("mark")
    kill = {"table": table, "moment": moment, "batch": BATCH, "plain": plain, "mark": str(mark)}
    run = subprocess.run(
        [sys.executable, str(DRIVER), str(config), json.dumps(kill)], start_new_session=True, capture_output=True, text=True, timeout=300
    )  # fmt: skip
    assert run.returncode == -9, run.stderr[-2000:]
    return int(mark.read_text())


@pytest.mark.parametrize("checkpoint", ["kept", "deleted"])
@pytest.mark.parametrize(("table", "moment"), POINTS)
def test_a_killed_stream_goes_on_as_if_nothing_had_happened(
    table: str, moment: str, checkpoint: str, telemetry: Path, undisturbed: Path, tmp_path: Path, spark: Any
) -> None:  # fmt: skip
    config = settings(telemetry, tmp_path)
    rows = killed(config, table, moment)
    assert rows > 0, "the killed batch held no rows, so this run proves nothing"
    if checkpoint == "deleted":
        shutil.rmtree(tmp_path / "checkpoint")
    finish(load(config), spark)
    assert differences(tmp_path / "tables", undisturbed) == dict.fromkeys(
        ("minutes", "detections", "late", "quarantine"), Difference(lost=0, doubled=0, wrong=0, extra=0)
    )


def test_the_same_kill_doubles_rows_when_appends_are_plain(
    telemetry: Path, undisturbed: Path, tmp_path: Path, spark: Any
) -> None:
    config = settings(telemetry, tmp_path)
    assert killed(config, "batches", "after", plain=True) > 0
    finish_plainly(load(config), spark)
    found = difference(read(tmp_path / "tables", "detections"), read(undisturbed, "detections"), "detections")
    assert found.doubled > 0
    assert found.lost == 0


def finish_plainly(config: Config, spark: Any) -> None:
    from ad_stream.pipeline.run import run
    from tests.faults.driver import Dying

    never = {"table": "none", "moment": "before", "batch": -1, "plain": True, "mark": ""}
    run(config, spark=spark, tables=Dying(spark, config.tables, kill=never))
