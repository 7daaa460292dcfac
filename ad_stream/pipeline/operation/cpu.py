"""CPU seconds of a process and all that it started (JVM, Python workers), finished ones included; Linux /proc."""

from __future__ import annotations

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
LOOKS = 5


def process_tree_seconds(root: int | None = None) -> float | None:
    """User + system seconds of the process tree below `root` (None: this one), waited-for children included; None where /proc
    is absent."""
    if not Path("/proc/self/stat").exists():
        return None
    total = 0.0
    for _ in range(LOOKS):
        seconds = _tree(root or os.getpid())
        total = sum(seconds.values())
        # One that ended after its parent had been read is in neither.
        if all(Path("/proc", str(pid)).exists() for pid in seconds):
            break
    return total


def _tree(root: int) -> dict[int, float]:
    """The seconds of a process and of each below it."""
    found = dict(_stat(Path("/proc", name)) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208
    children: dict[int, list[int]] = {}
    for pid, (parent, _) in found.items():
        children.setdefault(parent, []).append(pid)
    tree, todo = {}, [root]
    while todo:
        pid = todo.pop()
        tree[pid] = found.get(pid, (0, 0.0))[1]
        todo += children.get(pid, [])
    return tree


def _stat(folder: Path) -> tuple[int, tuple[int, float]]:
    try:
        text = (folder / "stat").read_text()
    except OSError:  # the process ended meanwhile; its seconds are then in its parent's
        return int(folder.name), (0, 0.0)
    # The name in brackets may hold blanks; the numbers stand behind it.
    fields = text[text.rindex(")") + 2 :].split()
    return int(folder.name), (int(fields[1]), sum(int(field) for field in fields[11:15]) / TICKS)
