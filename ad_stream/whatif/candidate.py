"""One setting of one series: which of its incidents would go, found on the verdicts that are stored.

A limit only takes flags back, so nothing is scored anew: the flags that it holds back go, the margins become those of the
setting, and the incidents are folded again from what is left. Incidents are ranked by the largest flag in them, measured
as the setting measures it; a limit above the k-th loses the k lowest (and those that tie with it).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ad_stream.detectors.kernels.band import SEVERITY, SEVERITY_AT, threshold
from ad_stream.incidents.episode import WindowRows
from ad_stream.incidents.fold import Fold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.grid import Grid
    from ad_stream.incidents.rules import FoldRules
    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]
    Objects = NDArray[np.object_]

Span = tuple[int, int]
"""First and last window out."""
USUAL = 95
"""The sensitivity at which a severity counts its multiples (`detectors.kernels.band`)."""


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


class Knob(Protocol):
    """A setting that holds flags back below a limit."""

    @property
    def name(self) -> str:
        """As `series_config` calls it."""

    def size(self, verdicts: SeriesVerdicts) -> Floats:
        """(n,): what it measures each verdict by."""

    def above(self, size: float) -> float:
        """The value of the setting that holds back flags of this size, and hardly more."""

    def applied(self, verdicts: SeriesVerdicts, value: float) -> SeriesVerdicts:
        """The verdicts under a value of the setting."""


class MinDeviation:
    """The smallest distance from the expected value that counts, in the unit of the signal."""

    name = "min_deviation"

    def size(self, verdicts: SeriesVerdicts) -> Floats:
        return np.asarray(np.abs(verdicts.value - verdicts.expected))

    def above(self, size: float) -> float:
        """The next number of three digits."""
        if size <= 0:
            return 1e-12
        unit = 10.0 ** (math.floor(math.log10(size)) - 2)
        up = math.ceil(size / unit) * unit
        return float(f"{up if up > size else up + unit:.6g}")

    def applied(self, verdicts: SeriesVerdicts, value: float) -> SeriesVerdicts:
        return replace(_without(verdicts, self.size(verdicts) < value), floor=max(value, verdicts.floor))


@dataclass(frozen=True)
class Sensitivity:
    """The sensitivity of a detector whose severity counts multiples of its usual limit. now: the one in force."""

    now: float
    name: str = "sensitivity"

    def size(self, verdicts: SeriesVerdicts) -> Floats:
        """Multiples of the usual limit; from 4 on the severity tells them no more apart."""
        far = verdicts.severity >= SEVERITY[-1]
        return np.where(far, np.inf, np.interp(verdicts.severity, SEVERITY, SEVERITY_AT))

    def above(self, size: float) -> float:
        """The next whole number down; -1 where there is none."""
        return float(max(math.floor(100 - (100 - USUAL) * size**3 + 1e-9), -1)) if np.isfinite(size) else -1.0

    def applied(self, verdicts: SeriesVerdicts, value: float) -> SeriesVerdicts:
        kept = _without(verdicts, self.size(verdicts) <= threshold(1.0, value))
        wider = threshold(1.0, value) / threshold(1.0, self.now)
        return replace(kept, lower_margin=wider * kept.lower_margin, upper_margin=wider * kept.upper_margin)


@dataclass(frozen=True)
class Candidate:
    """A value of a setting. before: incident -> its span; ranked: those that some value would lose, the smallest first;
    lost: those that this one would lose, in that order."""

    setting: str
    value: float
    before: dict[str, Span]
    ranked: tuple[str, ...]
    lost: tuple[str, ...]


def candidate(
    verdicts: SeriesVerdicts, before: dict[str, Span], knob: Knob, count: int, rules: FoldRules, grid: Grid
) -> Candidate | None:
    """The value that would lose the `count` lowest-ranked incidents; None where the setting can lose none."""
    size = np.where(verdicts.held, knob.size(verdicts), np.inf)
    reach = {name: _reached(verdicts, size, span) for name, span in before.items()}
    ranked = sorted((name for name in reach if np.isfinite(reach[name])), key=lambda name: (reach[name], name))
    if not ranked[:count]:
        return None
    value = knob.above(reach[ranked[:count][-1]])
    if value < 0:
        return None
    after = folded(knob.applied(verdicts, value), rules, grid).values()
    lost = tuple(name for name in ranked if not any(_overlap(before[name], span) for span in after))
    return Candidate(knob.name, value, before, tuple(ranked), lost)


def without(
    found: Candidate, true: Sequence[str], verdicts: SeriesVerdicts, knob: Knob, rules: FoldRules, grid: Grid
) -> Candidate | None:
    """The largest candidate below it that loses none of these incidents; None where there is none."""
    shorter: Candidate | None = found
    count = len(found.ranked)
    while shorter is not None and (places := [shorter.ranked.index(one) for one in true if one in shorter.lost]):
        # A value may lose a few more than it was chosen for, so the place alone would not get below a true one each time.
        count = min(*places, count - 1)
        shorter = candidate(verdicts, shorter.before, knob, count, rules, grid) if count else None
    return shorter


def folded(verdicts: SeriesVerdicts, rules: FoldRules, grid: Grid) -> dict[str, Span]:
    """The incidents that one series makes by itself: id -> first and last window out."""
    fold, found = Fold(rules, grid), dict[str, Span]()
    floor, calm = np.full(1, verdicts.floor), np.zeros(1, dtype=np.bool_)
    name = np.array(["series"], dtype=object)
    columns = ("value", "expected", "lower_margin", "upper_margin", "severity", "flagged", "reason")
    for place, flagged in enumerate(verdicts.flagged.tolist()):
        if not flagged and not fold.episodes.at:
            continue
        row = {column: getattr(verdicts, column)[place : place + 1] for column in columns}
        for event in fold.step(int(verdicts.at[place]), WindowRows(name, name, muted=calm, floor=floor, **row)):
            if event["event"] != "summary":
                found[event["incident_id"]] = (event["started"], event["last"])
    return found


def _without(verdicts: SeriesVerdicts, small: Bools) -> SeriesVerdicts:
    gone = verdicts.held & small
    return replace(
        verdicts, flagged=verdicts.flagged & ~gone, held=verdicts.held & ~gone, severity=np.where(gone, 0.0, verdicts.severity)
    )  # fmt: skip


def _reached(verdicts: SeriesVerdicts, size: Floats, span: Span) -> float:
    """The largest flag of an incident."""
    first, stop = np.searchsorted(verdicts.at, [span[0], span[1] + 1])
    return float(size[first:stop][verdicts.flagged[first:stop]].max(initial=0.0))


def _overlap(one: Span, other: Span) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]
