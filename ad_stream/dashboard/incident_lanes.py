"""Incidents over time, a lane per site or device: how many lay in each stretch, and the highest level among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.dashboard.formatting import iso, page_of
from ad_stream.dashboard.groups import By, cells_of
from ad_stream.dashboard.incident_list import IncidentFilter, end_of, matching, states_of
from ad_stream.dashboard.sites import NO_SITE
from ad_stream.incidents.rules import LEVELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.dashboard.incident_rows import IncidentRows
    from ad_stream.dashboard.watcher import Watch
    from ad_stream.model import Bools

    Ints = NDArray[np.int64]


def lanes(watch: Watch, wanted: IncidentFilter, *, by: By) -> dict[str, Any]:
    """As `groups.heat` over `wanted.asked.minutes` up to the newest window: cells count incidents, `levels` is the highest of each
    cell, null where there is none. Lanes with an open incident come first, then by level and number."""
    with watch.lock:
        grid = watch.grid
        width, first, columns = cells_of(watch, wanted.asked.minutes)
        begin, length = first * grid.seconds, width * grid.seconds
        chosen = matching(watch, wanted) & states_of(watch.incidents)[wanted.state]
        chosen &= (end_of(watch) > begin) & (watch.incidents["started"] < begin + length * columns)
        places, lane, names = _lanes(watch.incidents, by, chosen)
        cells, levels = _cells(watch, places, lane, len(names), begin, length, columns)
        running = np.bincount(lane, weights=states_of(watch.incidents)["open"][places], minlength=len(names)).astype(
            np.int64
        )
        total = np.bincount(lane, minlength=len(names))
        order = np.lexsort((np.arange(len(names)), -total, -levels.max(axis=1, initial=-1), running == 0))
        rows = [
            {"name": names[one], "incidents": int(total[one]), "open": int(running[one]), "cells": cells[one].tolist()}
            | {"levels": [LEVELS[level] if level >= 0 else None for level in levels[one].tolist()]}
            for one in order[wanted.asked.slice()]
        ]
        starts = [iso(first + width * n, grid) for n in range(columns)]
        return page_of(rows, len(names), wanted.asked) | {
            "columns": starts, "end": iso(first + width * columns, grid), "by": by, "cell": length,
        }  # fmt: skip


def _lanes(held: IncidentRows, by: By, chosen: Bools) -> tuple[Ints, Ints, list[str]]:
    """-> places of incidents, the lane of each, and the lanes' names; by device an incident stands in the lane of each of its devices."""
    if by == "device":
        places, devices = held.pairs()
        inside = chosen[places]
        there, lane = np.unique(devices[inside], return_inverse=True)
        return places[inside], lane, [held.devices[number] for number in there]
    places = np.flatnonzero(chosen)
    sites = [site or NO_SITE for site in held["site"][places]]
    names = sorted(set(sites))
    number = {name: place for place, name in enumerate(names)}
    return places, np.array([number[site] for site in sites], dtype=np.int64), names


def _cells(
    watch: Watch, places: Ints, lane: Ints, lanes: int, begin: int, length: int, columns: int
) -> tuple[Ints, Ints]:
    """(lanes, columns) each: how many incidents, and the highest level among them, -1 for none."""
    held = watch.incidents
    first = np.clip((held["started"][places] - begin) // length, 0, columns - 1)
    last = np.clip((end_of(watch)[places] - 1 - begin) // length, first, columns - 1)
    spans = last - first + 1
    row = np.repeat(np.arange(len(places)), spans)
    column = first[row] + np.arange(len(row)) - np.repeat(np.cumsum(spans) - spans, spans)
    cells, levels = np.zeros((lanes, columns), dtype=np.int64), np.full((lanes, columns), -1, dtype=np.int64)
    np.add.at(cells, (lane[row], column), 1)
    np.maximum.at(levels, (lane[row], column), held["level"][places[row]])
    return cells, levels
