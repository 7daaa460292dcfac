"""A stream of files that the fault tests disturb, and what it gives undisturbed."""

from __future__ import annotations

import shutil
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from ad_stream.config import Config, load
from ad_stream.simulate import simulate
from tests.conftest import SHORT_RUN


def settings(telemetry: Path, folder: Path) -> Path:
    """The configuration of a finite run whose tables lie in `folder`, as a file."""
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


def half(telemetry: Path, folder: Path) -> tuple[Path, list[Path]]:
    """The first two of three files, and those that are still to come."""
    files = sorted(telemetry.glob("*.jsonl"))
    arrived = folder / "telemetry"
    arrived.mkdir()
    for path in files[:2]:
        shutil.copy2(path, arrived)
    return arrived, files[2:]


def finish(config: Config, spark: Any, **more: Any) -> Any:
    """Run in this process, to the end of the input."""
    from ad_stream.pipeline.run import run

    return run(config, spark=spark, **more)


@pytest.fixture(scope="session")
def telemetry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An hour and a half of four devices with every kind of bad traffic, a file per half hour."""
    folder = tmp_path_factory.mktemp("telemetry")
    start = datetime(2026, 11, 1, 22, 30, tzinfo=timezone.utc)
    simulate(folder, devices=4, start=start, minutes=90, minutes_per_file=30, seed=11, faults=False)
    return folder


@pytest.fixture(scope="session")
def undisturbed(telemetry: Path, tmp_path_factory: pytest.TempPathFactory, spark: Any) -> Path:
    """The folder of a run to which nothing happened."""
    folder = tmp_path_factory.mktemp("undisturbed")
    finish(load(settings(telemetry, folder)), spark)
    return folder
