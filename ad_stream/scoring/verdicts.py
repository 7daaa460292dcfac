"""Closed windows and what was before them -> verdicts, each series under the settings that apply to it.

The one way from rows to verdicts: the stream's scoring function, backfill and what-if all call `verdicts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.detectors import knowing, learns_of
from ad_stream.grid import MINUTE, Grid
from ad_stream.incidents.alarms import mark_continuing
from ad_stream.model import SCORED, DetectorSpec, LastPoint
from ad_stream.scoring.joint_windows import JointRules
from ad_stream.scoring.kinds import of_readings
from ad_stream.scoring.matrix import Packed, Rows, history_of_seldom, pieces
from ad_stream.scoring.slow import onset_steps, slow_columns
from ad_stream.scoring.suppression import suppress, suppress_slow
from ad_stream.scoring.windows import judge_both
from ad_stream.series_config.assign import assign
from ad_stream.series_config.rows import no_rules

if TYPE_CHECKING:
    from datetime import timedelta

    from numpy.typing import NDArray

    from ad_stream.config import Detection, Fallback
    from ad_stream.detectors import Detector
    from ad_stream.detectors.slow import SlowVerdict
    from ad_stream.model import Bools
    from ad_stream.models.known import KnownSeries
    from ad_stream.series_config.assign import Assigned, Objects
    from ad_stream.series_config.rules import Rules

    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Scorer:
    """What verdicts rest on; travels to the Python workers."""

    rules: Rules
    refractory: int
    """Windows after a flag during which a further flag of the series is `continuing`."""
    grid: Grid = MINUTE
    ask_from: int | None = None
    """Rows that were not judged carry their window from so many values on, for the fallback; None: there is none."""
    slow: bool = True
    """Whether the slow verdict is given beside the first."""
    history: int = 0
    """Windows back to which the readings of slow series count; fewer than `points`: all series have those."""
    joint: JointRules | None = None
    """How the signals of a device are judged together, None: they are not."""
    compare: tuple[DetectorSpec, ...] = ()
    """Further detectors that judge the same windows, for the table `comparisons`."""

    @classmethod
    def of(
        cls, detection: Detection, fallback: Fallback | None = None, *, grid: Grid = MINUTE, joint: JointRules | None = None,
        compare: tuple[DetectorSpec, ...] = (),
    ) -> Scorer:  # fmt: skip
        """The scorer a configuration asks for; only a stream compares."""
        ask_from = fallback.min_points if fallback is not None and fallback.endpoint is not None else None
        near, reach = grid.refractory(detection.refractory), grid.steps(detection.history)
        return cls(no_rules(detection), near, grid, ask_from, detection.slow, reach, joint, compare)

    def under(self, rules: Rules) -> Scorer:
        """The same scorer under other rules."""
        return replace(self, rules=rules)

    @property
    def others(self) -> tuple[Scorer, ...]:
        """A scorer for each detector of `compare`, under the same rules but those that name a detector; with a depth of its own."""
        shared = {name: value for name, value in self.rules.shared.items() if name != "points"}
        rules = tuple(rule.without(frozenset({"detector"})) for rule in self.rules.rules)
        return tuple(
            replace(
                self, rules=replace(self.rules, detector=spec, shared=shared, rules=rules), ask_from=None, slow=False, joint=None,
                compare=(),
            )
            for spec in self.compare
        )  # fmt: skip

    @property
    def models(self) -> frozenset[str]:
        """Names of the models whose numbers the detectors make use of."""
        return self.rules.models.union(*(other.rules.models for other in self.others))

    @property
    def near(self) -> timedelta:
        """`refractory` as a time."""
        return self.refractory * self.grid.every

    @property
    def detector(self) -> Detector:
        """The run's own detector."""
        return self.rules.detector_for()

    @property
    def points(self) -> int:
        """Windows of history that the verdict on any series may see, the judged one among them."""
        return max(one.rules.points for one in (self, *self.others))

    @property
    def reach(self) -> int:
        """Windows of history that the verdict on a slow series may see."""
        return max(self.whole, self.history)

    @property
    def whole(self) -> int:
        """Windows of history of every series that some verdict may see, the joint one, too."""
        return self.points if self.joint is None else max(self.points, self.joint.reach)


@dataclass(frozen=True)
class Verdicts:
    """Of the rows (m,), in their order: the fields of LastPoint, `detector` and `model`, the `slow_` columns (slow_onset as a step,
    NaN without one); for the fallback the window or None."""

    columns: dict[str, NDArray[Any]]
    windows: list[Any]


