"""What one alarm is: flags of one series, each at most `refractory` after the one before. The one definition.

Scoring marks flags that continue an alarm with it, and everything that counts alarms (demo, what-if, page, fallback,
views by the column `continuing`) goes by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ad_stream.model import Bools

    Ints = NDArray[np.int64]


def continues(since: Any, refractory: Any) -> Any:
    """Whether a flag belongs to the alarm of the flag before it; since: the time between the two, of the same kind."""
    return since <= refractory


def mark_continuing(
    series: Ints, steps: Ints, is_anomaly: Bools, *, refractory: int, earlier: tuple[Ints, Ints] | None = None
) -> Bools:  # fmt: skip
    """True where a flagged row's series was flagged within the `refractory` steps of the grid before it.

    series (k,) codes, steps (k,) numbers of windows, is_anomaly (k,), in any order; earlier = (series, steps) of
    flags from before these rows. -> (k,). With refractory 0 nothing continues.
    """
    flagged = np.flatnonzero(is_anomaly)
    old = earlier or (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    codes = np.concatenate([old[0], series[flagged]])
    at = np.concatenate([old[1], steps[flagged]])
    order = np.lexsort((at, codes))
    codes, at = codes[order], at[order]
    since = np.full(len(order), refractory + 1, dtype=np.int64)
    same = codes[1:] == codes[:-1]
    since[1:] = np.where(same, at[1:] - at[:-1], since[1:])
    close = np.empty(len(order), dtype=np.bool_)
    close[order] = continues(since, refractory)
    answer = np.zeros(len(is_anomaly), dtype=np.bool_)
    answer[flagged] = close[len(old[0]) :]
    return answer


def with_slow_flags(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of `detections` -> the same, flagged where either verdict flags: where only the slow one does, `is_anomaly`,
    `is_positive`, `reason` and `score`, as far as they are there, say what it says."""
    if "slow_is_anomaly" not in rows:
        return rows
    slow = rows["slow_is_anomaly"].eq(True).fillna(False).to_numpy(dtype=bool)
    slow &= ~rows["is_anomaly"].eq(True).fillna(False).to_numpy(dtype=bool)
    if not slow.any():
        return rows
    said = {"is_anomaly": True, "reason": rows["slow_reason"], "score": rows.get("slow_score")}
    if "is_positive" in rows and "expected" in rows:
        said["is_positive"] = rows["value"] >= rows["expected"]
    told = {name: rows[name].where(~slow, value) for name, value in said.items() if name in rows and value is not None}
    out: pd.DataFrame = rows.assign(**told)
    return out


@dataclass(frozen=True)
class Alarm:
    """Flags of one series that belong together.

    first, last: its first and last flagged window (UTC); severity, reason and score are those of its most severe one.
    """

    device_id: str
    signal: str
    first: datetime
    last: datetime
    flagged: int
    severity: float
    reason: str
    score: float


def alarms_of(flagged: pd.DataFrame, refractory: timedelta) -> list[Alarm]:
    """Flagged rows of `detections` in any order -> alarms, sorted by series and time."""
    if flagged.empty:
        return []
    rows = flagged.sort_values(["device_id", "signal", "minute"])
    series = rows.groupby(["device_id", "signal"], sort=False).ngroup().to_numpy()
    since = np.diff(rows["minute"].to_numpy(dtype="datetime64[ns]"))
    follows = (np.diff(series) == 0) & continues(since, np.timedelta64(refractory))
    begins = np.r_[True, ~follows]
    return [_alarm(part) for _, part in rows.groupby(np.cumsum(begins), sort=False)]


def _alarm(part: pd.DataFrame) -> Alarm:
    severity, score = (part[name].fillna(0.0).to_numpy(dtype=np.float64) for name in ("severity", "score"))
    worst = int(np.lexsort((score, severity))[-1])
    first, last = (part["minute"].iloc[at].to_pydatetime() for at in (0, -1))
    row = part.iloc[worst]
    return Alarm(
        row["device_id"], row["signal"], first, last, len(part), float(severity[worst]), str(row["reason"]), float(score[worst])
    )  # fmt: skip
