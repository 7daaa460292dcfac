"""Proposals on labelled curves: the older half proposes, people are played by the truth, the newer half judges.

    python -m benchmarks.incident_proposals --data FILE [--verdicts FILE] [--answers 20 40] [--json]

Incidents of each curve are those of the fold, true where they overlap a labelled event (two windows of tolerance). A curve is
noisy when its older half has at least as many incidents as answers may be given. For each of these the product's own
`proposal` is asked again and again, and answered, until nothing is left to ask or the answers are spent; what holds then is
applied to the newer half. That the setting is min_deviation, not sensitivity (0.11 and 0.20 saved in place of 0.13 and
0.25), was chosen on kpi; kpi_b judges it. Coverage: 2,000 labelings of each curve's candidate, drawn at random, as many as
the bound asks for; without errors, with 5 % of wrong answers, and with that share assumed. --verdicts, --curves as in
`benchmarks.incidents`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ad_stream.evaluation.metrics import events
from ad_stream.grid import Grid
from ad_stream.incidents.rules import FoldRules
from ad_stream.whatif.bound import answers_needed, most_true
from ad_stream.whatif.candidate import SeriesVerdicts, Span, candidate, folded, under
from ad_stream.whatif.propose import SHARE, Answers, Proposal, proposal
from benchmarks.incidents import TOLERANCE, VERDICT, verdicts

WRONG, LABELINGS = 0.05, 2_000


@dataclass
class Half:
    """Half of a curve: its verdicts, its incidents without a change, and which of them are true."""

    verdicts: SeriesVerdicts
    before: dict[str, Span]
    true: dict[str, bool]


@dataclass
class Tally:
    """Sums over curves: false and true incidents of the newer half, those that went, proposals, answers."""

    series: int = 0
    false: int = 0
    saved: int = 0
    true: int = 0
    lost: int = 0
    held: int = 0
    cut: int = 0
    answers: int = 0

    def add(self, half: Half, gone: set[str]) -> None:
        """One curve."""
        self.series += 1
        self.false += sum(not one for one in half.true.values())
        self.true += sum(half.true.values())
        self.saved += sum(not half.true[name] for name in gone)
        self.lost += sum(half.true[name] for name in gone)

    def figures(self) -> dict[str, float]:
        """Shares, and how many."""
        return {
            "series": self.series, "proposals that hold": self.held, "of them cut": self.cut,
            "answers a series": self.answers / max(self.series, 1), "false incidents later": self.false,
            "saved": self.saved / max(self.false, 1), "true incidents later": self.true, "lost": self.lost / max(self.true, 1),
        }  # fmt: skip


def main() -> None:
    """Prints the figures of one set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--verdicts", type=Path)
    parser.add_argument("--curves", type=int, help="the first so many")
    parser.add_argument("--answers", type=int, nargs="+", default=[20, 40])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    curves = verdicts(options.data, options.verdicts, options.curves)
    halves = {name: (grid_of(curve), *halves_of(curve)) for name, curve in curves.items()}
    found = {answers: figures(halves, answers) for answers in options.answers}
    if options.json:
        print(json.dumps({"data": options.data.stem, "answers": found}))
        return
    print(f"{options.data.stem + ', answers':34}" + "".join(f"{answers:>12}" for answers in found))
    for name in next(iter(found.values())):
        print(f"{name:34}" + "".join(f"{one[name]:>12.3f}" for one in found.values()))


def grid_of(curve: dict[str, Any]) -> Grid:
    """The windows of a curve."""
    return Grid(int(curve["seconds"]))


def halves_of(curve: dict[str, Any]) -> tuple[Half, Half]:
    """The older and the newer half of its judged windows."""
    middle = int(curve["step"][0] + curve["step"][-1]) // 2
    place = int(np.searchsorted(curve["step"], middle))
    return _half(curve, slice(0, place)), _half(curve, slice(place, None))


