"""The batched scorer against the same code called one series at a time, 128 points, one thread, CPU of this process.

python benchmarks/scorer.py
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"

import time
from collections.abc import Callable
from statistics import median

import measure
import numpy as np

from ad_stream.detectors import by_name
from ad_stream.detectors.base import Detector
from ad_stream.model import Windows

NAMES = ("default", "spectral_residual")
POINTS, BATCH, LOOP, REPEATS = 128, 20_000, 1_000, 5


def main() -> None:
    """Print one row per detector."""
    rng = np.random.default_rng(1)
    series = 20 + np.cumsum(rng.normal(0, 0.1, (BATCH, POINTS)), axis=1) + rng.normal(0, 1, (BATCH, POINTS))
    rows = [_row(name, series) for name in NAMES]
    print(f"{POINTS} points, batch of {BATCH}, loop over {LOOP}, medians of {REPEATS} turns; goal: ratio >= 8")
    print(measure.table(["detector", "batched us/series", "loop us/series", "ratio", "series per CPU s"], rows))


def _row(name: str, series: np.ndarray) -> list[object]:
    detector = by_name(name, points=max(POINTS, by_name(name).min_points))
    turns = [
        (_seconds(lambda: _batched(detector, series)), _seconds(lambda: _one_by_one(detector, series)))
        for _ in range(REPEATS)
    ]
    batched, loop = median(a for a, _ in turns) / BATCH, median(b for _, b in turns) / LOOP
    return [name, batched * 1e6, loop * 1e6, median(b / LOOP * BATCH / a for a, b in turns), 1 / batched]


def _batched(detector: Detector, series: np.ndarray) -> None:
    detector.detect_last(Windows(series))


def _one_by_one(detector: Detector, series: np.ndarray) -> None:
    for one in series[:LOOP]:
        detector.detect_last(Windows(one))


def _seconds(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
