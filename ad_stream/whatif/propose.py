"""What another setting of a noisy series would save and lose, in incidents, with what labels prove about the loss.

The setting is the sensitivity where the detector's severity says what a lower one would hold back, else `min_deviation`;
which of them is decided before a label is looked at (docs/incidents.md). The incidents that would be lost are known one by
one, so people are asked about exactly those; "no true one among my labels" alone loses many. One candidate a series: the
lowest-ranked incidents, as many as there are answers to give. One of them known to be true cuts the candidate below it; what is
left then has to be labelled one by one, because a set chosen by labels is no fair draw. Nothing is applied by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.errors import InputError
from ad_stream.incidents.alarms import with_slow_flags
from ad_stream.incidents.events import VALUE
from ad_stream.incidents.feedback import labels_of, proposal_answers
from ad_stream.tables import people
from ad_stream.tables.incidents import FEEDBACK, INCIDENT_EVENTS
from ad_stream.tables.reader import read_rows
from ad_stream.whatif.bound import answers_needed, most_true
from ad_stream.whatif.candidate import (
    Candidate,
    Knob,
    MinDeviation,
    Sensitivity,
    SeriesVerdicts,
    Span,
    candidate,
    folded,
    without,
)

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.config import Config
    from ad_stream.grid import Grid
    from ad_stream.incidents.rules import FoldRules

MEASURES = ("value", "expected", "lower_margin", "upper_margin", "severity")
SLOW = ("slow_is_anomaly", "slow_reason")
SHARE = 0.1
"""Share of the lost incidents that may be true, at 95 %."""
BY_SENSITIVITY = ("default",)
"""Detectors whose stored severity says exactly which flags a lower sensitivity holds back."""
MOST_TIES = 1.5
"""Times as many incidents as were to go may go with one value of a setting."""
SAID = ("true", "false", "expected")
"""Labels that say something."""


@dataclass(frozen=True)
class Proposal:
    """One setting of one series. before, after: incidents that the series leads; lost: ids of those that would go, the
    smallest first; asked: of these, drawn and answered; true: ids that are labelled true and would go with a larger
    change, or with this one where no smaller one is left; bound: at most so many of the lost are true; cut: whether the
    candidate was cut below a true one, so that each of the lost has to be labelled; unjudged: incidents with a flag that no limit
    holds back, or none that is known (stuck, drift)."""

    device_id: str
    signal: str
    setting: str
    value: float
    before: int
    after: int
    lost: tuple[str, ...]
    asked: int
    asked_true: int
    true: tuple[str, ...]
    bound: int
    cut: bool
    to_ask: tuple[str, ...]
    unjudged: int

    @property
    def blocked(self) -> bool:
        """Whether it would lose an incident that is known to be true."""
        return bool(set(self.true) & set(self.lost))

    @property
    def holds(self) -> bool:
        """Whether what is known allows it."""
        return bool(self.lost) and not self.blocked and self.bound <= SHARE * len(self.lost)

    @property
    def change(self) -> str:
        """As `ad-stream config set` takes it: 'sensitivity=80'."""
        return f"{self.setting}={self.value:g}"

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), self.setting: self.value, "holds": self.holds}


@dataclass(frozen=True)
class Answers:
    """What people said of incidents: labels by id, the ids that a proposal had drawn, and the share of true ones that
    they are taken to call false."""

    labels: dict[str, str]
    drawn: frozenset[str]
    wrong: float = 0.0


def propose(
    tables: Path,
    config: Config,
    *,
    start: datetime,
    end: datetime,
    answers: int = 20,
    most: int = 10,
    wrong: float = 0.0,
) -> list[Proposal]:
    """The series with most incidents that opened at start <= opened < end, worst first; answers: most incidents of a series
    that people will be asked about; wrong: share of true ones that they are taken to call false. InputError where there are none."""
    opened = read_rows(
        tables, INCIDENT_EVENTS.name, where=[("event", "=", "opened"), ("opened", ">=", start), ("opened", "<", end)]
    )
    opened = opened[(opened["kind"] == VALUE) & (opened["revision"] == 0)]
    if opened.empty:
        raise InputError(
            f"no incident opened from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC: ask for a longer time"
        )
    said, _ = people.read(FEEDBACK, tables)
    known = Answers(labels_of(said), proposal_answers(said), wrong)
    worst = opened.groupby(["device_id", "signal"]).size().sort_values(ascending=False, kind="stable")
    found = (_of_series(tables, config, series, opened, start, end, answers, known) for series in worst.index[:most])
    return [one for one in found if one is not None]


def _of_series(
    tables: Path, config: Config, series: tuple[str, str], opened: pd.DataFrame, start: datetime, end: datetime,
    answers: int, known: Answers,
) -> Proposal | None:  # fmt: skip
    device, signal = series
    rows = read_rows(
        tables, "detections", ["minute", *MEASURES, "is_anomaly", "reason", "detector", *SLOW],
        [("device_id", "=", device), ("signal", "=", signal), ("revision", "=", 0), ("minute", ">=", start), ("minute", "<", end)],
    ).sort_values("minute", ignore_index=True)  # fmt: skip
    grid, verdicts = config.minutes.grid, verdicts_of(rows, config.minutes.grid)
    mine = opened[(opened["device_id"] == device) & (opened["signal"] == signal)]
    ids = {
        grid.step(at.to_pydatetime()): str(name) for at, name in zip(mine["started"], mine["incident_id"], strict=True)
    }
    rules = config.incidents.rules(grid)
    # An incident that another device leads would not go with this series.
    before = {ids[span[0]]: span for span in folded(verdicts, rules, grid).values() if span[0] in ids}
    exact = rows.loc[verdicts.held, "detector"].isin(BY_SENSITIVITY).all()
    knobs: list[Knob] = [Sensitivity(config.detection.sensitivity), MinDeviation()] if exact else [MinDeviation()]
    return proposal(series, verdicts, before, knobs, rules, grid, answers=answers, known=known)


def verdicts_of(rows: pd.DataFrame, grid: Grid) -> SeriesVerdicts:
    """Rows of `detections` of one series in order of time."""
    fast = rows["is_anomaly"].eq(True).fillna(False).to_numpy(dtype=np.bool_)
    either = with_slow_flags(rows)
    flagged = either["is_anomaly"].eq(True).fillna(False).to_numpy(dtype=np.bool_)
    slow = rows["slow_is_anomaly"].eq(True).fillna(False).to_numpy(dtype=np.bool_)
    numbers = {name: rows[name].to_numpy(dtype=np.float64) for name in MEASURES}
    return SeriesVerdicts(
        at=np.array([grid.step(minute.to_pydatetime()) for minute in rows["minute"]], dtype=np.int64),
        **numbers | {"severity": np.nan_to_num(numbers["severity"])}, flagged=flagged,
        held=fast & ~slow & (rows["reason"] != "stuck").to_numpy(dtype=np.bool_),
        reason=either["reason"].fillna("").to_numpy(dtype=object),
    )  # fmt: skip


def proposal(
    series: tuple[str, str], verdicts: SeriesVerdicts, before: dict[str, Span], knobs: Sequence[Knob], rules: FoldRules, grid: Grid, *,
    answers: int, known: Answers,
) -> Proposal | None:  # fmt: skip
    """The candidate of one series with what the labels say; before: incident -> its span; knobs: the settings, the one to
    prefer first. None where it has no candidate."""
    if len(before) < 2:
        return None
    count = min(answers, max(len(before) // 2, 1))
    found = ((knob, candidate(verdicts, before, knob, count, rules, grid)) for knob in knobs)
    # A setting under which many incidents tie would lose far more than can be asked about.
    fits = ((knob, one) for knob, one in found if one is not None and one.lost and len(one.lost) <= MOST_TIES * count)
    knob, whole = next(fits, (None, None))
    if knob is None or whole is None:
        return None
    true = [name for name in whole.lost if known.labels.get(name) == "true"]
    cut = without(whole, true, verdicts, knob, rules, grid) if true else whole
    return _judged(series, cut or whole, tuple(true), known, cut=cut is not whole)


def _judged(
    series: tuple[str, str], found: Candidate, true: tuple[str, ...], known: Answers, *, cut: bool
) -> Proposal:  # fmt: skip
    lost, labels = found.lost, known.labels
    asked = [name for name in lost if name in known.drawn and labels.get(name) in SAID]
    asked_true = sum(labels[name] == "true" for name in asked)
    open_ = [name for name in _shuffled(lost) if labels.get(name) not in SAID]
    if cut:
        missing, bound = len(open_), len(open_) + len(set(true) & set(lost))
    else:
        missing = max(answers_needed(len(lost), SHARE, wrong=known.wrong) - len(asked), 0)
        bound = max(most_true(len(lost), len(asked), asked_true, wrong=known.wrong), len(true))
    to_ask = tuple(name for name in open_ if name not in labels)[:missing]
    before = len(found.before)
    return Proposal(
        *series, found.setting, found.value, before, before - len(lost), lost, len(asked), asked_true, true, bound, cut, to_ask,
        before - len(found.ranked),
    )  # fmt: skip


def _shuffled(names: Sequence[str]) -> list[str]:
    """An order that has nothing to do with the incidents, and is the same each time: the draw of those who are asked."""
    return sorted(names, key=lambda name: hashlib.sha256(f"asked {name}".encode()).hexdigest())
