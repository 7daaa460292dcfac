"""Detectors on five labelled sets, each judged with the threshold that the other sets set.

    python -m benchmarks.leave_one_out [--shared ../shared] [--last N] [--out docs/detectors.md] [DETECTOR ...]

Sets: kpi, kpi_b, wsd, fleet (`simulated_fleet`) and nab (both halves). Per set and detector: F1 at the set's own best
threshold, with the threshold of kpi alone, with the one that suits the other sets best (mean of their F1), events found
at 0.1 and 1 false alarm a series and day, false alarms a day at 50 % and 80 % of the events; for nab the standard score
at its best threshold, each half with the other half's threshold, and by the detector's own flags. A detector is scored
at its own window, or at the one behind an @; default+profile, seasonal and isolation_forest learn each series from the 28 days
before its first judged point. --last
keeps the last N points of each curve. Scores come from the adapters, figures from the harness in the shared folder.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from ad_stream.detectors import by_name, knowing, learns_of
from ad_stream.evaluation import adapters
from ad_stream.model import Windows
from ad_stream.models.kinds import KINDS, known_in
from ad_stream.models.learning import learn_bucket
from benchmarks import simulated_fleet
from benchmarks.quality import load_harness, write_table

LEARNING = ("seasonal", "isolation_forest")
"""Detectors that learn each curve from the DAYS before its first judged point, as default+profile does."""
DAYS = 28
USUAL = ("default", "default+profile", "seasonal", "gated", "differences@1501", "moving_average@1501", "random")
EVENTS, NAB = ("kpi", "kpi_b", "wsd", "fleet"), ("nab", "nab_b")
START, END = "<!-- table of benchmarks/leave_one_out.py -->", "<!-- end of the table -->"
HEAD = (
    "| set left out | detector | F1 best | carried from kpi | carried from the others | found at 0.1 / 1 a day |"
    " false alarms a day at 50 % / 80 % |\n|---|---|---|---|---|---|---|\n"
)
HEAD_NAB = "\n| NAB | best | each half with the other's threshold | by its own flags |\n|---|---|---|---|\n"


@dataclass
class Scored:
    """One detector on one set: delay-adjusted scores and labels of all curves (n,), and the harness's figures."""

    adjusted: np.ndarray[Any, Any]
    labels: np.ndarray[Any, Any]
    figures: dict[str, Any] = field(default_factory=dict)

    def f1(self, harness: ModuleType, threshold: float) -> float:
        """F1 with every score of `threshold` or more a flag."""
        return float(harness.f1_at(self.adjusted, self.labels, threshold)[2])

    def f1_curve(self, thresholds: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """(k,) rising thresholds -> F1 at each."""
        order = np.argsort(self.adjusted)
        hits = np.concatenate([np.cumsum(self.labels[order][::-1].astype(np.int64))[::-1], [0]])
        place = np.searchsorted(self.adjusted[order], thresholds)
        return np.asarray(2 * hits[place] / (len(order) - place + hits[0]))


def main() -> None:
    """Scores, prints, and puts the tables between the marks of --out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detectors", nargs="*")
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("AD_STREAM_SHARED", "../shared")))
    parser.add_argument("--last", type=int, default=0)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    harness = load_harness(options.shared / "quality" / "evaluate.py")
    sets = {name: _load(harness, options.shared / "quality" / "data", name) for name in (*EVENTS, *NAB)}
    rows: dict[str, list[str]] = {name: [] for name in EVENTS}
    nab_rows = []
    for name in options.detectors or USUAL:
        scored = {key: _score(harness, name, curves, meta, options.last) for key, (curves, meta) in sets.items()}
        for key in EVENTS:
            rows[key].append(_row(harness, name, key, scored))
        nab_rows.append(_nab_row(harness, name, scored))
        print(*(row[-1] for row in rows.values()), nab_rows[-1], sep="", flush=True)
    table = HEAD + "".join("".join(part) for part in rows.values()) + HEAD_NAB + "".join(nab_rows)
    if options.out is not None:
        write_table(options.out, table, START, END)


def _load(harness: ModuleType, data: Path, name: str) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """The curves of a set as the harness holds them, and their description."""
    if name != "fleet":
        curves, meta = harness.load(str(data / f"{name}.parquet"))
        return curves, meta
    devices = simulated_fleet.curves()
    frames = {
        f"fleet/{number:03d}": pd.DataFrame(
            {"timestamp": 60 * np.arange(len(curve.values)), "value": curve.values, "label": curve.labels}
        )
        for number, curve in enumerate(devices)
    }
    return frames, pd.DataFrame({"interval_s": 60, "score_from": 60 * simulated_fleet.SCORE_FROM}, index=list(frames))


def _score(harness: ModuleType, asked: str, curves: dict[str, pd.DataFrame], meta: pd.DataFrame, last: int) -> Scored:
    name, _, width = asked.partition("@")
    knowing, name = name.endswith("+profile") or name in LEARNING, name.removesuffix("+profile")
    plain: Callable[..., Any] = harness.BUILTIN[name] if name == "random" else getattr(adapters, name)
    window = int(width) if width else 1 if name == "random" else int(getattr(adapters, name).points)
    scores, adjusted, labels = {}, [], []
    for series, frame in curves.items():
        first = int(np.searchsorted(frame.timestamp.to_numpy(), meta.score_from[series]))
        first = max(first, len(frame) - last) if last else first
        detector = plain
        if knowing:
            start, interval = max(first, window - 1), int(meta.interval_s[series])
            detector = _knowing(name, frame, int(meta.score_from[series]), interval, start)
        score, flags = harness.run_detector(detector, frame.value.to_numpy(dtype=float), window, first)
        scores[series] = (score, flags, first)
        truth = frame.label.to_numpy(dtype=np.int8)[first:]
        adjusted.append(harness.adjust_scores(score[first:], truth, harness.delay_for(int(meta.interval_s[series]))))
        labels.append(truth)
    figures = harness.evaluate(curves, meta, scores, with_vus=False)
    figures["files"] = [
        (score, curves[series].label.to_numpy(dtype=np.int8)) for series, (score, _, _) in scores.items()
    ]
    figures["flags"] = [
        (np.zeros(len(score)) if flags is None else flags.astype(float), curves[series].label.to_numpy(dtype=np.int8))
        for series, (score, flags, _) in scores.items()
    ]
    return Scored(np.concatenate(adjusted), np.concatenate(labels), figures)


def _knowing(name: str, frame: pd.DataFrame, score_from: int, interval: int, first: int) -> Callable[..., Any]:
    """The detector with what is learned from the DAYS before `score_from`; first: the row that the first window it is handed ends
    with, for windows come in the order of their rows, and a season asks when they end."""
    times, values = frame.timestamp.to_numpy(), frame.value.to_numpy(dtype=float)
    detector = by_name(name)
    past = (times < score_from) & (times >= score_from - DAYS * 86_400)
    learned = np.full((1, 1), np.nan)
    if past.any():
        steps = times[past] // interval
        (model,) = learn_bucket(
            "0", [("a", "t")], np.zeros(len(steps), dtype=np.int64), steps, values[past],
            kind=KINDS[learns_of(detector)], step_seconds=interval,
        )[:1]  # fmt: skip
        known = known_in(f"{learns_of(detector)}@1", [(model["blob"], model["sha256"])])
        detector, learned = knowing(detector, known), known.rows(*np.array([["a"], ["t"]], dtype=object))
    ends = iter(times[first:])

    def judge(windows: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        end = np.fromiter(islice(ends, len(windows)), dtype=np.int64).astype("datetime64[s]")
        known = np.repeat(learned, len(windows), axis=0)
        verdict = detector.detect_last(Windows(windows, end, timedelta(seconds=interval), known))
        return verdict.score, verdict.is_anomaly

    return judge


def _row(harness: ModuleType, name: str, left_out: str, scored: dict[str, Scored]) -> str:
    figures = scored[left_out].figures
    others = [scored[key] for key in EVENTS if key != left_out]
    carried = scored[left_out].f1(harness, _best_for(others))
    from_kpi = "" if left_out == "kpi" else f"{scored[left_out].f1(harness, scored['kpi'].figures['thr']):.3f}"
    return (
        f"| {left_out} | {name} | {figures['F1best']:.3f} | {from_kpi} | {carried:.3f}"
        f" | {figures['R@0.1/d']:.2f} / {figures['R@1/d']:.2f} | {figures['FA/d@R50']:.3f} / {figures['FA/d@R80']:.2f} |\n"
    )


def _best_for(sets: list[Scored]) -> float:
    """The threshold with the highest mean F1 over the sets."""
    finite = np.concatenate([one.adjusted[np.isfinite(one.adjusted)] for one in sets])
    thresholds = np.unique(np.quantile(finite, 1 - np.geomspace(1e-5, 0.2, 300)))
    return float(thresholds[np.argmax(np.mean([one.f1_curve(thresholds) for one in sets], axis=0))])


def _nab_row(harness: ModuleType, name: str, scored: dict[str, Scored]) -> str:
    halves = [scored[key].figures for key in NAB]
    both, _ = harness.nab_score([file for half in halves for file in half["files"]])
    carried = [harness.nab_score(own["files"], thr=other["nab_thr"])[0] for own, other in (halves, halves[::-1])]
    flags = harness.nab_score([file for half in halves for file in half["flags"]], thr=0.5)[0]
    own = "" if name == "random" else f"{flags:.1f}"
    return f"| {name} | {both:.1f} | {carried[0]:.1f}, {carried[1]:.1f} | {own} |\n"


if __name__ == "__main__":
    main()
