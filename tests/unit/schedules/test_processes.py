"""Two schedulers at once, and one that is killed: processes of their own over the same tables."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path

import pytest

from ad_stream.schedules.folders import lock, scheduler_lives, sign_as_scheduler
from ad_stream.schedules.run_log import RunLog
from tests.support.children import alive, child
from tests.support.scheduled import NOON, PATIENCE, Plant
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[3]
HOURLY = {"tidy": {"run": "maintain", "every": "1 hour", "catch_up": "all"}}
pytestmark = pytest.mark.slow


def scheduler(tables: Path, hours: int, script: str) -> AbstractContextManager[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.unit.schedules.fast_scheduler", str(tables), str(hours), script]
    return child(command, cwd=ROOT)


def test_two_schedulers_fire_each_time_once(tables: Path, tmp_path: Path) -> None:
    fired = tmp_path / "fired"
    script = f'echo "$2" >> {fired}'  # $1 is the configuration
    with scheduler(tables, 25, script) as one, scheduler(tables, 25, script) as other:
        assert [one.wait(PATIENCE), other.wait(PATIENCE)] == [0, 0]
    expected = [(NOON + timedelta(hours=hour)).isoformat() for hour in range(1, 26)]
    assert fired.read_text().split() == expected
    assert {row.state for row in RunLog(tables).look().values()} == {"succeeded"}


def test_a_killed_scheduler_takes_its_run_with_it_and_the_next_one_says_so(tables: Path, tmp_path: Path) -> None:
    began = tmp_path / "began"
    with scheduler(tables, 1, f"echo $$ > {began}.part; mv {began}.part {began}; sleep 600") as killed:
        wait_for("the run has not begun", began.exists, PATIENCE)
        assert scheduler_lives(tables)
        killed.kill()
        killed.wait(PATIENCE)
    assert not scheduler_lives(tables), "its lock went with it"
    plant = Plant(tables, HOURLY, NOON + timedelta(hours=1))
    plant.until(lambda: plant.told() == [("11-30 13:00", "failed")])
    assert plant.rows()[0].reason == "its process died"
    run = int(began.read_text())
    wait_for("a run goes on without its scheduler", lambda: not alive(run))
    plant.look(NOON + timedelta(hours=2))
    assert plant.told() == [("11-30 13:00", "failed"), ("11-30 14:00", "succeeded")]


def test_a_scheduler_that_starts_while_somebody_looks_for_one_signs_all_the_same(tmp_path: Path) -> None:
    looking = lock(tmp_path / "_jobs" / "scheduler.lock")
    assert looking is not None
    signed: list[object] = []
    signing = threading.Thread(target=lambda: signed.append(sign_as_scheduler(tmp_path)))
    signing.start()
    signing.join(0.1)
    looking.release()
    signing.join(60)
    assert signed and signed[0] is not None and scheduler_lives(tmp_path)
