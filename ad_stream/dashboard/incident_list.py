"""Incidents as pages list them: those that are open first, one page of them, whatever their number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ad_stream import times
from ad_stream.dashboard.formatting import Asked, number, page_of, stamp, words
from ad_stream.dashboard.incident_rows import COUNTS, LEVEL, MEASURES, NEVER, TIMES, IncidentRows
from ad_stream.dashboard.sites import NO_SITE
from ad_stream.incidents.rules import LEVELS
from ad_stream.monitoring.incidents import CLOSED, OPEN, WITHDRAWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.dashboard.watcher import Watch
    from ad_stream.model import Bools

    Ints = NDArray[np.int64]

IncidentState = Literal["all", "open", "closed", "withdrawn"]
Level = Literal["low", "medium", "high"]
TOLD = ("kind", "site", "signal", "reason", "direction", "close_reason", "why", "acked_by")
MOST_SITES = 1000


@dataclass(frozen=True, kw_only=True)
class IncidentFilter:
    """What a page asks for. asked: device, signal, site and page; state: all but the withdrawn, or one; level: this one or a higher one;
    first, last: some of it lies at first <= second < last, None is without end."""

    asked: Asked
    state: IncidentState = "all"
    level: Level = "low"
    first: int | None = None
    last: int | None = None


def incidents(watch: Watch, wanted: IncidentFilter) -> dict[str, Any]:
    """-> a page of rows; how many there are in each state; the sites that have incidents."""
    with watch.lock:
        held = watch.incidents
        states, chosen = states_of(held), matching(watch, wanted)
        counts = {name: int((mask & chosen).sum()) for name, mask in states.items()}
        is_open = states[OPEN] & chosen
        counts |= {level: int((held["level"][is_open] == place).sum()) for level, place in LEVEL.items()}
        counts["acked"] = sum(1 for who in held["acked_by"][is_open] if who is not None)
        shown = np.flatnonzero(chosen & states[wanted.state])
        ranked = shown[_order(held, shown)]
        rows = [incident_row(held, int(place), watch.feedback.labels) for place in ranked[wanted.asked.slice()]]
        sites = sorted({site for site in held["site"] if site is not None})[:MOST_SITES]
        return page_of(rows, len(shown), wanted.asked) | {
            "counts": counts, "sites": [*sites, NO_SITE] if sites else [], "dropped": held.dropped, "held": len(held),
        }  # fmt: skip


def open_counts(held: IncidentRows) -> dict[str, int]:
    """How many are open, and of these of the highest level."""
    is_open = states_of(held)[OPEN]
    return {"open": int(is_open.sum()), "high": int((held["level"][is_open] == LEVEL["high"]).sum())}


def incident_row(held: IncidentRows, place: int, labels: Mapping[str, str]) -> dict[str, Any]:
    """One incident as a page shows it."""
    name = held["incident_id"][place]
    withdrawn = held["event"][place] == "withdrawn"
    state = WITHDRAWN if withdrawn else OPEN if held["ended"][place] == NEVER else CLOSED
    return {
        "id": name, "device": held["device_id"][place], "state": state, "level": LEVELS[held["level"][place]],
        "label": labels.get(name), "meaning": words(held["reason"][place] or ""),
        **{column: held[column][place] for column in TOLD},
        **{column: _iso(int(held[column][place])) for column in TIMES},
        **{column: number(float(held[column][place])) for column in MEASURES},
        **{column: int(held[column][place]) for column in COUNTS},
    }  # fmt: skip


def states_of(held: IncidentRows) -> dict[str, Bools]:
    """(incidents,) each: which are in a state; 'all' are those that no backfill withdrew."""
    known, withdrawn, running = held["rank"] != NEVER, held["event"] == "withdrawn", held["ended"] == NEVER
    return {
        "all": known & ~withdrawn, OPEN: known & ~withdrawn & running, CLOSED: known & ~withdrawn & ~running,
        WITHDRAWN: known & withdrawn,
    }  # fmt: skip


def end_of(watch: Watch) -> Ints:
    """(incidents,): the second in which each was over, so far: the end of its last window out, of an open one now."""
    held, every = watch.incidents, watch.grid.seconds
    last = np.maximum(held["last"], held["started"]) + every
    now = (watch.fleet.newest + 1) * every
    found: Ints = np.where(held["ended"] == NEVER, np.maximum(now, last), last)
    return found


def matching(watch: Watch, wanted: IncidentFilter) -> Bools:
    """(incidents,): those that fit all of the question but the state."""
    held, asked = watch.incidents, wanted.asked
    chosen: Bools = (held["rank"] != NEVER) & (held["level"] >= LEVEL[wanted.level])
    if wanted.first is not None:
        chosen &= end_of(watch) > wanted.first
    if wanted.last is not None:
        chosen &= held["started"] < wanted.last
    if asked.site:
        chosen &= held["site"] == (None if asked.site == NO_SITE else asked.site)
    if asked.signal:
        chosen &= held["signal"] == asked.signal
    if asked.device:
        chosen &= held.with_device(_devices(held, asked))
    return chosen


def _devices(held: IncidentRows, asked: Asked) -> Bools:
    """(devices,): those whose name fits."""
    part = asked.device.lower()
    fits = (name == asked.exact if asked.exact is not None else part in name.lower() for name in held.devices)
    return np.fromiter(fits, dtype=bool, count=len(held.devices))


def _order(held: IncidentRows, shown: Ints) -> Ints:
    """Open ones first, the highest level first, then the newest; of closed ones the newest first."""
    over = held["ended"][shown] != NEVER
    return np.lexsort((shown, -held["started"][shown], np.where(over, 0, -held["level"][shown]), over))


def _iso(second: int) -> str | None:
    return None if second == NEVER else stamp(times.from_seconds(second))
