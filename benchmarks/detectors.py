"""Series per CPU second of the fast detectors at 60, 128 and 1,440 points, beside Microsoft's open package.

    python -m benchmarks.detectors [--package-python PATH] [--series 20000] [--rounds 3]

PATH is the interpreter of an environment of its own with time-series-anomaly-detector 0.4.0. One thread, white
noise, whole-process CPU time; the two sides take turns, figures are medians over the rounds. Memory is the traced peak
beside the input while the series are tripled.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

LENGTHS = (60, 128, 1440)
CHUNK = 2**16


def seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Median CPU seconds of one call."""
    work()
    spent = []
    for _ in range(repeats):
        begin = time.process_time()
        work()
        spent.append(time.process_time() - begin)
    return statistics.median(spent)


def each(work: Callable[[Any], Any], parts: list[Any]) -> list[Any]:
    """The work on one part after the other."""
    return [work(part) for part in parts]


def ours(series: int) -> dict[str, dict[int, float]]:
    """Microseconds per series: name -> points -> figure."""
    from scipy import fft

    from ad_stream.detectors import by_name
    from ad_stream.detectors.kernels.saliency import last_score
    from ad_stream.model import Windows

    def bare(part: Any) -> Any:
        return fft.ifft(part + 0j) if len(fft.rfft(part)) else None

    found: dict[str, dict[int, float]] = {}
    for length in LENGTHS:
        rows = np.random.default_rng(0).normal(size=(max(1000, series * 60 // length), length))
        step = max(1, CHUNK // length)
        parts = [rows[first : first + step] for first in range(0, len(rows), step)]
        works: dict[str, Callable[[], Any]] = {
            "bare rfft + complex ifft": partial(each, bare, parts),
            "spectral residual, one pass": partial(each, last_score, parts),
        }
        for name in ("spectral_residual", "default"):
            works[name] = partial(by_name(name, points=length).detect_last, Windows(rows))
        for name, work in works.items():
            found.setdefault(name, {})[length] = 1e6 * seconds(work) / len(rows)
    return found


def memory() -> dict[int, float]:
    """Peak MiB beside input and answer of `default` at 128 points: series -> figure."""
    from ad_stream.detectors import by_name
    from ad_stream.model import Windows

    found = {}
    for series in (10_000, 30_000, 90_000):
        windows = Windows(np.random.default_rng(0).normal(size=(series, 128)))
        tracemalloc.start()
        answer = by_name("default", points=128).detect_last(windows)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        held = sum(getattr(answer, key).nbytes for key in answer.columns())
        found[series] = (peak - held) / 2**20
    return found


def package() -> dict[str, float]:
    """Microseconds per call of the open package's last-point detector, by points."""
    import pandas as pd
    from anomaly_detector import LatestAnomalyDetector

    found = {}
    for length in LENGTHS:
        values = np.random.default_rng(0).normal(size=length)
        frame = pd.DataFrame({"timestamp": pd.date_range("2026-11-01", periods=length, freq="min"), "value": values})
        options = {"granularity": "minutely", "sensitivity": 95}
        found[str(length)] = 1e6 * seconds(lambda: LatestAnomalyDetector().predict(None, frame, dict(options)))  # noqa: B023
    return found


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package-python")
    parser.add_argument("--series", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", choices=("package",), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(json.dumps(package()))
        return
    mine, theirs = [], []
    for _ in range(options.rounds):
        mine.append(ours(options.series))
        if options.package_python:
            theirs.append(_package_side(options.package_python))
    print("| what | " + " | ".join(f"{length:,} points: us (times the package)" for length in LENGTHS) + " |")
    print("|---" * (len(LENGTHS) + 1) + "|")
    for name in mine[0]:
        cells = [_cell([found[name][length] for found in mine], [o[str(length)] for o in theirs]) for length in LENGTHS]
        print(f"| {name} | " + " | ".join(cells) + " |")
    if theirs:
        package_us = [f"{statistics.median(found[str(length)] for found in theirs):,.0f}" for length in LENGTHS]
        print("| the open package 0.4.0 | " + " | ".join(package_us) + " |")
    for series, peak in memory().items():
        print(f"\n{series:,} series of 128 points: {peak:.1f} MiB beside input and answer", end="")
    print(file=sys.stdout)


def _package_side(python: str) -> dict[str, float]:
    command = [python, "-W", "ignore", __file__, "--side", "package"]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | one_thread)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _cell(own: list[float], others: list[float]) -> str:
    """Medians over the rounds: microseconds, and the ratio to the package's in the same round."""
    times = [other / mine for mine, other in zip(own, others, strict=False)]
    ratio = f" ({statistics.median(times):,.0f})" if times else ""
    return f"{statistics.median(own):.1f}{ratio}"


if __name__ == "__main__":
    main()
