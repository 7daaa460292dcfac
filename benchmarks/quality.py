"""Every detector on the public half of the quality data; prints a table, or puts it between marks.

    python -m benchmarks.quality [--shared ../shared] [--last 20000] [--out PAGE] [DETECTOR ...]

Scores come from the adapters, figures from the harness in the shared folder, so that the two cannot drift apart. Each
detector is scored at its own window, or at the one behind an @ (default@251). Costly ones are scored on the last
points of each curve only, and their rows say so.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import os
import time
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from ad_stream.evaluation import adapters

WHOLE = (
    "default",
    "default@251",
    "default@120",
    "spectral_residual@251",
    "differences@251",
    "moving_average@251",
    "gated",
    "ar@251",
)
COSTLY = {"seasonal_naive": 20_000, "seasonal_baseline": 5_000, "s_h_esd": 500, "rrcf": 500, "service@251": 200}
START, END = "<!-- table of benchmarks/quality.py -->", "<!-- end of table -->"
HEAD = (
    "| detector | window | F1 best | random F1 | found at 0.1 / 1 / 5 a day | false alarms a day at 50 % / 80 % |"
    " F1 of its flags | NAB | us a point |\n|---|---|---|---|---|---|---|---|---|\n"
)


def main() -> None:
    """Measures what was asked for and prints the table, or puts it between the marks of --out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("detectors", nargs="*")
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("AD_STREAM_SHARED", "../shared")))
    parser.add_argument("--last", type=int, default=0, help="score the last N points of each KPI curve only")
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    harness = load_harness(options.shared / "quality" / "evaluate.py")
    data = options.shared / "quality" / "data"
    asked = options.detectors or [*WHOLE, *COSTLY]
    table = HEAD
    print(HEAD, end="")
    for name in asked:
        row = _row(harness, data, name, options.last or COSTLY.get(name, 0))
        print(row, end="", flush=True)
        table += row
    if options.out is not None:
        write_table(options.out, table, START, END)


def write_table(out: Path, table: str, start: str, end: str) -> None:
    """Puts the table between two marks of a page."""
    text = out.read_text()
    before, after = text.split(start)[0], text.split(end)[1]
    out.write_text(f"{before}{start}\n{table}{end}{after}")


def load_harness(path: Path) -> ModuleType:
    """The module at the path; SystemExit where it is not there."""
    spec = importlib.util.spec_from_file_location("evaluate", path)
    if spec is None or spec.loader is None or not path.exists():
        raise SystemExit(f"the harness is not at {path}: name the shared folder with --shared")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _row(harness: ModuleType, data: Path, asked: str, last: int) -> str:
    name, _, width = asked.partition("@")
    window = int(width) if width else getattr(adapters, name).points
    spec = f"ad_stream.evaluation.adapters:{name}"
    kpi = _evaluate(harness, data / "kpi.parquet", spec, window, last)
    nab = "" if last else f"{_evaluate(harness, data / 'nab.parquet', spec, window)['NAB_standard']:.1f}"
    random = _random(harness, data, last)
    share = f" (last {last:,} points a curve)" if last else ""
    return (
        f"| {name}{share} | {window:,} | {kpi['F1best']:.3f} | {random:.3f}"
        f" | {kpi['R@0.1/d']:.2f} / {kpi['R@1/d']:.2f} / {kpi['R@5/d']:.2f}"
        f" | {kpi['FA/d@R50']:.2f} / {kpi['FA/d@R80']:.2f} | {kpi['F1flag']:.3f} | {nab}"
        f" | {_microseconds(name, window, count=20 if last else 2_000):.1f} |\n"
    )


@cache
def _random(harness: ModuleType, data: Path, last: int) -> float:
    return float(_evaluate(harness, data / "kpi.parquet", "builtin:random", 1, last)["F1best"])


def _microseconds(name: str, window: int, *, count: int) -> float:
    """CPU time a window of noise takes."""
    windows = np.random.default_rng(0).normal(size=(count, window))
    started = time.process_time()
    getattr(adapters, name)(windows)
    return 1e6 * (time.process_time() - started) / count


def _evaluate(harness: ModuleType, data: Path, detector: str, window: int, last: int = 0) -> dict[str, Any]:
    arguments = ["--data", str(data), "--detector", detector, "--window", str(window), "--no-vus"]
    with contextlib.redirect_stdout(io.StringIO()):
        result: dict[str, Any] = harness.main([*arguments, "--max-points", str(last)])
    return result


if __name__ == "__main__":
    main()
