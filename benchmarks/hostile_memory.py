"""Peak memory of a run over hostile messages, against one over as many good ones.

    python benchmarks/hostile_memory.py [MESSAGES] [REPEATS]        default 21000 3

The hostile ones are the corpus of the tests, drawn for the limits as they ship, so that bodies of 262 kB, arrays of 5,000
elements and objects of 1,000 members are among them. Each run is a process of its own, from files, with all its tables.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import measure

from ad_stream.config.sections import Telemetry
from ad_stream.simulate.devices.hostile import Hostile, MessageLimits, hostile

MINUTES, FILES = 40, 4
START = datetime(2026, 11, 1, tzinfo=timezone.utc)
KINDS = ("good", "hostile")
GOAL = 1.3


def parent() -> None:
    """Write both inputs, run them in turn, print the table."""
    numbers = [int(word.replace("_", "")) for word in sys.argv[1:]]
    count, repeats = (numbers + [21_000, 3][len(numbers) :])[:2]
    work = Path(tempfile.mkdtemp(prefix="ad-stream-bench-"))
    try:
        for kind in KINDS:
            write(work / kind, count, kind)
        tasks = {kind: {"input": str(work / kind)} for kind in KINDS}
        found = measure.interleaved(tasks, __file__, repeats)
    finally:
        shutil.rmtree(work)
    good = found["good"]["peak_mb"]
    names = ["judged", "quarantined", "cpu", "peak_mb"]
    rows = [[kind, *(round(found[kind][name]) for name in names), found[kind]["peak_mb"] / good] for kind in KINDS]
    print(f"{count} messages each, medians of {repeats} runs, the whole process tree")
    print(measure.table(["messages", "windows judged", "quarantined", "CPU s", "peak MB", "ratio"], rows))
    print(f"goal: ratio <= {GOAL}")


def write(folder: Path, count: int, kind: str) -> None:
    """The messages, spread over 40 minutes, in files of ten."""
    folder.mkdir()
    messages = list(enumerate(hostile(7, count, limits()) if kind == "hostile" else good(count)))
    for part in range(FILES):
        chosen = messages[part * count // FILES : (part + 1) * count // FILES]
        lines = (one.line(_iso(n * MINUTES / count), str(n % 2), n) for n, one in chosen)
        (folder / f"messages-{part}.jsonl").write_text("".join(lines))


def good(count: int) -> Iterator[Hostile]:
    """Messages of one reading, each from a device of its own, as the hostile ones are."""
    for number in range(count):
        yield Hostile("good", "lives", f'{{"t":{number % 977 / 10}}}'.encode(), {})


def limits() -> MessageLimits:
    """Those of the section `telemetry` as they ship."""
    shipped = Telemetry()
    return MessageLimits(**{name: getattr(shipped, name) for name in MessageLimits.__dataclass_fields__})


def _iso(minute: float) -> str:
    return f"{START + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%S}Z"


def child(task: dict[str, Any]) -> dict[str, Any]:
    """One run; -> its counts."""
    from ad_stream.config import parse
    from ad_stream.pipeline.run import run

    work = tempfile.mkdtemp(prefix="ad-stream-bench-")
    try:
        summary = run(parse({
            "source": {"kind": "files", "path": f"{task['input']}/*.jsonl", "files_per_trigger": 1},
            "telemetry": {"event_time": "time"}, "tables": {"path": f"{work}/tables"}, "checkpoint": f"{work}/checkpoint",
            "trigger": "available_now",
        }))  # fmt: skip
    finally:
        shutil.rmtree(work)
    return {"judged": summary.minutes_closed, "quarantined": sum(summary.quarantined.values())}


if __name__ == "__main__":
    measure.main(__file__, parent, child)
