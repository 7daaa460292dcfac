"""Incidents as the tables have them, for commands, pages and figures; read without a JVM."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ad_stream.errors import InputError
from ad_stream.incidents.events import FLOOD
from ad_stream.incidents.feedback import check, labels_of, refused
from ad_stream.incidents.table import ABOUT_MEMBER
from ad_stream.tables import people
from ad_stream.tables.incidents import FEEDBACK, INCIDENT_EVENTS
from ad_stream.tables.reader import read_rows

if TYPE_CHECKING:
    import pandas as pd

OPEN, CLOSED, WITHDRAWN = "open", "closed", "withdrawn"


@dataclass(frozen=True)
class Listed:
    """What is asked for; None: all."""

    open_only: bool = False
    site: str | None = None
    start: datetime | None = None


def incidents(tables: str | Path, wanted: Listed = Listed()) -> list[dict[str, Any]]:
    """The latest row of each incident with `state` and `label`, newest first; none where a table is of an earlier version."""
    rows = _events(tables)
    if rows.empty:
        return []
    labels = labels_of(people.read(FEEDBACK, Path(tables))[0]) if "://" not in str(tables) else {}
    latest = rows.sort_values(["revision", "seq"]).drop_duplicates("incident_id", keep="last")
    found = [
        _plain(row, labels)
        for row in latest.sort_values(["started", "incident_id"], ascending=False).to_dict("records")
    ]
    return [one for one in found if _fits(one, wanted)]


def events_of(tables: str | Path, name: str, most: int | None = None) -> list[dict[str, Any]]:
    """All rows of one incident in their order, none where there is no such incident. most: as `read_rows`; InputError
    where there is no table."""
    rows = read_rows(tables, INCIDENT_EVENTS.name, where=[("incident_id", "=", name)], most=most)
    found = rows.sort_values(["revision", "seq"]).to_dict("records")
    return [{str(key): _value(value) for key, value in row.items()} for row in found]


def say(tables: Path, row: Mapping[str, Any], *, now: datetime) -> int:
    """Append what somebody says to `feedback`; -> its version. InputError where it makes no sense."""
    check({**row, "changed": now}, lambda name: _is_there(tables, name))
    return people.append(FEEDBACK, tables, row, now=now)


def _is_there(tables: Path, name: str) -> bool:
    return not read_rows(tables, INCIDENT_EVENTS.name, ["seq"], [("incident_id", "=", name), ("seq", "=", 0)]).empty


def counts(tables: str | Path) -> dict[str, int]:
    """How many incidents there are, are open, acknowledged, and how many of each level are open."""
    listed = incidents(tables)
    is_open = [one for one in listed if one["state"] == OPEN]
    levels = {
        f"open_{level}": sum(1 for one in is_open if one["level"] == level) for level in ("low", "medium", "high")
    }
    return {
        "incidents": len(listed),
        "open": len(is_open),
        **levels,
        "acked": sum(1 for one in is_open if one["acked_by"]),
    }


def acked_at(tables: str | Path) -> dict[str, datetime]:
    """incident_id -> when it was first acknowledged."""
    rows = _events(tables)
    return (
        {}
        if rows.empty
        else {
            str(name): at.to_pydatetime()
            for name, at in rows[rows["event"] == "acked"].groupby("incident_id")["minute"].min().items()
        }
    )


def ignored(tables: Path, known: Callable[[str], bool] | None = None) -> tuple[str, ...]:
    """A sentence for each row of `feedback` that the stream leaves out."""
    rows, _ = people.read(FEEDBACK, tables)
    if not rows:
        return ()
    if known is None:
        ids = set(_events(tables)["incident_id"])
        known = ids.__contains__
    return refused(rows, known)


def stale(tables: Path, *, now: datetime, most: timedelta) -> str | None:
    """Why somebody has to look at the stream itself, None where nobody has to."""
    newest = read_rows(tables, "minutes", ["minute"])["minute"].max()
    if newest is None or newest != newest:
        return "there is no window yet"
    behind = now - newest.to_pydatetime()
    if behind > most:
        return f"the newest window is of {newest:%Y-%m-%d %H:%M} UTC, {behind / timedelta(minutes=1):.0f} minutes ago"
    troubles = [one for one in incidents(tables, Listed(open_only=True)) if one["kind"] == "pipeline"]
    return f"{troubles[0]['reason']}: {troubles[0]['why']}" if troubles else None


def _events(tables: str | Path) -> pd.DataFrame:
    import pandas as pd

    try:
        rows: pd.DataFrame = read_rows(tables, INCIDENT_EVENTS.name)
    except InputError:
        if not Path(tables).is_dir() and "://" not in str(tables):
            raise
        rows = pd.DataFrame({column: [] for column in INCIDENT_EVENTS.names})
    found: pd.DataFrame = rows[~rows["event"].isin(ABOUT_MEMBER) & (rows["kind"] != FLOOD)]
    return found


def _plain(row: Mapping[Any, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    one = {str(name): _value(value) for name, value in row.items()}
    state = WITHDRAWN if one["event"] == "withdrawn" else OPEN if one["ended"] is None else CLOSED
    return {**one, "state": state, "label": labels.get(one["incident_id"])}


def _value(value: Any) -> Any:
    if value is None or value != value:
        return None
    if hasattr(value, "to_pydatetime"):
        return value.to_pydatetime()
    return value


def _fits(one: Mapping[str, Any], wanted: Listed) -> bool:
    return (
        (not wanted.open_only or one["state"] == OPEN)
        and (wanted.site is None or wanted.site in (one["site"], one["device_id"]))
        and (wanted.start is None or one["opened"] >= wanted.start or one["ended"] is None)
    )
