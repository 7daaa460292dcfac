"""A steady trigger: one new minute of every series, the whole body of foreachBatch, real Delta, against long rows.

    python benchmarks/pipeline_trigger.py [SERIES ...]        default 100 10000 100000

`stream` is ad_stream as it runs, first at the depth that is shipped, then at 120 points. `long rows` is the same body, but
keeps no packed history: it reads the last `points` minutes back from `minutes`, collects and sorts them per series. `whole
run` feeds ad_stream JSON events instead of closed minutes, so that parsing, duplicates and state are in it. `rules` are rows
of `series_config`, a pattern, a sensitivity and a smallest deviation each. History of `points` minutes is seeded before; the
first triggers are warm-up, the median of the others counts. Each row is a process of its own.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import measure
from trigger_work import WORK

from ad_stream.config import Detection
from ad_stream.scoring.verdicts import Scorer

WARM_UP, MEASURED = 4, 12
"""A worker's copy of the history is made anew every tenth trigger; one of those is among the measured ones."""
SHIPPED = Scorer.of(Detection()).points
MINUTE = timedelta(minutes=1)
NOW = datetime(2026, 11, 1, 12, 30, tzinfo=timezone.utc)
"""The first minute that is triggered: half an hour of small history files lies before it, and no hour ends."""
HEADER = [
    "variant", "detector", "points", "series", "rules", "CPU s a trigger", "wall s", "scoring s", "history B/series", "minutes B/series",
    "detections B/series", "peak MB", "hourly tidy CPU s",
]  # fmt: skip


def parent() -> None:
    """One process per row of the table, then the goals."""
    sizes = [int(word.replace("_", "")) for word in sys.argv[1:]] or [100, 10_000, 100_000]
    default = {"points": 120, "detector": "default", "variant": "stream"}
    tasks = [
        *[default | {"series": n, "points": SHIPPED} for n in sizes],
        *[default | {"series": n, "detector": name} for name in ("default", "spectral_residual") for n in sizes],
        *[default | {"series": n, "variant": "long rows"} for n in sizes if n > 100],
        *[default | {"series": n, "variant": "whole run"} for n in sizes],
        default | {"series": min(10_000, sizes[-1]), "points": 600},
        default | {"series": sizes[-1], "rules": 300},
    ]
    rows = []
    for task in tasks:
        found = one(task)
        rows.append([found.get(name, "") for name in HEADER])
        print("  " + measure.table(HEADER, rows[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    print(f"medians of {MEASURED} triggers after {WARM_UP}; CPU of the whole process tree")
    print(measure.table(HEADER, rows))
    print_goals(rows, sizes)


def one(task: dict[str, Any]) -> dict[str, Any]:
    """The row of a task; the folder it works in is removed."""
    work = tempfile.mkdtemp(prefix="ad-stream-bench-")
    try:
        found = measure.child(__file__, task | {"work": work})
    finally:
        shutil.rmtree(work)
    return task | found | {"peak MB": found["peak_mb"]}


def print_goals(rows: list[list[Any]], sizes: list[int]) -> None:
    """The goals of issues 2 and 19 beside what was measured."""
    cpu = {(row[0], row[1], row[2], row[3]): row[5] for row in rows if not row[4]}
    small, middle, large = (sizes * 3)[:3]
    for name, points, most in (("default", SHIPPED, 80), ("default", 120, 40), ("spectral_residual", 120, 40)):
        at = {n: cpu["stream", name, points, n] for n in sizes}
        if len(sizes) == 3:
            slope = (at[large] - at[middle]) / (large - middle) * 1e6
            print(f"{name}, {points} points: fixed {at[small]:.2f} s (goal <= 1.5); CPU({middle}) - CPU({small}) = "
                  f"{at[middle] - at[small]:.2f} s (goal <= 4); slope {slope:.1f} us a series (goal <= {most}); "
                  f"CPU({large}) = {at[large]:.1f} s (goal at 100,000 series <= 12)")  # fmt: skip
    for n in sizes:
        if ("long rows", "default", 120, n) in cpu:
            ratio = cpu["stream", "default", 120, n] / cpu["long rows", "default", 120, n]
            print(f"{n} series: {ratio:.2f} of long rows (goal <= 0.65)")


def child(task: dict[str, Any]) -> dict[str, Any]:
    """Seed, trigger, measure."""
    from ad_stream.config import parse
    from ad_stream.grid import Grid
    from ad_stream.model import LONG_HISTORY
    from ad_stream.pipeline.operation.cpu import process_tree_seconds
    from ad_stream.pipeline.operation.session import session
    from ad_stream.pipeline.steps import history
    from ad_stream.pipeline.store.delta import DeltaTables
    from ad_stream.scoring.depth import Depth
    from ad_stream.series_config import table as series_config

    work = Path(task["work"])
    config = parse({
        "source": {"kind": "files", "path": str(work / "in"), "files_per_trigger": 1},
        "detection": {"detector": task["detector"], "points": task["points"]},
        "tables": {"path": str(work / "tables")}, "checkpoint": str(work / "checkpoint"), "trigger": "available_now",
    })  # fmt: skip
    tables = DeltaTables(session(), config.tables)
    tables.create()
    for number in range(task.get("rules", 0)):
        wish = {"device": f"dev-{number:03d}*", "sensitivity": 75 + number % 20, "min_deviation": number / 1000}
        series_config.append(work / "tables", wish, now=NOW)
    seed, feed, start = WORK[task["variant"]]
    seed(tables, task["series"], task["points"], NOW)
    # A run of JSON events closes a minute two triggers after its own; they are warm-up.
    feed(work / "in", task["series"], NOW, WARM_UP + MEASURED)
    ends: list[tuple[float, float]] = []
    sizes: list[dict[str, int]] = []

    def after(cpu: float, wall: float) -> None:
        ends.append((cpu, wall))
        sizes.append(
            {name: measure.folder_bytes(work / "tables" / name) for name in ("history", "minutes", "detections")}
        )

    scoring = start(config, tables, after)
    found = {
        "CPU s a trigger": _step([cpu for cpu, _ in ends]), "wall s": _step([wall for _, wall in ends]), "scoring s": scoring,
    }  # fmt: skip
    for name in sizes[0]:
        found[f"{name} B/series"] = _step([float(size[name]) for size in sizes]) / task["series"]
    before, depth = process_tree_seconds() or 0.0, Depth(task["points"], LONG_HISTORY // MINUTE, Grid())
    history.tidy(tables, NOW + timedelta(hours=1), depth, thin_from=depth.whole_from(NOW))
    return found | {"hourly tidy CPU s": (process_tree_seconds() or 0.0) - before}


def _step(values: list[float]) -> float:
    """The median difference between neighbours, warm-up left out."""
    tail = values[-MEASURED - 1 :]
    return median(after - before for before, after in pairwise(tail))


if __name__ == "__main__":
    measure.main(__file__, parent, child)
