"""What a person gets from labelled curves: alarms as flags that follow each other, and incidents, beside the events.

    python -m benchmarks.incidents --data ../shared/quality/data/kpi.parquet [--verdicts FILE.npz] [--json] [--set open_severity=0.3]

Each curve is one device with one signal, judged by `default` from `score_from` on as the stream judges it. An alarm is a run
of flags (`incidents.alarms`), an incident what the fold makes of the same flags. An event counts as found by what
overlaps it, two windows of tolerance on either side; what overlaps none is false. The severity that opens was chosen on
kpi alone; the cuts of the levels were set after kpi_b and wsd had been printed, too, so no set here judges them. --verdicts
keeps the verdicts, which cost 90 us a point, for the next run. --cuts prints how often incidents of a severity were
events: what the levels rest on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ad_stream.config.overrides import overrides
from ad_stream.detectors import by_name
from ad_stream.evaluation.metrics import events
from ad_stream.grid import Grid
from ad_stream.incidents.alarms import mark_continuing
from ad_stream.incidents.fold import Fold
from ad_stream.incidents.rules import FoldRules
from ad_stream.incidents.window_rows import WindowRows
from ad_stream.model import REFRACTORY
from ad_stream.scoring.windows import judge

TOLERANCE = 2
VERDICT = ("value", "expected", "lower_margin", "upper_margin", "severity")
CUTS = (0.0, 0.25, 0.3, 0.36, 0.4, 0.44, 0.5, 0.55, 0.6, 0.65)
Spans = np.ndarray[Any, Any]


@dataclass
class Told:
    """What somebody is told of one curve: first and last window (k, 2), the window it was told in and severity (k,)."""

    spans: Spans
    opened: Spans
    severity: Spans


@dataclass
class Counts:
    """Of one set and one way to tell."""

    told: int = 0
    false: int = 0
    found: int = 0
    once: int = 0
    events: int = 0
    days: float = 0.0
    delays: list[float] | None = None
    errors: list[float] | None = None

    def figures(self) -> dict[str, float]:
        """Rates a series and day, shares, minutes."""
        return {
            "told_a_day": self.told / self.days, "false_a_day": self.false / self.days, "coverage": self.found / self.events,
            "exactly_one": self.once / max(self.found, 1), "split": 1 - self.once / max(self.found, 1),
            "precision": 1 - self.false / max(self.told, 1),
            "duration_error_median_min": float(np.median(self.errors or [np.nan])),
            "start_to_opened_p90_min": float(np.percentile(self.delays or [np.nan], 90)),
        }  # fmt: skip


def main() -> None:
    """Prints the figures of one set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--verdicts", type=Path)
    parser.add_argument("--curves", type=int, help="the first so many")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--cuts", action="store_true")
    parser.add_argument("--set", action="append", default=[], dest="set_")
    options = parser.parse_args()
    if not options.data.exists():
        raise SystemExit(f"there is no {options.data}: name a file of the quality data with --data")
    curves = verdicts(options.data, options.verdicts, options.curves)
    rules = replace(FoldRules(), **overrides(options.set_))
    told = {"alarms": {name: alarms(curve) for name, curve in curves.items()}, "incidents": dict(folded(curves, rules))}
    figures = {way: count(curves, one).figures() for way, one in told.items()}
    a, b = figures["alarms"], figures["incidents"]
    figures["ratio"] = {
        "told": b["told_a_day"] / a["told_a_day"], "false": b["false_a_day"] / a["false_a_day"],
        "coverage_lost": a["coverage"] - b["coverage"],
    }  # fmt: skip
    if options.json:
        print(json.dumps({"data": options.data.stem, **figures}))
    else:
        print(text(options.data.stem, figures))
    if options.cuts:
        print(cuts(curves, told["incidents"]))


