"""A larger `min_deviation` of one series: which of its incidents would go, found on the verdicts that are stored.

A limit only takes flags back, so nothing is scored anew: flags whose value is nearer to the expected one go, and the
incidents are folded again from what is left. Incidents are ranked by the largest deviation of their flags; a limit above the
k-th loses the k lowest (and those that tie with it).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.incidents.fold import Fold
from ad_stream.incidents.window_rows import WindowRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.grid import Grid
    from ad_stream.incidents.rules import FoldRules
    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]
    Objects = NDArray[np.object_]

Span = tuple[int, int]
"""First and last window out."""


@dataclass(frozen=True)
class SeriesVerdicts:
    """The verdicts of one series in order of time, each (n,). at: numbers of windows; held: flags that a limit can hold back,
    others have no distance (stuck) or one that is not stored (the slow verdict); floor: half width of a frozen band at least."""

    at: Ints
    value: Floats
    expected: Floats
    lower_margin: Floats
    upper_margin: Floats
    severity: Floats
    flagged: Bools
    held: Bools
    reason: Objects
    floor: float = 0.0


@dataclass(frozen=True)
class Candidate:
    """A limit. before: incident -> its span; ranked: those that some limit would lose, the smallest first; lost: those that
    this one would lose, in that order."""

    min_deviation: float
    before: dict[str, Span]
    ranked: tuple[str, ...]
    lost: tuple[str, ...]


def candidate(
    verdicts: SeriesVerdicts, before: dict[str, Span], count: int, rules: FoldRules, grid: Grid
) -> Candidate | None:
    """The limit that would lose the `count` lowest-ranked incidents; None where none can lose any."""
    size = np.where(verdicts.held, np.abs(verdicts.value - verdicts.expected), np.inf)
    reach = {name: _reached(verdicts, size, span) for name, span in before.items()}
    ranked = sorted((name for name in reach if np.isfinite(reach[name])), key=lambda name: (reach[name], name))
    if not ranked[:count]:
        return None
    limit = _rounded_up(reach[ranked[:count][-1]])
    after = folded(under(verdicts, limit), rules, grid).values()
    lost = tuple(name for name in ranked if not any(_overlap(before[name], span) for span in after))
    return Candidate(limit, before, tuple(ranked), lost)


def without(
    found: Candidate, true: Sequence[str], verdicts: SeriesVerdicts, rules: FoldRules, grid: Grid
) -> Candidate | None:
    """The largest candidate below it that loses none of these incidents; None where there is none."""
    shorter: Candidate | None = found
    count = len(found.ranked)
    while shorter is not None and (places := [shorter.ranked.index(one) for one in true if one in shorter.lost]):
        # A limit may lose a few more than it was chosen for, so the place alone would not get below a true one each time.
        count = min(*places, count - 1)
        shorter = candidate(verdicts, shorter.before, count, rules, grid) if count else None
    return shorter


def under(verdicts: SeriesVerdicts, limit: float) -> SeriesVerdicts:
    """The verdicts under a min_deviation."""
    gone = verdicts.held & (np.abs(verdicts.value - verdicts.expected) < limit)
    return replace(
        verdicts, flagged=verdicts.flagged & ~gone, held=verdicts.held & ~gone, floor=max(limit, verdicts.floor),
        severity=np.where(gone, 0.0, verdicts.severity),
    )  # fmt: skip


def folded(verdicts: SeriesVerdicts, rules: FoldRules, grid: Grid) -> dict[str, Span]:
    """The incidents that one series makes by itself: id -> first and last window out."""
    fold, found = Fold(rules, grid), dict[str, Span]()
    floor, calm = np.full(1, verdicts.floor), np.zeros(1, dtype=np.bool_)
    name = np.array(["series"], dtype=object)
    columns = ("value", "expected", "lower_margin", "upper_margin", "severity", "flagged", "reason")
    watched = False
    for place, flagged in enumerate(verdicts.flagged.tolist()):
        if not flagged and not watched:
            continue
        row = {column: getattr(verdicts, column)[place : place + 1] for column in columns}
        for event in fold.step(int(verdicts.at[place]), WindowRows(name, name, muted=calm, floor=floor, **row)):
            if event["event"] != "summary":
                found[event["incident_id"]] = (event["started"], event["last"])
        watched = bool(fold.watched)
    return found


def _rounded_up(size: float) -> float:
    """The next number of three digits above a deviation, so that flags of that deviation go."""
    if size <= 0:
        return 1e-12
    unit = 10.0 ** (math.floor(math.log10(size)) - 2)
    up = math.ceil(size / unit) * unit
    return float(f"{up if up > size else up + unit:.6g}")


def _reached(verdicts: SeriesVerdicts, size: Floats, span: Span) -> float:
    """The largest flag of an incident."""
    first, stop = np.searchsorted(verdicts.at, [span[0], span[1] + 1])
    return float(size[first:stop][verdicts.flagged[first:stop]].max(initial=0.0))


def _overlap(one: Span, other: Span) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