def verdicts(
    devices: Objects, signals: Objects, rows: Rows, past: Packed, scorer: Scorer, known: Sequence[KnownSeries] = ()
) -> Verdicts:  # fmt: skip
    """devices, signals: (m,) names of the series of each row; known: what was learned of series, a model each."""
    _, first, codes = np.unique(rows.ids, return_index=True, return_inverse=True)
    assigned = assign(scorer.rules, devices[first], signals[first])
    learned = {model.name: (model, model.rows(devices[first], signals[first])) for model in known}
    found: dict[str, NDArray[Any]] = slow_columns(None, len(rows.ids))
    windows: list[Any] = [None] * len(rows.ids)
    found["model"] = np.full(len(codes), None, dtype=object)
    for detector, at, verdict, slowly, wanted in _judged(rows, codes, past, assigned, scorer, learned):
        for name in LastPoint.columns():
            column = getattr(verdict, name)
            found.setdefault(name, np.empty(len(rows.ids), dtype=column.dtype))[at] = column
        if (model_of := learned.get(learns_of(detector))) is not None:
            used = np.isfinite(model_of[1][codes[at], 0]) & of_readings(verdict, detector) & (verdict.status == SCORED)
            found["model"][at[used]] = model_of[0].label
        for name, column in slow_columns(slowly, len(at)).items():
            found[name][at] = column
        found.setdefault("detector", np.empty(len(rows.ids), dtype=object))[at] = detector.name
        for asked, window in wanted:
            windows[asked] = window
    begins = rows.steps * scorer.grid.seconds
    muted = (begins >= assigned.mute_from[codes]) & (begins < assigned.mute_to[codes])
    for take_back in (suppress, suppress_slow):
        take_back(
            found, rows.values, direction=assigned.direction[codes], min_deviation=assigned.min_deviation[codes],
            min_relative_deviation=assigned.min_relative_deviation[codes], muted=muted,
        )  # fmt: skip
    onset_steps(found, rows.steps)
    for row in np.flatnonzero(muted):
        windows[row] = None  # an answer to it could raise an alarm
    return Verdicts(found, windows)


def continuing(codes: Ints, steps: Ints, flags: Bools, refractory: int, flagged: NDArray[np.float64]) -> Bools:
    """All (m,): codes of series; flagged = step of the series' latest flag before these rows, NaN: none."""
    known = ~np.isnan(flagged)
    earlier = (codes[known], flagged[known].astype(np.int64))
    return mark_continuing(codes, steps, flags, refractory=refractory, earlier=earlier)


Learned = Mapping[str, "tuple[KnownSeries, NDArray[np.float64]]"]
"""Models by their names, and what each knows of the series (m, k)."""
Judged = tuple["Detector", "Ints", LastPoint, "SlowVerdict | None", list[tuple[int, list[float]]]]


def _judged(
    rows: Rows, codes: Ints, past: Packed, assigned: Assigned, scorer: Scorer, learned: Learned
) -> Iterator[Judged]:  # fmt: skip
    """Detector by detector: which rows it judged, what it found, the windows of those it could not judge.

    Detectors of the same depth share the matrix; a deep one does not make that of all other series deep.
    """
    points = np.array([one.points for one in assigned.detectors])[assigned.group]
    for depth in np.unique(points):
        mine = np.flatnonzero((points == depth)[codes])
        lines = np.unique(codes[mine])
        own = Rows(rows.ids[mine], rows.steps[mine], rows.values[mine])
        for piece in pieces(own, past, int(depth)):
            seldom = None
            if scorer.history > depth:
                seldom = history_of_seldom(piece, own, past, scorer.history, scorer.grid.seconds)
            steps = np.arange(piece.matrix.shape[1]) + piece.first
            ends = (steps * scorer.grid.seconds).astype("datetime64[s]")
            for number in np.unique(assigned.group[lines]):
                some = np.flatnonzero(assigned.group[lines] == number)
                detector, chosen = assigned.detectors[number], slice(None) if len(some) == len(lines) else some
                matrix, judged = piece.matrix[chosen], piece.judged[chosen]
                model_of = learned.get(learns_of(detector))
                if model_of is not None:
                    detector = knowing(detector, model_of[0])
                at_row, at_column, verdict, slowly = judge_both(
                    matrix, judged, detector, ends=ends, step=scorer.grid.every, slow=scorer.slow,
                    profiles=None if model_of is None else model_of[1][lines[some]],
                    history=None if seldom is None else seldom.of(some),
                )  # fmt: skip
                at = mine[piece.row_of[some[at_row], at_column]]
                yield (
                    detector,
                    at,
                    verdict,
                    slowly,
                    _unjudged(matrix, at, at_row, at_column, verdict, scorer.ask_from, of_readings(verdict, detector)),
                )


def _unjudged(
    matrix: NDArray[np.float64], at: Ints, at_row: Ints, at_column: Ints, verdict: LastPoint, ask_from: int | None,
    by_readings: Bools,
) -> list[tuple[int, list[float]]]:  # fmt: skip
    if ask_from is None:
        return []
    unscored = (verdict.status != SCORED) & (verdict.points - verdict.imputed >= ask_from)
    asked = np.flatnonzero(unscored & by_readings)  # a server knows nothing of rates and states
    return [
        (int(at[one]), matrix[at_row[one], : at_column[one] + 1][-int(verdict.points[one]) :].tolist()) for one in asked
    ]