def text(name: str, figures: dict[str, dict[str, float]]) -> str:
    """The figures as a table."""
    lines = [f"{name:28} {'alarms':>10} {'incidents':>10}"]
    lines += [f"{key:28} {figures['alarms'][key]:10.3f} {figures['incidents'][key]:10.3f}" for key in figures["alarms"]]
    return "\n".join(
        [
            *lines,
            *(
                f"{key + ', ratio' if key != 'coverage_lost' else key:28} {value:21.3f}"
                for key, value in figures["ratio"].items()
            ),
        ]
    )


def verdicts(data: Path, kept: Path | None, most: int | None = None) -> dict[str, dict[str, Any]]:
    """Curve -> its judged rows: step, seconds, label, flag, stuck and VERDICT, each (n,). most: so many curves."""
    if kept is not None and kept.exists():
        with np.load(kept, allow_pickle=False) as found:
            names = json.loads(str(found["names"]))
            return {
                name: {key: found[f"{number}/{key}"] for key in (*VERDICT, "step", "label", "flag", "stuck", "seconds")}
                for number, name in enumerate(names)
            }
    meta = pd.read_csv(data.with_name("series.csv")).set_index("series_id")
    rows = pd.read_parquet(data)
    some = islice(rows.groupby("series_id", observed=True), most)
    curves = {str(name): _judged(curve, meta.loc[str(name)]) for name, curve in some}
    if kept is not None:
        arrays = {f"{number}/{key}": value for number, one in enumerate(curves.values()) for key, value in one.items()}
        np.savez(kept, names=json.dumps(list(curves)), **arrays)
    return curves


