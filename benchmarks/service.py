"""CPU time of `service` per last point, one series and many, beside Microsoft's open package.

    python benchmarks/service.py [--package-python PATH] [--repeats 15]

PATH is the interpreter of an environment of its own with time-series-anomaly-detector 0.4.0 (numpy < 2, torch and
mlflow with it). Both sides get equal series and answer in one thread; figures are the median of process CPU time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

LENGTHS = (12, 60, 120, 288, 1440, 2880)
SHAPES = ("noise", "seasonal")
BATCH = 40
START = np.datetime64("2026-11-01T00:00:00", "us")


def series(shape: str, n: int, seed: int) -> np.ndarray:
    """(n,) minutely values: white noise, alone or on an hourly and a daily cycle."""
    minute = np.arange(n)
    values = np.random.default_rng(seed).normal(0, 1, n)
    if shape == "seasonal":
        values = values + 5 * np.sin(2 * np.pi * minute / 60) + 5 * np.sin(2 * np.pi * minute / 1440)
    return values


def median_ms(work: Callable[[int], object], repeats: int) -> float:
    """Median CPU milliseconds of work(seed), after one call that is not counted."""
    work(0)
    spent = []
    for seed in range(1, repeats + 1):
        begin = time.process_time()
        work(seed)
        spent.append((time.process_time() - begin) * 1e3)
    return statistics.median(spent)


def ours(repeats: int) -> dict[str, float]:
    """Milliseconds per series: `judge_last` on one, `Service.detect_last` on BATCH at once."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from ad_stream.detectors.azure import Options, Service, judge_last
    from ad_stream.model import Windows

    options = Options(granularity="minutely", sensitivity=95)
    found = {}
    for n in LENGTHS:
        times = np.asarray(START + np.arange(n) * np.timedelta64(60, "s"), dtype="datetime64[us]")
        for shape in SHAPES:
            one = median_ms(lambda seed: judge_last(series(shape, n, seed), times, options), repeats)  # noqa: B023
            rows = np.stack([series(shape, n, seed) for seed in range(BATCH)])
            many = median_ms(lambda _: Service(points=n).detect_last(Windows(rows)), 3) / BATCH  # noqa: B023
            found[f"one {shape} {n}"], found[f"many {shape} {n}"] = one, many
    return found


def package(repeats: int) -> dict[str, float]:
    """Milliseconds per call of the open package, in its own interpreter."""
    import pandas as pd
    from anomaly_detector import LatestAnomalyDetector

    found = {}
    for n in LENGTHS:
        times = pd.to_datetime(START + np.arange(n) * np.timedelta64(60, "s"))
        for shape in SHAPES:

            def call(seed: int) -> object:
                frame = pd.DataFrame({"timestamp": times, "value": series(shape, n, seed)})  # noqa: B023
                return LatestAnomalyDetector().predict(None, frame, {"granularity": "minutely", "sensitivity": 95})

            found[f"{shape} {n}"] = median_ms(call, repeats if n < 1440 else max(3, repeats // 5))
    return found


def child(python: str, side: str, repeats: int) -> dict[str, float]:
    """One side in a process of its own, whose libraries see one thread."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = [python, "-W", "ignore", __file__, "--side", side, "--repeats", str(repeats)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | one_thread)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package-python")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--side", choices=("ours", "package"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        print(json.dumps({"ours": ours, "package": package}[arguments.side](arguments.repeats)))
        return
    mine = child(sys.executable, "ours", arguments.repeats)
    theirs = child(arguments.package_python, "package", arguments.repeats) if arguments.package_python else {}
    print(f"{'points':>6} {'series':9} {'one, ms':>9} {'many, ms':>9} {'package, ms':>12} {'one':>7} {'many':>7}")
    for n in LENGTHS:
        for shape in SHAPES:
            one, many = mine[f"one {shape} {n}"], mine[f"many {shape} {n}"]
            other = theirs.get(f"{shape} {n}", float("nan"))
            line = f"{n:6} {shape:9} {one:9.2f} {many:9.2f} {other:12.1f}"
            print(f"{line} {other / one:6.1f}x {other / many:6.1f}x" if theirs else line)


if __name__ == "__main__":
    main()
