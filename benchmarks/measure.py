"""Costs of a child process from outside: CPU seconds and peak memory of its whole tree (JVM, Python workers).

A benchmark calls itself: `child(__file__, {...})` starts the same script as `script.py --child '{...}'`, whose
`main` hands what it found to `report`. Linux only (/proc).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from ad_stream.pipeline.operation.cpu import process_tree_seconds

LOOK_EVERY = 0.5
"""Seconds between two looks at the memory of the tree."""


def child(script: str, task: dict[str, Any]) -> dict[str, Any]:
    """Run `script` on `task` in a process of its own; -> what it reported, with cpu (s), wall (s) and peak_mb."""
    started, peak = time.monotonic(), 0.0
    command = [sys.executable, script, "--child", json.dumps(task)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            peak = max(peak, tree_megabytes(process.pid))
            time.sleep(LOOK_EVERY)
        output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit(f"{script} failed on {task}: run it with --child to see why")
    found: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
    return found | {"wall": time.monotonic() - started, "peak_mb": peak}


def main(script: str, parent: Callable[[], None], work: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """The entry of a benchmark script: the parent prints the table, its children work."""
    if "--child" not in sys.argv:
        parent()
        return
    # Python workers of Spark find the modules beside the script only this way.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(script).parent), os.environ.get("PYTHONPATH")]))
    found = work(json.loads(sys.argv[sys.argv.index("--child") + 1]))
    # The JVM is still alive here, so its seconds are in the sum.
    print(json.dumps(found | {"cpu": process_tree_seconds()}))


def tree_megabytes(pid: int) -> float:
    """Memory of a process and its descendants; a page that n of them share counts 1/n for each."""
    parents = {int(path.name): _parent(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
    children: dict[int, list[int]] = {}
    for one, parent in parents.items():
        children.setdefault(parent, []).append(one)
    kilobytes, todo = 0, [pid]
    while todo:
        one = todo.pop()
        kilobytes += _proportional_kilobytes(one)
        todo += children.get(one, [])
    return kilobytes / 1000


def interleaved(tasks: dict[str, dict[str, Any]], script: str, repeats: int) -> dict[str, dict[str, float]]:
    """Each task `repeats` times, in turn, so that other load on the machine hits all alike; -> medians."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in tasks}
    for turn in range(repeats):
        for name, task in tasks.items():
            runs[name].append(child(script, task))
            print(f"  {turn + 1}/{repeats} {name}: {runs[name][-1]['cpu']:.1f} s CPU", file=sys.stderr, flush=True)
    return {name: _medians(found) for name, found in runs.items()}


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_shown(cell) for cell in line) + " |" for line in lines)


def folder_bytes(path: str | Path) -> int:
    """Bytes of the data files below a table's folder, its log left out."""
    return sum(file.stat().st_size for file in Path(path).rglob("*.parquet") if "_delta_log" not in file.parts)


def _medians(runs: Sequence[dict[str, Any]]) -> dict[str, float]:
    numbers = [key for key, value in runs[0].items() if isinstance(value, (int, float))]
    return {key: median(run[key] for run in runs) for key in numbers}


def _parent(process: Path) -> int:
    try:
        text = (process / "stat").read_text()
    except OSError:  # it ended meanwhile
        return 0
    return int(text[text.rindex(")") + 2 :].split()[1])


def _proportional_kilobytes(pid: int) -> int:
    try:
        lines = Path("/proc", str(pid), "smaps_rollup").read_text().splitlines()
    except OSError:  # it ended meanwhile
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _shown(cell: object) -> str:
    if not isinstance(cell, float):
        return str(cell)
    return f"{cell:.3g}" if abs(cell) < 100 else f"{cell:,.0f}"
