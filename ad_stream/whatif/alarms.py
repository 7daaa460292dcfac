"""Flagged minutes as alarms, and which alarms two sets of verdicts do not share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Alarm:
    """Flagged minutes of a series, each at most `refractory` minutes after the one before.

    severity and reason are those of its most severe minute; first and last are minutes in UTC.
    """

    device_id: str
    signal: str
    first: datetime
    last: datetime
    flagged: int
    severity: float
    reason: str


def alarms_of(flagged: pd.DataFrame, refractory: int) -> list[Alarm]:
    """Flagged rows (device_id, signal, minute, severity, reason) in any order -> alarms, sorted by series and time."""
    if flagged.empty:
        return []
    rows = flagged.sort_values(["device_id", "signal", "minute"])
    series = rows.groupby(["device_id", "signal"], sort=False).ngroup().to_numpy()
    minutes = rows["minute"].dt.tz_convert(None).to_numpy().astype("datetime64[m]")
    begins = np.r_[True, (np.diff(series) != 0) | (np.diff(minutes).astype(np.int64) > refractory)]
    out = []
    for _, part in rows.groupby(np.cumsum(begins), sort=False):
        worst = part.iloc[int(part["severity"].fillna(-1.0).to_numpy().argmax())]
        first, last = (part["minute"].iloc[at].to_pydatetime() for at in (0, -1))
        severity = float(worst["severity"]) if worst["severity"] == worst["severity"] else 0.0
        out.append(Alarm(worst["device_id"], worst["signal"], first, last, len(part), severity, worst["reason"]))
    return out


def only_in(here: Sequence[Alarm], there: Sequence[Alarm], refractory: int) -> list[Alarm]:
    """The alarms of `here` that no alarm of `there` of the same series touches, `refractory` minutes of grace on both sides."""
    grace = refractory * MINUTE
    others: dict[tuple[str, str], list[Alarm]] = {}
    for other in there:
        others.setdefault((other.device_id, other.signal), []).append(other)
    return [
        one
        for one in here
        if not any(
            other.first <= one.last + grace and other.last >= one.first - grace
            for other in others.get((one.device_id, one.signal), [])
        )
    ]
