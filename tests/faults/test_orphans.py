"""A run that is killed alone, as a supervisor or an impatient user does it, leaves no Java behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.conftest import settings
from tests.support.children import child, children_of, wait_until_gone
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
RUN = [sys.executable, "-c", "from ad_stream.cli import main; main()", "run"]


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_java_of_a_killed_run_is_gone_though_its_query_was_busy(telemetry: Path, tmp_path: Path) -> None:
    config = settings(telemetry, tmp_path)
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "AD_STREAM_MASTER": "local[2]"}
    command = [*RUN, "--config", str(config), "--set", "trigger=0 seconds"]
    with child(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        log = tmp_path / "tables" / "batches" / "_delta_log" / "00000000000000000001.json"
        wait_for("no batch was written", lambda: log.exists() or process.poll() is not None, seconds=600)
        assert process.poll() is None
        below = children_of(process.pid)
        assert len(below) == 2, "Java and its guard"
        process.send_signal(signal.SIGKILL)
        for pid in below:
            wait_until_gone(pid)
