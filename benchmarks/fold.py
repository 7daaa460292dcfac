"""What the fold costs a trigger of one window, beside scoring it: 100,000 series, CPU seconds of one process, no Spark.

    python -m benchmarks.fold [--series 100000] [--windows 40]

Steady: 0.05 % of the series are flagged in each window, those that are open send their rows, every series reports (the
silences look at all). As in the stream the numbers of the series come as a list. Flood: 30,000 of them are flagged in one
window. State: what is packed once an hour. Scoring is `detect_last` of `default` on as many series, each way measured on a part.
"""

from __future__ import annotations

import argparse
import os

os.environ["OMP_NUM_THREADS"] = "1"

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from ad_stream.detectors import by_name
from ad_stream.grid import MINUTE
from ad_stream.incidents.fold import Fold
from ad_stream.incidents.ledger import no_site
from ad_stream.incidents.rules import FoldRules
from ad_stream.incidents.silence import Present
from ad_stream.incidents.window_rows import WindowRows
from ad_stream.model import Windows

FLAGGED, FLOOD, OF_SITE = 0.0005, 30_000, 100
SCORED = {120: 20_000, 1501: 4_000}
"""Points -> series that are scored to learn the cost of one."""


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--windows", type=int, default=40)
    options = parser.parse_args()
    scoring = {points: _scoring(points, some) * options.series for points, some in SCORED.items()}
    for points, seconds in scoring.items():
        print(f"scoring {options.series:,} series of {points:,} points: {seconds:.2f} CPU s")
    for sites in (False, True):
        steady, flood, state, size = _fold(options.series, options.windows, sites)
        shares = ", ".join(f"{steady / seconds:.1%} of {points:,} points" for points, seconds in scoring.items())
        print(f"{'sites of ' + str(OF_SITE) if sites else 'no sites'}: a window {1000 * steady:.0f} ms ({shares});"
              f" {FLOOD:,} flags at once {flood:.1f} s; the state {1000 * state:.0f} ms, {size / 1e6:.1f} MB")  # fmt: skip


def _scoring(points: int, series: int) -> float:
    """CPU seconds a series."""
    rng = np.random.default_rng(1)
    values = 20 + np.cumsum(rng.normal(0, 0.1, (series, points)), axis=1) + rng.normal(0, 1, (series, points))
    detector = by_name("default", points=points)
    return _seconds(lambda: detector.detect_last(Windows(values))) / series


def _fold(series: int, windows: int, sites: bool) -> tuple[float, float, float, int]:
    """Median CPU s of a steady window, of a flood, of packing the state; bytes of the state."""
    rng = np.random.default_rng(2)
    devices = np.array([f"site-{number // OF_SITE:05d}-device-{number:06d}" for number in range(series)], dtype=object)
    fold = Fold(FoldRules(), MINUTE, (lambda name: name[:10]) if sites else no_site, surges=not sites)
    number, keys = {name: at for at, name in enumerate(devices)}, list(range(series))
    costs = []
    for at in range(windows):
        flagged = rng.random(series) < FLAGGED
        costs.append(_seconds(lambda: _step(fold, at, devices, number, keys, flagged)))  # noqa: B023
    flood = np.zeros(series, dtype=bool)
    flood[rng.permutation(series)[:FLOOD]] = True
    cost = _seconds(lambda: _step(fold, windows, devices, number, keys, flood))
    packed: list[bytes] = []
    return median(costs[10:]), cost, _seconds(lambda: packed.append(fold.state())), len(packed[0])


def _step(fold: Fold, at: int, devices: Any, number: dict[str, int], keys: list[int], flagged: Any) -> None:
    wanted = flagged.copy()
    wanted[[number[device] for device, _ in fold.watched]] = True
    some = np.flatnonzero(wanted)
    flags, zero = flagged[some], np.zeros(len(some))
    rows = WindowRows(
        devices[some], np.full(len(some), "t", dtype=object), np.where(flags, 10.0, 0.0), zero, zero + 4, zero + 4,
        np.where(flags, 0.5, 0.0), flags, zero.astype(bool), zero, np.full(len(some), "above", dtype=object),
    )  # fmt: skip
    fold.step(at, rows, Present(np.array(keys, dtype=np.int64), lambda new: [(devices[key], "t") for key in new]))


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
