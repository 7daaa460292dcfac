"""What a larger `min_deviation` of a noisy series would save and lose, in incidents, with what labels prove about the loss.

A limit that takes flags back needs no scoring anew: a flag goes where its value is nearer to the expected one, and the
incidents are folded again from what is left. The incidents that would be lost are known one by one, so people are asked
about exactly those; "no true one among my labels" alone loses many (docs/incidents.md). One candidate a series: the
lowest-ranked incidents, as many as there are answers to give. Nothing is applied by itself.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.errors import InputError
from ad_stream.incidents.episode import WindowRows
from ad_stream.incidents.events import VALUE
from ad_stream.incidents.feedback import labels_of, proposal_answers
from ad_stream.incidents.fold import Fold
from ad_stream.tables import people
from ad_stream.tables.incidents import FEEDBACK, INCIDENT_EVENTS
from ad_stream.tables.reader import read_rows
from ad_stream.whatif.bound import answers_needed, most_true

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.config import Config

MEASURES = ("value", "expected", "lower_margin", "upper_margin", "severity")
SHARE = 0.1
"""Share of the lost incidents that may be true, at 95 %."""


@dataclass(frozen=True)
class Proposal:
    """One setting of one series. before, after: incidents that the series leads; lost: ids of those that
    would go, the least deviation first; asked: of these, drawn
    and answered; true: ids among the lost that anybody labelled true; bound: at most so many of them are true."""

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
    to_ask: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether what is known allows it."""
        return bool(self.lost) and not self.true and self.bound <= SHARE * len(self.lost)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "holds": self.holds}


def propose(
    tables: Path, config: Config, *, start: datetime, end: datetime, answers: int = 20, most: int = 10
) -> list[Proposal]:
    """The series with most incidents that opened at start <= opened < end, worst first; answers: most incidents of a series
    that people will be asked about. InputError where there are none."""
    opened = read_rows(
        tables, INCIDENT_EVENTS.name, where=[("event", "=", "opened"), ("opened", ">=", start), ("opened", "<", end)]
    )
    opened = opened[(opened["kind"] == VALUE) & (opened["revision"] == 0)]
    if opened.empty:
        raise InputError(
            f"no incident opened from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC: ask for a longer time"
        )
    said, _ = people.read(FEEDBACK, tables)
    labels, drawn = labels_of(said), proposal_answers(said)
    worst = opened.groupby(["device_id", "signal"]).size().sort_values(ascending=False, kind="stable")
    found = (
        _of_series(tables, config, series, opened, start, end, answers, labels, drawn) for series in worst.index[:most]
    )
    return [one for one in found if one is not None]


