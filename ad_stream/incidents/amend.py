"""Incidents of the past beside those that revised verdicts make: which moved, which are gone, which are new.

An incident keeps its id although it begins at another window now: what was told once is not told again, and links hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ad_stream.incidents.table import BACKFILL

Row = Mapping[str, Any]
COMPARED = (
    "started", "opened", "last", "ended", "close_reason", "severity", "level", "peak_minute", "peak_value", "devices", "series",
    "flagged_minutes", "out_minutes", "reopened",
)  # fmt: skip
"""Columns whose change makes a row."""
CLOSE = 1e-9


@dataclass(frozen=True)
class Known:
    """One incident: its latest row, and the series that were in it."""

    row: Row
    members: frozenset[tuple[str, str]]

    @property
    def span(self) -> tuple[datetime, datetime]:
        """First and last window out."""
        return self.row["started"], self.row["last"]


def amendments(
    before: Sequence[Known], now: Sequence[Known], *, start: datetime, end: datetime
) -> list[dict[str, Any]]:
    """Rows of `incident_events` (revision and the batch's names set by the caller's table) for what differs.

    before: as the tables have them; now: folded from the latest verdicts; start <= minute < end: the verdicts that were
    revised. Of those still open, or begun before the fold, the caller hands in none.
    """
    left, rows = {one.row["incident_id"]: one for one in before}, []
    for new in sorted(now, key=lambda one: (one.span, one.row["incident_id"])):
        old = max(
            (one for one in left.values() if _shared(one, new)),
            key=lambda one: (_shared(one, new), one.row["incident_id"]),
            default=None,
        )
        if old is not None:
            del left[old.row["incident_id"]]
            if old.row["event"] == "withdrawn" or any(not _same(old.row[name], new.row[name]) for name in COMPARED):
                changed = [name for name in COMPARED if not _same(old.row[name], new.row[name])]
                rows.append(_row(old, new.row, "amended", f"a backfill changed {', '.join(changed)}"))
        elif new.span[0] < end and new.span[1] >= start:
            rows.append(_row(None, new.row, "closed", "found by a backfill"))
    gone = [
        one for one in left.values() if one.row["event"] != "withdrawn" and one.span[0] < end and one.span[1] >= start
    ]
    rows += [_row(old, old.row, "withdrawn", "a backfill took its flags away") for old in gone]
    return rows


def _row(old: Known | None, shown: Row, event: str, why: str) -> dict[str, Any]:
    kept = (
        {}
        if old is None
        else {
            name: old.row[name]
            for name in ("incident_id", "told", "hidden", "acked_by", "acked_until", "device_id", "signal", "site")
        }
    )
    revision = 1 if old is None else old.row["revision"] + 1
    return {
        **shown,
        **kept,
        "event": event,
        "why": why,
        "notify": False,
        "origin": BACKFILL,
        "revision": revision,
        "seq": 0,
    }


def _shared(one: Known, other: Known) -> float:
    """Seconds, and one more, that two incidents of a common series overlap; 0 where they do not."""
    if not one.members & other.members:
        return 0.0
    first, last = max(one.span[0], other.span[0]), min(one.span[1], other.span[1])
    return (last - first).total_seconds() + 1.0 if first <= last else 0.0


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, (int, float)):
        return abs(one - other) <= CLOSE * max(1.0, abs(one))
    return bool(one == other)
