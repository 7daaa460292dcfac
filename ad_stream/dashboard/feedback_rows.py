"""What people said about incidents, in memory: the last words about each, and its label."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ad_stream.incidents.feedback import labels_of
from ad_stream.tables.incidents import FEEDBACK

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]
COLUMNS = FEEDBACK.names
MOST_SAID, MOST_INCIDENTS = 20, 100_000
"""Rows kept of an incident, and incidents of which some are kept: those that were spoken of last."""


class FeedbackRows:
    """changes: grows with every batch taken in; labels: incident_id -> its last label."""

    def __init__(self) -> None:
        self.changes = 0
        self.labels: dict[str, str] = {}
        self._said: dict[str, list[Row]] = {}

    def apply(self, batch: pa.RecordBatch) -> None:
        """Takes rows of `feedback` in, in any order; what names no incident is none of its business."""
        self.changes += 1
        for row in map(_in_utc, batch.to_pylist()):
            name = row.get("incident_id")
            if name and row.get("changed") is not None:
                rows = sorted([*self._said.pop(name, []), row], key=lambda one: one["changed"])[-MOST_SAID:]
                self._said[name] = rows
                self.labels |= labels_of(rows)
        while len(self._said) > MOST_INCIDENTS:
            oldest = next(iter(self._said))
            del self._said[oldest]
            self.labels.pop(oldest, None)

    def of(self, name: str) -> list[Row]:
        """The last rows about an incident, in the order in which they were said."""
        return self._said.get(name, [])


def _in_utc(row: Row) -> Row:
    """What Spark wrote comes without a zone, what this package wrote with one."""
    moments = {name: value for name, value in row.items() if isinstance(value, datetime) and value.tzinfo is None}
    return row | {name: value.replace(tzinfo=timezone.utc) for name, value in moments.items()}
