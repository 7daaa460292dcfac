"""The flagged windows of the last day, and the events they make up."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.dashboard.verdict_arrays import VerdictArrays
from ad_stream.incidents.alarms import continues

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

MOST_FLAGS = 200_000
MOST_OVERRULED = 2_000_000


class Flags:
    """rows: at most MOST_FLAGS flagged windows, sorted by series and time; the oldest are dropped.

    starts: where in `rows` each event starts. An event is a flag and those that continue it; a flag of the slow verdict
    continues the one before it within `refractory` windows.
    """

    def __init__(self, *, most: int = MOST_FLAGS, refractory: int = 10) -> None:
        self.rows = empty()
        self.starts = np.empty(0, dtype=np.int64)
        self.dropped = 0
        self._most, self._refractory = most, refractory
        self._overruled: tuple[Ints, Ints] = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

    def apply(self, rows: VerdictArrays) -> int:
        """Takes rows in, in any order, flagged or not; -> how many flagged windows are new."""
        self._overrule(rows.take(rows.revision > 0))
        flagged = rows.take(rows.flag != 0)
        stays = self._not_overruled(self.rows) if (rows.revision > 0).any() else np.ones(len(self.rows), dtype=bool)
        before = np.sort(_keys(self.rows.take(stays)))
        flagged = flagged.take(self._not_overruled(flagged))
        if not len(flagged) and stays.all():
            return 0
        new = ~np.isin(_keys(flagged), before)
        self._keep(_joined(self.rows.take(stays), flagged))
        return int(new.sum())

    def since(self, minute: int) -> VerdictArrays:
        """The flagged windows from the step `minute` on."""
        return self.rows.take(self.rows.minute >= minute)

    def _keep(self, rows: VerdictArrays) -> None:
        order = np.lexsort((rows.revision, rows.minute, rows.series))
        rows = rows.take(order)
        keys = _keys(rows)
        # Of one window's rows the highest revision, the last one here, stays.
        rows = rows.take(np.append(keys[1:] != keys[:-1], True) if len(keys) else np.empty(0, dtype=bool))
        if len(rows) > self._most:
            self.dropped += len(rows) - self._most
            oldest = np.partition(rows.minute, len(rows) - self._most)[len(rows) - self._most]
            rows = rows.take(rows.minute > oldest)
        self.rows = rows
        first = np.append(True, rows.series[1:] != rows.series[:-1]) if len(rows) else np.empty(0, dtype=bool)
        near = np.append(False, continues(np.diff(rows.minute), self._refractory)) if len(rows) else first
        self.starts = np.flatnonzero(first | ~(rows.continuing | (rows.slow & near)))

    def _overrule(self, later: VerdictArrays) -> None:
        """Remembers the highest revision of each window that backfill judged again."""
        if not len(later):
            return
        keys = np.concatenate([self._overruled[0], _keys(later)])
        revisions = np.concatenate([self._overruled[1], later.revision])
        order = np.lexsort((revisions, keys))[-MOST_OVERRULED:]
        keys, revisions = keys[order], revisions[order]
        highest = np.append(keys[1:] != keys[:-1], True)
        self._overruled = keys[highest], revisions[highest]

    def _not_overruled(self, rows: VerdictArrays) -> NDArray[np.bool_]:
        known, revisions = self._overruled
        if not len(known) or not len(rows):
            return np.ones(len(rows), dtype=bool)
        keys = _keys(rows)
        at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
        stays: NDArray[np.bool_] = (known[at] != keys) | (rows.revision >= revisions[at])
        return stays


def empty() -> VerdictArrays:
    """No rows."""
    whole = {"flag": np.int8, "continuing": np.bool_, "slow": np.bool_}
    measures = {"value", "expected", "upper", "lower", "score", "severity"}
    return VerdictArrays(
        **{
            one.name: np.empty(0, dtype=np.float64 if one.name in measures else whole.get(one.name, np.int64))
            for one in fields(VerdictArrays)
        }
    )


def _keys(rows: VerdictArrays) -> Ints:
    keys: Ints = (rows.series << 32) + rows.minute
    return keys


def _joined(one: VerdictArrays, other: VerdictArrays) -> VerdictArrays:
    return VerdictArrays(
        **{
            field.name: np.concatenate([getattr(one, field.name), getattr(other, field.name)])
            for field in fields(VerdictArrays)
        }
    )
