"""Isolation forests: how many are grown and rows scored a CPU second, and how their ranks agree with scikit-learn's.

    python -m benchmarks.forest [--shared ../shared] [--curves 14]

Speed on 10,080 minutes of noise with a season. Ranks on the features of KPI windows (15 days of five-minute means): Spearman's
correlation of all scores of a curve with those of scikit-learn's forest of 1,000 trees, which is nearly what more and more trees
lead to, beside the same of its forest of 100 trees. scikit-learn is no dependency: where it is not installed, only speed is told.
"""

from __future__ import annotations

import argparse
import importlib
import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from ad_stream.detectors.forest_fit import learn_forests, past_rows
from ad_stream.detectors.isolation_forest import SeasonForests
from benchmarks.next_day import DAY, windows

Floats = NDArray[np.float64]


def main() -> None:
    """Prints the speeds, then the correlations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("AD_STREAM_SHARED", "../shared")))
    parser.add_argument("--curves", type=int, default=14)
    options = parser.parse_args()
    _speed()
    try:
        forest = importlib.import_module("sklearn.ensemble").IsolationForest
    except ImportError:
        print("scikit-learn is not installed here: no ranks")
        return
    ours, theirs = [], []
    for values, first, step in list(windows(options.shared / "quality" / "data", "kpi", 14, 3))[1::3][: options.curves]:
        rows, scores = _scored(values, first, step)
        many, few = (
            -forest(n_estimators=trees, random_state=trees).fit(rows).score_samples(rows) for trees in (1000, 100)
        )
        ours.append(spearmanr(scores, many)[0])
        theirs.append(spearmanr(few, many)[0])
        print(f"ours {ours[-1]:.3f}, scikit-learn with 100 trees {theirs[-1]:.3f}", flush=True)
    print(f"median of {len(ours)}: {np.median(ours):.3f}, scikit-learn {np.median(theirs):.3f}")


def _scored(values: Floats, first: int, step: int) -> tuple[Floats, Floats]:
    found = SeasonForests.learn(values[None], first, step)
    seconds = first + step * np.arange(len(values), dtype=np.float64)
    rows = past_rows(values, found.seasons.forecast(seconds)[0], seconds)
    place = np.zeros(len(rows), dtype=np.int64)
    rows = found.forests.scaled(place, rows)
    return rows, found.forests.scores(place, rows)


def _speed(series: int = 40, points: int = 10_080) -> None:
    rng = np.random.default_rng(0)
    seconds = np.asarray(20_000 * DAY + 60 * np.arange(points), dtype=np.float64)
    expected = np.tile(3 * np.sin(2 * np.pi * seconds / DAY), (series, 1))
    values = expected + rng.normal(size=expected.shape)
    began = time.process_time()
    forests = learn_forests(values, expected, seconds)
    print(f"{series / (time.process_time() - began):.0f} grown a CPU second ({points:,} points each)")
    place, rows = np.arange(4000) % series, rng.normal(size=(4000, 5))
    began = time.process_time()
    forests.scores(place, rows)
    print(
        f"{1e6 * (time.process_time() - began) / len(rows):.0f} us a row, every row with another forest than the one before"
    )


if __name__ == "__main__":
    main()