def _half(curve: dict[str, Any], part: slice) -> Half:
    flag, stuck = curve["flag"][part], curve["stuck"][part]
    some = SeriesVerdicts(
        at=curve["step"][part], **{name: curve[name][part] for name in VERDICT}, flagged=flag, held=flag & ~stuck,
        reason=np.where(stuck, "stuck", "above").astype(object),
    )  # fmt: skip
    grid = grid_of(curve)
    before = folded(some, FoldRules().on(grid.seconds), grid)
    first, last = (some.at[place] for place in events(curve["label"][part]))
    true = {
        name: bool(np.any((span[0] <= last + TOLERANCE) & (span[1] >= first - TOLERANCE)))
        for name, span in before.items()
    }
    return Half(some, before, true)


def figures(halves: dict[str, tuple[Grid, Half, Half]], answers: int) -> dict[str, float]:
    """What so many answers of each noisy curve save and lose, and how often the bound held."""
    tally, everything, broken, held = Tally(), Tally(), 0, 0
    sets: list[tuple[int, int]] = []
    for name, (grid, older, newer) in halves.items():
        rules, gone = FoldRules().on(grid.seconds), set[str]()
        if len(older.before) >= answers:
            found, asked = _asked((name, "value"), older, grid, answers)
            tally.answers += asked
            if found is not None and found.holds:
                tally.held, tally.cut = tally.held + 1, tally.cut + found.cut
                held, broken = held + 1, broken + (sum(older.true[one] for one in found.lost) > found.bound)
                after = folded(under(newer.verdicts, found.min_deviation), rules, grid).values()
                gone = {one for one, span in newer.before.items() if not any(_overlap(span, other) for other in after)}
            tally.add(newer, gone)
            whole = candidate(older.verdicts, older.before, min(answers, len(older.before) // 2), rules, grid)
            sets += [(len(whole.lost), sum(older.true[one] for one in whole.lost))] if whole else []
        everything.add(newer, gone)
    every = everything.figures()
    return {
        **tally.figures(), "saved, of all series": every["saved"], "lost, of all series": every["lost"],
        "bounds broken, of those that hold": broken / max(held, 1),
        "coverage without errors": coverage(sets, wrong=0.0, assumed=0.0),
        "coverage, 5 % wrong": coverage(sets, wrong=WRONG, assumed=0.0),
        "coverage, 5 % wrong and assumed": coverage(sets, wrong=WRONG, assumed=WRONG),
    }  # fmt: skip


def _asked(series: tuple[str, str], half: Half, grid: Grid, answers: int) -> tuple[Proposal | None, int]:
    """The proposal at the end, and how many answers it took."""
    labels: dict[str, str] = {}
    while True:
        known = Answers(labels, frozenset(labels))
        rules = FoldRules().on(grid.seconds)
        found = proposal(series, half.verdicts, half.before, rules, grid, answers=answers, known=known)
        if found is None or not found.to_ask or len(labels) >= answers:
            return found, len(labels)
        for name in found.to_ask[: answers - len(labels)]:
            labels[name] = "true" if half.true[name] else "false"


def coverage(sets: Sequence[tuple[int, int]], *, wrong: float, assumed: float) -> float:
    """(size, true ones) of candidates -> share of labelings whose bound holds; wrong: share of answers that are, assumed: that
    the bound takes to be."""
    rng, held = np.random.default_rng(7), []
    for lost, true in sets:
        asked = _needed(lost, assumed)
        drawn = (
            rng.hypergeometric(true, lost - true, asked, LABELINGS) if asked else np.zeros(LABELINGS, dtype=np.int64)
        )
        called = rng.binomial(drawn, 1 - wrong) + rng.binomial(asked - drawn, wrong)
        held += [true <= _bound(lost, asked, int(one), assumed) for one in called]
    return float(np.mean(held)) if held else float("nan")


@cache
def _needed(lost: int, assumed: float) -> int:
    return answers_needed(lost, SHARE, wrong=assumed)


@cache
def _bound(lost: int, asked: int, called: int, assumed: float) -> int:
    return most_true(lost, asked, called, wrong=assumed)


def _overlap(one: Span, other: Span) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


if __name__ == "__main__":
    main()
