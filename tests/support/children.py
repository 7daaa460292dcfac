"""Children of a test: gone when it ends, and when the tests are killed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ad_stream.runtime.children import Guard
from tests.support.waiting import wait_for


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


class Running(NamedTuple):
    """A process that has not ended: who started it, and its group."""

    parent: int
    group: int


def running(folder: Path) -> Running | None:
    """What /proc tells of a process; None where it is gone, or has ended and waits for its parent. Linux."""
    try:
        stat = (folder / "stat").read_text()
    except OSError:
        return None
    state, parent, group = stat[stat.rindex(")") + 2 :].split()[:3]
    return None if state in "ZX" else Running(int(parent), int(group))


def folders_of(fits: Callable[[Running], bool]) -> list[Path]:
    """The folders in /proc of the processes that run and fit."""
    return [path for path in Path("/proc").glob("[0-9]*") if (found := running(path)) is not None and fits(found)]


def alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits for its parent does not."""
    return running(Path("/proc", str(pid))) is not None


def children_of(pid: int) -> list[int]:
    """The processes that it started and that still run."""
    return [int(path.name) for path in folders_of(lambda one: one.parent == pid)]


def wait_until_gone(pid: int) -> None:
    """AssertionError if the process still runs after two minutes."""
    wait_for(f"process {pid} outlives the one that started it", lambda: not alive(pid))
