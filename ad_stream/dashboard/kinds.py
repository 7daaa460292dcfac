"""What a series is judged as, in words for its page: the rate of a counter, the time in a state, and how to say which it is."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.detectors.kernels.kinds import kinds_of
from ad_stream.detectors.kernels.rates import rates
from ad_stream.detectors.kernels.stays import stays
from ad_stream.grid import length
from ad_stream.model import COUNTER, GAUGE, STATE
from ad_stream.series_config.patterns import exactly

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.grid import Grid
    from ad_stream.model import Floats

MAX_GAP = 5
"""Missed readings that part a stay, as `detection.max_gap` has it by default."""
SAYS = {
    GAUGE: "by its readings",
    COUNTER: "as a counter, by its rate: what it rises by from window to window",
    STATE: "as a state, by the time it lasts",
}


def kind_of(rows: pd.DataFrame, device: str, signal: str, grid: Grid) -> dict[str, Any]:
    """Rows in sight of one series -> kind it was judged as, what it looks like, both in words, and the command that says so.

    looks: None where it looks like what it was judged as; command: what a person types then.
    """
    values = _on_grid(rows, grid)
    judged = _judged(rows)
    looks = str(kinds_of(values[None])[0]) if len(values) else GAUGE
    shown = judged if judged != GAUGE else looks
    series = ["--device", exactly(device), "--signal", exactly(signal)]
    suggested = looks if judged == GAUGE and looks != GAUGE else None
    return {
        "judged": judged,
        "says": SAYS[judged],
        "looks": suggested,
        "facts": _facts(shown, values, grid) if len(values) else [],
        "command": shlex.join(["ad-stream", "config", "set", *series, f"kind={suggested or GAUGE}"]),
    }


def _judged(rows: pd.DataFrame) -> str:
    """By the newest reason that tells."""
    for reason in reversed(rows["reason"].tolist()):
        for kind, begin in ((COUNTER, "rate_"), (STATE, "state_")):
            if isinstance(reason, str) and reason.startswith(begin):
                return kind
    return GAUGE


def _on_grid(rows: pd.DataFrame, grid: Grid) -> Floats:
    """The values from the first window with one to the last, NaN between them where there is none."""
    known = rows[rows["value"].notna()]
    if not len(known):
        return np.empty(0)
    steps = known["minute"].to_numpy(dtype="datetime64[s]").astype(np.int64) // grid.seconds
    values = np.full(int(steps.max() - steps.min()) + 1, np.nan)
    values[steps - steps.min()] = known["value"].to_numpy(dtype=np.float64)
    return values


def _facts(kind: str, values: Floats, grid: Grid) -> list[list[str]]:
    if kind == COUNTER:
        return _of_rate(values, grid)
    return _of_state(values, grid) if kind == STATE else []


def _of_rate(values: Floats, grid: Grid) -> list[list[str]]:
    rate = rates(values[None]).rate[0]
    known = rate[np.isfinite(rate)]
    if not len(known):
        return []
    low, middle, high = np.quantile(known, [0.05, 0.5, 0.95])
    falls = int((np.diff(values[np.isfinite(values)]) < 0).sum())
    span = length(grid.every)
    every = f"a {span.removeprefix('1 ')}" if span.startswith("1 ") else f"every {span}"
    return [
        ["rate now", f"{known[-1]:.6g} {every}"],
        ["in sight usually", f"{middle:.6g}, nine times in ten {low:.6g} to {high:.6g} {every}"],
        ["began anew in sight", {0: "never", 1: "once"}.get(falls, f"{falls} times")],
    ]


def _of_state(values: Floats, grid: Grid) -> list[list[str]]:
    found = stays(values[None], max_gap=MAX_GAP)
    facts = [["state now", f"{values[-1]:g}, for {length(int(found.lasted[0]) * grid.every)}"]]
    if found.same[0]:
        longest = length(int(found.longest[0]) * grid.every)
        facts.append(["whole stays of it in sight", f"{int(found.same[0])}, the longest {longest}"])
    return facts
