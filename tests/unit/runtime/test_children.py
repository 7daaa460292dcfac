"""Children end with their parent, kill -9 included, and go on where their guard was dismissed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from ad_stream.runtime.children import Guard
from tests.support.children import alive, child, children_of, wait_until_gone

ROOT = Path(__file__).resolve().parents[3]
PARENT = """
import subprocess, sys, threading
from ad_stream.runtime.children import Guard
group, grace, asks = sys.argv[1] == "group", int(sys.argv[2]), sys.argv[3]
command = ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"] if group else ["sleep", "3600"]
kept = []
def start():
    process = subprocess.Popen(command, start_new_session=group)
    kept.append((process, Guard(process.pid, group=group, grace=grace)))
thread = threading.Thread(target=start)
thread.start()
thread.join()
if asks == "dismiss":
    kept[0][1].dismiss()
print(kept[0][0].pid, flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def started(*arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
    how: dict[str, Any] = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "env": {**os.environ, "PYTHONPATH": str(ROOT)},
    }
    return child([sys.executable, "-c", PARENT, *arguments], **how)


def number(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


@pytest.mark.parametrize("kind", ["one", "group"])
def test_a_child_of_a_parent_that_is_killed_is_gone_too(kind: str) -> None:
    with started(kind, "0", "keep") as parent:
        pid = number(parent)
        below = children_of(pid)
        assert alive(pid)
        parent.send_signal(signal.SIGKILL)
        for each in (pid, *below):
            wait_until_gone(each)


@pytest.mark.slow
def test_a_child_that_ends_by_itself_in_its_time_of_grace_is_waited_for() -> None:
    with started("one", "3600", "keep") as parent:
        pid = number(parent)
        (guard,) = [other for other in children_of(parent.pid) if other != pid]
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert alive(pid) and alive(guard)
        os.kill(pid, signal.SIGTERM)
        wait_until_gone(guard)


def test_a_child_whose_guard_was_dismissed_goes_on_alone() -> None:
    with started("one", "0", "dismiss") as parent:
        pid = number(parent)
        assert children_of(parent.pid) == [pid]
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert alive(pid)
        os.kill(pid, signal.SIGTERM)
        wait_until_gone(pid)


def test_a_guard_is_dismissed_twice_and_after_its_process_without_complaint() -> None:
    process = subprocess.Popen(["sleep", "0"])
    guard = Guard(process.pid)
    process.wait()
    guard.dismiss()
    guard.dismiss()
