"""Rows of the fold <-> rows of the table `incident_events`: numbers of windows become times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ad_stream.grid import Grid
    from ad_stream.incidents.ledger import Event

TIMES = ("minute", "started", "opened", "last", "ended", "peak_minute", "acked_until")
"""Columns that the fold has as numbers of windows."""
STREAM, BACKFILL = "stream", "backfill"
ABOUT_MEMBER = ("joined", "left", "muted", "still")
"""Events whose row is about one member; all others show the incident as a whole."""


def table_row(event: Event, grid: Grid, **more: Any) -> dict[str, Any]:
    """The columns of `incident_events` but those that name the batch. more: what the fold does not know."""
    times = {name: None if event[name] is None else grid.start(event[name]) for name in TIMES}
    return {**event, **times, "origin": STREAM, "revision": 0, **more}
