"""What a larger `min_deviation` of a noisy series would save and lose, in incidents, with what labels prove about the loss.

The incidents that would be lost are known one by one, so people are asked about exactly those; "no true one among my
labels" alone loses many (docs/incidents.md). One candidate a series: the lowest-ranked incidents, as many as there are
answers to give, and once it holds twice as many. One of them known to be true cuts the candidate below it; what is left
then has to be labelled one by one, because a set chosen by labels is no fair draw. Nothing is applied by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.errors import InputError
from ad_stream.incidents.alarms import with_slow_flags
from ad_stream.incidents.events import VALUE
from ad_stream.incidents.feedback import labels_of, proposal_answers
from ad_stream.incidents.window_rows import MEASURES
from ad_stream.model import WITHOUT_SIDE
from ad_stream.tables import people
from ad_stream.tables.incidents import FEEDBACK, INCIDENT_EVENTS
from ad_stream.tables.reader import read_rows
from ad_stream.whatif.bound import answers_needed, most_true
from ad_stream.whatif.candidate import Candidate, SeriesVerdicts, Span, candidate, folded, without

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.config import Config
    from ad_stream.grid import Grid
    from ad_stream.incidents.rules import FoldRules

SLOW = ("slow_is_anomaly", "slow_reason")
SHARE = 0.1
"""Share of the lost incidents that may be true, at 95 %."""
MOST_OF_ALL = 0.5
"""Share of the incidents of a series that may go with one proposal."""
SAID = ("true", "false", "expected")
"""Labels that say something."""


@dataclass(frozen=True)
class Proposal:
    """A min_deviation of one series. before, after: incidents that the series leads; lost: ids of those that would go, the
    smallest first; asked: of these, drawn and answered; true: ids that are labelled true and would go with a larger
    change, or with this one where no smaller one is left; bound: at most so many of the lost are true; cut: whether the
    candidate was cut below a true one, so that each of the lost has to be labelled; unjudged: incidents with a flag that no limit
    holds back, or none that is known (stuck, drift)."""

    device_id: str
    signal: str
    min_deviation: float
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

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "holds": self.holds}


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
        tables, "detections", ["minute", *MEASURES, "is_anomaly", "reason", *SLOW],
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
    return proposal(series, verdicts, before, rules, grid, answers=answers, known=known)


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
        held=fast & ~slow & ~rows["reason"].isin(WITHOUT_SIDE).to_numpy(dtype=np.bool_),
        reason=either["reason"].fillna("").to_numpy(dtype=object),
    )  # fmt: skip


def proposal(
    series: tuple[str, str], verdicts: SeriesVerdicts, before: dict[str, Span], rules: FoldRules, grid: Grid, *,
    answers: int, known: Answers,
) -> Proposal | None:  # fmt: skip
    """The candidate of one series with what the labels say; before: incident -> its span. None where it has no candidate.

    Where it holds, one of twice the size is looked at, and so on: a fixed sequence that ends at the first one that does not
    hold, so the chance that any of them holds wrongly stays that of one.
    """
    most, best = max(int(MOST_OF_ALL * len(before)), 1), None
    size = min(answers, most) if len(before) > 1 else 0
    while size and (whole := candidate(verdicts, before, size, rules, grid)) is not None and whole.lost:
        true = tuple(name for name in whole.lost if known.labels.get(name) == "true")
        cut = without(whole, true, verdicts, rules, grid) if true else whole
        one = _judged(series, cut or whole, true, known, cut=cut is not whole)
        if best is not None and len(one.lost) <= len(best.lost):
            break
        if not one.holds:
            return one if best is None else replace(best, to_ask=one.to_ask)
        best, size = one, 0 if one.cut or size >= most else min(2 * size, most)
    return best


def _judged(
    series: tuple[str, str], found: Candidate, true: tuple[str, ...], known: Answers, *, cut: bool
) -> Proposal:  # fmt: skip
    lost, labels, order = found.lost, known.labels, _shuffled(found.lost)
    # A fair draw is the beginning of that order only: answers about a smaller candidate lie among its lowest-ranked.
    asked = list(takewhile(lambda name: name in known.drawn and name in labels, order))
    asked_true = sum(labels[name] in ("true", "unsure") for name in asked)
    blocked = set(true) & set(lost)
    if cut:
        unknown = [name for name in order if labels.get(name) not in SAID]
        missing = [name for name in unknown if name not in labels]
        bound = len(unknown) + len(blocked)
    else:
        wanted = answers_needed(len(lost), SHARE, wrong=known.wrong)
        # Who was labelled unasked is asked all the same, since only an answer to the draw counts.
        missing = [name for name in order[len(asked) : wanted] if name not in known.drawn or name not in labels]
        bound = max(most_true(len(lost), len(asked), asked_true, wrong=known.wrong), len(true))
    to_ask = () if blocked else tuple(missing)
    before = len(found.before)
    return Proposal(
        *series, found.min_deviation, before, before - len(lost), lost, len(asked), asked_true, true, bound, cut, to_ask,
        before - len(found.ranked),
    )  # fmt: skip


def _shuffled(names: Sequence[str]) -> list[str]:
    """An order that has nothing to do with the incidents, and is the same each time: the draw of those who are asked."""
    return sorted(names, key=lambda name: hashlib.sha256(f"asked {name}".encode()).hexdigest())
