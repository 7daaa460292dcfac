"""One incident from its rows in the table: what happened, who was in it, what people said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ad_stream import times
from ad_stream.dashboard.formatting import MOST_ROWS, MOST_STORED, MalformedError, number, stamp, words
from ad_stream.dashboard.incident_list import incident_row
from ad_stream.dashboard.incident_rows import MEASURES, IncidentRows
from ad_stream.errors import InputError
from ad_stream.incidents.events import EVENTS
from ad_stream.incidents.feedback import ID
from ad_stream.incidents.table import ABOUT_MEMBER
from ad_stream.monitoring.incidents import events_of
from ad_stream.tables.incidents import INCIDENT_EVENTS
from ad_stream.tables.schema import arrow

if TYPE_CHECKING:
    from ad_stream.dashboard.watcher import Watch

Row = Mapping[str, Any]
EVENT = ("event", "why", "notify", "level", "devices", "series", "open_series", "origin", "revision")
SAID = ("action", "label", "owner", "note")


def incident(watch: Watch, name: str) -> dict[str, Any]:
    """-> the incident as lists show it, with `events` (its snapshots in order, the newest 200), `members` (the first 200), and `said`."""
    if not ID.fullmatch(name):
        raise MalformedError(f"{times.short(name)} is no id of an incident: copy one of the list")
    rows = events_of(watch.tables, name, MOST_STORED)
    whole = [row for row in rows if row["event"] not in ABOUT_MEMBER]
    if not whole:
        raise InputError(f"there is no incident {name} in these tables: copy an id of the list")
    members = _members(rows, whole)
    with watch.lock:
        return incident_row(_held(whole), 0, watch.feedback.labels) | {
            "events": [_event(row) for row in whole[-MOST_ROWS:]], "events_total": len(whole),
            "members": members[:MOST_ROWS], "members_total": len(members),
            "said": [_said(row) for row in watch.feedback.of(name)],
        }  # fmt: skip


def _held(rows: Sequence[Row]) -> IncidentRows:
    """As memory would hold them, which knows the newest changes only."""
    import pyarrow as pa

    held = IncidentRows()
    held.apply(pa.RecordBatch.from_pylist(rows, arrow(INCIDENT_EVENTS.columns)))
    return held


def _members(rows: Sequence[Row], whole: Sequence[Row]) -> list[dict[str, Any]]:
    """A row per series, the leader first, then those that are out now and the most severe; its own last row counts."""
    first, latest = whole[0], whole[-1]
    leader = (first["device_id"], first["signal"])
    found: dict[tuple[Any, Any], dict[str, Any]] = {}
    for row in rows:
        if row is first or row["event"] in ABOUT_MEMBER:
            series = (row["device_id"], row["signal"])
            started = min(row["started"], found[series]["started"]) if series in found else row["started"]
            found[series] = {**row, "started": started}
    if len(found) == 1:  # what is said of the whole is said of its one member
        found[leader] = {**latest, "started": found[leader]["started"]}
    if latest["ended"] is not None:
        found = {series: {**row, "ended": row["ended"] or latest["ended"]} for series, row in found.items()}
    ranked = sorted(found, key=lambda one: (one != leader, found[one]["ended"] is not None, -found[one]["severity"]))
    return [_member(found[series], leader=series == leader) for series in ranked]


def _member(row: Row, *, leader: bool) -> dict[str, Any]:
    return {
        "device": row["device_id"], "signal": row["signal"], "leader": leader, "meaning": words(row["reason"] or ""),
        "direction": row["direction"], **{name: stamp(row[name]) for name in ("started", "last", "ended")},
        **{name: _number(row[name]) for name in MEASURES},
    }  # fmt: skip


def _event(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in EVENT} | {
        "meaning": EVENTS.get(row["event"], ""),
        "minute": stamp(row["minute"]),
        "severity": _number(row["severity"]),
    }


def _said(row: Row) -> dict[str, Any]:
    return {name: row.get(name) for name in SAID} | {name: stamp(row.get(name)) for name in ("until", "changed")}


def _number(value: float | None) -> float | None:
    return None if value is None else number(value)
