"""Children of a test: gone when it ends, and when the tests are killed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ad_stream.runtime.children import Guard

PATIENCE = 120.0


@contextmanager
def child(command: list[str], *, group: bool = False, **how: Any) -> Iterator[subprocess.Popen[str]]:
    """subprocess.Popen(command, text=True, **how), killed and waited for at the end; `group`: a session of its own."""
    process = subprocess.Popen(command, text=True, start_new_session=group, **how)
    guard = Guard(process.pid, group=group, grace=0)
    try:
        with process:
            try:
                yield process
            finally:
                process.kill()
    finally:
        guard.dismiss()


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits for its parent does not. Linux."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat[stat.rindex(")") + 2] not in "ZX"


def children_of(pid: int) -> list[int]:
    """The processes that it started and that still run. Linux."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            stat = path.read_text()
        except OSError:
            continue
        state, parent = stat[stat.rindex(")") + 2 :].split()[:2]
        if int(parent) == pid and state not in "ZX":
            found.append(int(path.parent.name))
    return found


def wait_until_gone(pid: int) -> None:
    """AssertionError if the process still runs after two minutes."""
    deadline = time.monotonic() + PATIENCE
    while alive(pid):
        assert time.monotonic() < deadline, f"process {pid} outlives the one that started it"
        time.sleep(0.05)