def _of_series(
    tables: Path, config: Config, series: tuple[str, str], opened: pd.DataFrame, start: datetime, end: datetime, answers: int,
    labels: dict[str, str], drawn: frozenset[str],
) -> Proposal | None:  # fmt: skip
    device, signal = series
    rows = read_rows(
        tables, "detections", ["minute", *MEASURES, "is_anomaly", "reason"],
        [("device_id", "=", device), ("signal", "=", signal), ("revision", "=", 0), ("minute", ">=", start), ("minute", "<", end)],
    ).sort_values("minute", ignore_index=True)  # fmt: skip
    mine = opened[(opened["device_id"] == device) & (opened["signal"] == signal)]
    ids = {
        config.minutes.grid.step(at.to_pydatetime()): str(name)
        for at, name in zip(mine["started"], mine["incident_id"], strict=True)
    }
    # An incident that another device leads would not go with this series.
    before = {ids[span[0]]: span for span in folded(rows, config, series).values() if span[0] in ids}
    if len(before) < 2:
        return None
    deviation = np.abs(rows["value"] - rows["expected"]).to_numpy(dtype=np.float64)
    deviation[rows["reason"] == "stuck"] = np.inf  # no limit holds a stuck value back
    reach = {name: _reached(rows, deviation, span, config) for name, span in before.items()}
    ranked = sorted((name for name in reach if np.isfinite(reach[name])), key=lambda name: (reach[name], name))
    wanted = ranked[: min(answers, max(len(ranked) // 2, 1))]
    if not wanted:
        return None
    limit = _rounded_up(max(reach[name] for name in wanted))
    kept = rows.assign(is_anomaly=rows["is_anomaly"].fillna(False) & (deviation >= limit))
    after = folded(kept, config, series)
    lost = tuple(name for name in ranked if not any(_overlap(before[name], span) for span in after.values()))
    return _judged(series, limit, len(before), len(before) - len(lost), lost, labels, drawn)


def _judged(
    series: tuple[str, str], limit: float, before: int, after: int, lost: Sequence[str], labels: dict[str, str], drawn: frozenset[str]
) -> Proposal:  # fmt: skip
    asked = [name for name in lost if name in drawn and labels.get(name) in ("true", "false", "expected")]
    asked_true = sum(labels[name] == "true" for name in asked)
    true = tuple(name for name in lost if labels.get(name) == "true")
    open_ = [name for name in _shuffled(lost) if name not in labels]
    missing = max(answers_needed(len(lost), SHARE) - len(asked), 0) if lost else 0
    bound = max(most_true(len(lost), len(asked), asked_true), len(true)) if lost else 0
    return Proposal(
        *series, limit, before, after, tuple(lost), len(asked), asked_true, true, bound, tuple(open_[:missing])
    )


def folded(rows: pd.DataFrame, config: Config, series: tuple[str, str]) -> dict[str, tuple[int, int]]:
    """The incidents that one series makes by itself: id -> first and last window out."""
    grid = config.minutes.grid
    fold, found = Fold(config.incidents.rules(grid), grid), {}
    at = np.array([grid.step(minute.to_pydatetime()) for minute in rows["minute"]], dtype=np.int64)
    flags, measures = (
        rows["is_anomaly"].fillna(False).to_numpy(dtype=np.bool_),
        rows[[*MEASURES]].to_numpy(dtype=np.float64),
    )
    reason, device, signal = (
        rows["reason"].fillna("").to_numpy(dtype=object),
        *(np.array([name], dtype=object) for name in series),
    )
    no, none = np.zeros(1, dtype=np.bool_), np.zeros(1)
    for place in range(len(rows)):
        if not flags[place] and not fold.episodes.at:
            continue
        value, expected, lower, upper, severity = (
            measures[place : place + 1, column] for column in range(len(MEASURES))
        )
        one = WindowRows(
            device,
            signal,
            value,
            expected,
            lower,
            upper,
            np.nan_to_num(severity),
            flags[place : place + 1],
            no,
            none,
            reason[place : place + 1],
        )
        for event in fold.step(int(at[place]), one):
            if event["event"] != "summary":
                found[event["incident_id"]] = (event["started"], event["last"])
    return found


def _reached(rows: pd.DataFrame, deviation: Any, span: tuple[int, int], config: Config) -> float:
    """The largest deviation of the flags of an incident."""
    grid = config.minutes.grid
    first, last = grid.start(span[0]), grid.start(span[1])
    inside = ((rows["minute"] >= first) & (rows["minute"] <= last) & rows["is_anomaly"].fillna(False)).to_numpy(
        dtype=np.bool_
    )
    return float(deviation[inside].max(initial=0.0))


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _rounded_up(value: float) -> float:
    """The next number of three digits above a deviation, so that flags of that deviation go."""
    if value <= 0:
        return 1e-12
    unit = 10.0 ** (math.floor(math.log10(value)) - 2)
    up = math.ceil(value / unit) * unit
    return float(f"{up if up > value else up + unit:.6g}")


def _shuffled(names: Sequence[str]) -> list[str]:
    """An order that has nothing to do with the incidents, and is the same each time: the draw of those who are asked."""
    return sorted(names, key=lambda name: hashlib.sha256(f"asked {name}".encode()).hexdigest())
