"""The fleet by site, and its flagged windows over time as a heat map: one page of rows, worst first."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ad_stream.dashboard.fleet import silent_devices
from ad_stream.dashboard.formatting import Asked, iso, number, page_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.dashboard.overview import Overview
    from ad_stream.dashboard.watcher import Watch
    from ad_stream.model import Bools

    Ints = NDArray[np.int64]

By = Literal["site", "device"]
MOST_CELLS = 24
CELLS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080)
)
"""Lengths of a cell, the first of which fits is taken; of windows that none of them holds, one window."""


def sites(watch: Watch, overview: Overview, asked: Asked) -> dict[str, Any]:
    """-> a row per site: its devices, series, silent devices, flagged series, flags and highest severity."""
    with watch.lock:
        names = watch.fleet.names
        series = np.flatnonzero(overview.matching(asked))
        of, labels = overview.sites.of_series(names)[series], overview.sites.labels(names)
        flagged = overview.flagged(asked.minutes)
        severity = np.zeros(len(labels))
        np.maximum.at(severity, of, flagged.severity[series])
        count = {
            "series": np.bincount(of, minlength=len(labels)),
            "flagged": np.bincount(of[flagged.count[series] > 0], minlength=len(labels)),
            "flags": np.bincount(of, weights=flagged.count[series], minlength=len(labels)).astype(np.int64),
            **_devices(watch, series, of, len(labels)),
        }
        there = np.flatnonzero(count["series"])
        order = np.lexsort((-count["flags"][there], -severity[there], -count["silent"][there]))
        rows = [
            {"site": labels[site], "severity": number(float(severity[site]), 3)}
            | {name: int(of_site[site]) for name, of_site in count.items()}
            for site in there[order][asked.slice()]
        ]
        return page_of(rows, len(there), asked) | {"minutes": asked.minutes}


def heat(watch: Watch, overview: Overview, asked: Asked, *, by: By) -> dict[str, Any]:
    """-> columns (starts of the cells, at most about MOST_CELLS), `end` of the last, and rows whose `cells` count flagged windows.

    by: what a row is. What is silent comes first: a device says since when, a site how many of its devices are.
    """
    with watch.lock:
        fleet, grid = watch.fleet, watch.grid
        chosen = overview.matching(asked)
        of = overview.sites.of_series(fleet.names) if by == "site" else fleet.names.device_of
        labels = overview.sites.labels(fleet.names) if by == "site" else fleet.names.devices
        width, first, columns = cells_of(watch, asked.minutes)
        flags = watch.flags.since(first)
        counted = chosen[flags.series] & (flags.minute < first + width * columns)
        group, cell = of[flags.series][counted], ((flags.minute - first) // width)[counted]
        there = np.unique(of[chosen])
        since, quiet = _silent(watch, by, of[chosen], np.flatnonzero(chosen), len(labels))
        total = np.bincount(group, minlength=len(labels))
        order = there[np.lexsort((there, -total[there], -quiet[there]))]
        shown = order[asked.slice()]
        place = np.full(len(labels), -1, dtype=np.int64)
        place[shown] = np.arange(len(shown))
        inside = place[group] >= 0
        cells = np.bincount(place[group[inside]] * columns + cell[inside], minlength=len(shown) * columns)
        rows = [
            {"name": labels[one], "flags": int(total[one]), "cells": line}
            | {"silent": iso(int(since[one]), grid), "silent_devices": int(quiet[one]) if by == "site" else 0}
            for one, line in zip(shown, cells.reshape(len(shown), columns).tolist(), strict=True)
        ]
        starts = [iso(first + width * n, grid) for n in range(columns)]
        return page_of(rows, len(there), asked) | {
            "columns": starts, "end": iso(first + width * columns, grid), "by": by, "cell": width * grid.seconds,
            "most": int(cells.max(initial=0)),
        }  # fmt: skip


def cells_of(watch: Watch, minutes: int) -> tuple[int, int, int]:
    """Windows a cell, the first window of the first cell, and how many cells reach from there to the newest window."""
    fleet, grid = watch.fleet, watch.grid
    least = timedelta(minutes=minutes) / MOST_CELLS
    length = next((one for one in CELLS if one >= least and one >= grid.every), grid.every)
    width = max(1, round(length / grid.every))
    first = (fleet.newest - max(1, grid.steps(timedelta(minutes=minutes))) + 1) // width * width
    return width, first, (fleet.newest - first) // width + 1


def _devices(watch: Watch, series: Ints, of: Ints, sites: int) -> dict[str, Ints]:
    """(sites,): the devices that these series belong to, and the silent ones among them."""
    devices, where = np.unique(watch.fleet.names.device_of[series], return_index=True)
    silent: Bools = silent_devices(watch.fleet)[devices]
    return {
        "devices": np.bincount(of[where], minlength=sites),
        "silent": np.bincount(of[where][silent], minlength=sites),
    }


def _silent(watch: Watch, by: By, of: Ints, series: Ints, groups: int) -> tuple[Ints, Ints]:
    """(groups,) each: the newest window of a silent device, -1 of all others and of sites; how many devices are silent."""
    nowhere = np.full(groups, -1, dtype=np.int64)
    if by == "site":
        return nowhere, _devices(watch, series, of, groups)["silent"]
    silent = silent_devices(watch.fleet)
    return np.where(silent, watch.fleet.newest_of_devices(), nowhere), silent.astype(np.int64)
