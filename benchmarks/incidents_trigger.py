"""What incidents add to a steady trigger: the whole body of foreachBatch, on and off in turn within one run.

    python benchmarks/incidents_trigger.py [SERIES ...] [--points 120] [--pairs 8]        default 100000 series

One new minute of every series a trigger, through Spark and real Delta, 0.05 % of them far off each minute, so that incidents open and
close all the time. Even batches run with `incidents` off, odd ones with them on, so that the machine's other work and the
growing tables hit both alike. CPU of the whole process tree; medians of the pairs after three of warm-up.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import measure
from trigger_work import feed_groups, seed_history, stream_groups

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WARM_UP = 3
SPIKE_IN = 2_000
NOW = datetime(2026, 11, 1, 12, 20, tzinfo=timezone.utc)
"""The first minute that is triggered: no hour ends within 40 triggers."""


def parent() -> None:
    """A process a size, then the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", type=int, nargs="*", default=[100_000])
    parser.add_argument("--points", type=int, default=120)
    parser.add_argument("--pairs", type=int, default=8)
    options = parser.parse_args()
    header = ["series", "points", "CPU s, off", "CPU s, on", "of a pair, median", "least", "most", "events a minute"]
    rows = []
    for series in options.series:
        work = tempfile.mkdtemp(prefix="ad-stream-bench-")
        try:
            found = measure.child(
                __file__, {"series": series, "points": options.points, "pairs": options.pairs, "work": work}
            )
        finally:
            shutil.rmtree(work)
        off, on = found["off"], found["on"]
        ratios = [b / a for a, b in zip(off, on, strict=True)]
        rows.append(
            [series, options.points, median(off), median(on), median(on) / median(off) - 1, min(ratios) - 1, max(ratios) - 1,
             found["events"]]
        )  # fmt: skip
        print(f"  off {_shown(off)}\n  on  {_shown(on)}", file=sys.stderr)
    print(measure.table(header, rows))


def _shown(seconds: list[float]) -> str:
    return " ".join(f"{one:.2f}" for one in seconds)


def child(task: dict[str, Any]) -> dict[str, Any]:
    """Seed, trigger in turn, measure."""
    from ad_stream.config import parse
    from ad_stream.pipeline.batch import Batches
    from ad_stream.pipeline.operation.cpu import process_tree_seconds
    from ad_stream.pipeline.operation.session import session
    from ad_stream.pipeline.store.delta import DeltaTables

    work, pairs = Path(task["work"]), WARM_UP + task["pairs"]
    settings = {
        "source": {"kind": "files", "path": str(work / "in"), "files_per_trigger": 1},
        "detection": {"detector": "default", "points": task["points"]}, "tables": {"path": str(work / "tables")},
        "checkpoint": str(work / "checkpoint"), "trigger": "available_now",
    }  # fmt: skip
    off, on = (parse(settings | {"incidents": {"enabled": enabled}}) for enabled in (False, True))
    tables = DeltaTables(session(), off.tables)
    tables.create()
    seed_history(tables, task["series"], task["points"], NOW)
    feed_groups(work / "in", task["series"], NOW, 2 * pairs, spike_in=SPIKE_IN)
    batches = Batches(off, tables, cpu=process_tree_seconds)
    costs: tuple[list[float], list[float]] = ([], [])

    def body(groups: DataFrame, batch_id: int) -> None:
        turn = batch_id % 2
        batches.config = (off, on)[turn]
        before = process_tree_seconds() or 0.0
        batches(groups, batch_id)
        costs[turn].append((process_tree_seconds() or 0.0) - before)

    stream_groups(off, tables, body, lambda _, __: None)
    events = tables.read("incident_events").count() / pairs
    return {"off": costs[0][WARM_UP:], "on": costs[1][WARM_UP:], "events": round(events)}


if __name__ == "__main__":
    measure.main(__file__, parent, child)