def _judged(rows: pd.DataFrame, about: Any) -> dict[str, Any]:
    seconds = int(about.interval_s)
    step = rows["timestamp"].to_numpy() // seconds
    matrix, label = np.full((1, int(step[-1] - step[0] + 1)), np.nan), np.zeros(int(step[-1] - step[0] + 1), dtype=bool)
    matrix[0, step - step[0]], label[step - step[0]] = rows["value"], rows["label"].astype(bool)
    judged = ~np.isnan(matrix)
    judged[0, : max(0, int(about.score_from) // seconds - step[0])] = False
    _, at, verdict = judge(matrix, judged, by_name("default"), step=timedelta(seconds=seconds))
    columns = {name: getattr(verdict, name) for name in VERDICT[1:]}
    return {
        **columns, "value": matrix[0, at], "step": at + step[0], "label": label[at], "flag": verdict.is_anomaly,
        "stuck": np.asarray(verdict.reason == "stuck"), "seconds": np.array(seconds),
    }  # fmt: skip


def alarms(curve: dict[str, Any]) -> Told:
    """Runs of flags, as everything that counts alarms has them."""
    flags = np.flatnonzero(curve["flag"])
    step, severity = curve["step"][flags], curve["severity"][flags]
    refractory = Grid(int(curve["seconds"])).refractory(REFRACTORY)
    follows = mark_continuing(
        np.zeros(len(step), dtype=np.int64), step, np.ones(len(step), dtype=bool), refractory=refractory
    )
    begins = np.flatnonzero(~follows)
    ends = np.r_[begins[1:] - 1, len(step) - 1][: len(begins)]
    worst = np.array([severity[a : b + 1].max() for a, b in zip(begins, ends, strict=True)])
    return Told(np.stack([step[begins], step[ends]], axis=1), step[begins], worst)


def folded(curves: dict[str, dict[str, Any]], rules: FoldRules) -> Iterator[tuple[str, Told]]:
    """The incidents of each curve; curves of one grid go through one fold together."""
    for seconds in sorted({int(one["seconds"]) for one in curves.values()}):
        some = {name: one for name, one in curves.items() if int(one["seconds"]) == seconds}
        last: dict[str, dict[str, Any]] = {}
        for row in _events(some, rules.on(seconds), Grid(seconds)):
            if row["event"] not in ("joined", "left"):
                last[row["incident_id"]] = row
        by_name: dict[str, list[dict[str, Any]]] = {name: [] for name in some}
        for row in last.values():
            by_name[row["device_id"]].append(row)
        for name, found in by_name.items():
            spans = np.array([(one["started"], one["last"]) for one in found]).reshape(-1, 2)
            yield (
                name,
                Told(spans, np.array([one["opened"] for one in found]), np.array([one["severity"] for one in found])),
            )


def _events(curves: dict[str, dict[str, Any]], rules: FoldRules, grid: Grid) -> Iterator[dict[str, Any]]:
    names = np.array(list(curves), dtype=object)
    code = np.repeat(np.arange(len(names)), [len(one["step"]) for one in curves.values()])
    all_ = {key: np.concatenate([one[key] for one in curves.values()]) for key in (*VERDICT, "step", "flag")}
    order = np.argsort(all_["step"], kind="stable")
    bounds = np.flatnonzero(np.diff(all_["step"][order], prepend=-1))
    fold, watched, number = (
        Fold(rules, grid, surges=False),
        np.zeros(len(names), dtype=bool),
        {name: n for n, name in enumerate(names)},
    )
    for first, last in zip(bounds, np.r_[bounds[1:], len(order)], strict=True):
        at = order[first:last]
        at = at[all_["flag"][at] | watched[code[at]]]
        if len(at):
            yield from fold.step(int(all_["step"][at[0]]), _rows(all_, at, names[code[at]]))
            watched[:] = False
            watched[[number[device] for device, _ in fold.episodes.watched()]] = True


def _rows(all_: dict[str, Any], at: Any, devices: Any) -> WindowRows:
    nothing = np.zeros(len(at))
    return WindowRows(
        device=devices, signal=np.full(len(at), "value", dtype=object), **{name: all_[name][at] for name in VERDICT},
        flagged=all_["flag"][at], muted=nothing.astype(bool), floor=nothing, reason=np.full(len(at), "", dtype=object),
    )  # fmt: skip


def count(curves: dict[str, dict[str, Any]], told: dict[str, Told]) -> Counts:
    """What was told, against the labelled events of each curve."""
    out = Counts(delays=[], errors=[])
    for name, curve in curves.items():
        minutes = int(curve["seconds"]) / 60
        first, last = (curve["step"][place] for place in events(curve["label"]))
        hit = _overlap(told[name].spans, np.stack([first, last], axis=1))
        out.told, out.false = out.told + len(hit), out.false + int(np.sum(~hit.any(axis=1)))
        per_event = hit.sum(axis=0)
        out.found, out.once = out.found + int(np.sum(per_event > 0)), out.once + int(np.sum(per_event == 1))
        out.events, out.days = out.events + len(first), out.days + len(curve["step"]) * minutes / 1440
        if out.delays is not None and out.errors is not None:
            out.delays += list(minutes * (told[name].opened - told[name].spans[:, 0]))
            for event in np.flatnonzero(per_event == 1):
                one = told[name].spans[np.flatnonzero(hit[:, event])[0]]
                out.errors.append(minutes * abs(int(one[1] - one[0]) - int(last[event] - first[event])))
    return out


def _overlap(spans: Spans, labelled: Spans) -> Spans:
    """(k, 2), (e, 2) -> (k, e)."""
    return np.asarray(
        (spans[:, None, 0] <= labelled[None, :, 1] + TOLERANCE)
        & (spans[:, None, 1] >= labelled[None, :, 0] - TOLERANCE)
    )


def cuts(curves: dict[str, dict[str, Any]], told: dict[str, Told]) -> str:
    """Share of incidents that were events, by their peak severity."""
    pairs: list[tuple[float, bool]] = []
    for name, curve in curves.items():
        first, last = (curve["step"][place] for place in events(curve["label"]))
        hit = np.asarray(_overlap(told[name].spans, np.stack([first, last], axis=1)).any(axis=1))
        pairs += list(zip(told[name].severity.tolist(), hit.tolist(), strict=True))
    severity, was_event = np.array(pairs).T
    lines = ["peak severity   share   were events"]
    for low, high in zip(CUTS, (*CUTS[1:], 1.01), strict=True):
        inside = (severity >= low) & (severity < high)
        lines.append(
            f"{low:4.2f} to {high:4.2f}   {inside.mean():6.3f}   {was_event[inside].mean() if inside.any() else float('nan'):6.3f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
