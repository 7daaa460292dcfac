"""The fleet, worst series first: one page of it, whatever its size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.dashboard.fleet import silent_devices
from ad_stream.dashboard.formatting import Asked, iso, number, page_of, words
from ad_stream.dashboard.sites import SiteOf, Sites
from ad_stream.model import DECLINED, STATUSES, WARMING_UP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.dashboard.watcher import Watch
    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]

SPARK_WINDOWS = 60


@dataclass(frozen=True)
class Flagged:
    """Per series (n,): its flags within some minutes: how many, the highest severity, the latest; 0, 0, -1 for none."""

    count: Ints
    severity: Floats
    latest: Ints


class Overview:
    """Answers what pages ask about the fleet; what pages share is worked out once per version of the tables."""

    def __init__(self, watch: Watch, site_of: SiteOf | None = None) -> None:
        self._watch = watch
        self.sites = Sites(site_of)
        self._names = watch.fleet.names
        self._lower: list[str] = []
        self._ranks = np.empty(0, dtype=np.int64)
        self._flagged: dict[int, tuple[int, Flagged]] = {}

    def page(self, asked: Asked) -> dict[str, Any]:
        """-> rows, total, and how many series of the filter are in each state."""
        with self._watch.lock:
            flagged = self.flagged(asked.minutes)
            states = self._states(flagged)
            chosen = self.matching(asked)
            counts = {name: int((mask & chosen).sum()) for name, mask in states.items()}
            series = np.flatnonzero(chosen & states[asked.state])
            order = self._order(series, flagged, asked.order, states["silent"])[asked.slice()]
            rows = self._rows(series[order], flagged, states["silent"])
        return page_of(rows, len(series), asked) | {"counts": counts, "minutes": asked.minutes}

    def known_sites(self) -> list[str]:
        """The sites as a page offers them."""
        with self._watch.lock:
            return self.sites.sorted_labels(self._watch.fleet.names)

    def matching(self, asked: Asked) -> Bools:
        """(series,): those that device, signal and site of the question leave."""
        names = self._watch.fleet.names
        if names is not self._names:  # the tables were made anew
            self._names, self._lower, self._ranks = names, [], self._ranks[:0]
        chosen = np.ones(len(names), dtype=bool)
        if asked.exact is not None:
            chosen &= names.device_of == names.numbers("devices").get(asked.exact, -1)
        elif asked.device:
            self._lower += [name.lower() for name in names.devices[len(self._lower) :]]
            part = asked.device.lower()
            found = np.fromiter((part in name for name in self._lower), dtype=bool, count=len(self._lower))
            chosen &= found[names.device_of]
        if asked.signal:
            chosen &= np.array([name == asked.signal for name in names.signals], dtype=bool)[names.signal_of]
        if asked.site:
            chosen &= self.sites.chosen(names, asked.site)
        return chosen

    def flagged(self, minutes: int) -> Flagged:
        """The flags of each series within so many minutes, counted back from the fleet's newest window."""
        version, known = self._flagged.get(minutes, (-1, None))
        if known is not None and version == self._watch.version:
            return known
        fleet = self._watch.fleet
        windows = max(1, fleet.grid.steps(timedelta(minutes=minutes)))
        rows = self._watch.flags.since(fleet.newest - windows + 1)
        severity, latest = np.zeros(len(fleet)), np.full(len(fleet), -1, dtype=np.int64)
        np.maximum.at(severity, rows.series, np.nan_to_num(rows.severity))
        np.maximum.at(latest, rows.series, rows.minute)
        found = Flagged(np.bincount(rows.series, minlength=len(fleet)), severity, latest)
        if len(self._flagged) > 16:
            self._flagged.clear()
        self._flagged[minutes] = self._watch.version, found
        return found

    def _states(self, flagged: Flagged) -> dict[str, Bools]:
        fleet = self._watch.fleet
        status = fleet.last["status"][: len(fleet)]
        silent = silent_devices(fleet)[fleet.names.device_of]
        return {
            "all": np.ones(len(fleet), dtype=bool),
            "flagged": flagged.count > 0,
            WARMING_UP: status == STATUSES.index(WARMING_UP),
            DECLINED: status == STATUSES.index(DECLINED),
            "silent": silent,
        }

    def _order(self, series: Ints, flagged: Flagged, order: str, silent: Bools) -> Ints:
        """Worst: silent devices, then the highest severity within the minutes, then most flags, then the highest last score."""
        if order == "name":
            names = self._watch.fleet.names
            by_signal = _ranks(names.signals)[names.signal_of[series]]
            return np.lexsort((by_signal, self._device_ranks()[names.device_of[series]]))
        score = np.nan_to_num(self._watch.fleet.last["score"][series], nan=-1.0, posinf=1e300)
        keys = {"worst": flagged.severity[series], "flags": flagged.count[series], "latest": flagged.latest[series]}
        gone = silent[series] & (order == "worst")  # who says nothing may have the worst trouble of all
        return np.lexsort((-score, -flagged.count[series], -flagged.severity[series], -keys[order], ~gone))

    def _device_ranks(self) -> Ints:
        devices = self._names.devices
        if len(self._ranks) != len(devices):
            self._ranks = _ranks(devices)
        return self._ranks

    def _rows(self, series: Ints, flagged: Flagged, silent: Bools) -> list[dict[str, Any]]:
        fleet = self._watch.fleet
        first = max(fleet.oldest, fleet.newest - SPARK_WINDOWS + 1)
        cells = fleet.cells(series, first, fleet.newest) if len(series) else {}
        return [
            self._row(int(one), flagged, bool(silent[one]))
            | {
                "from": iso(first, fleet.grid),
                "spark": [
                    number(float(value), 4) if there else None
                    for value, there in zip(cells["value"][place], cells["there"][place], strict=True)
                ],
                "marks": np.flatnonzero((cells["flag"][place] != 0) & cells["there"][place]).tolist(),
            }
            for place, one in enumerate(series)
        ]

    def _row(self, one: int, flagged: Flagged, silent: bool) -> dict[str, Any]:
        names, last, grid = self._watch.fleet.names, self._watch.fleet.last, self._watch.grid
        reason = names.reasons[last["reason"][one]]
        return {
            "device": names.devices[names.device_of[one]],
            "signal": names.signals[names.signal_of[one]],
            "minute": iso(int(last["minute"][one]), grid),
            **{name: number(float(last[name][one])) for name in ("value", "expected", "lower", "upper", "score")},
            "status": STATUSES[last["status"][one]],
            "flag": int(last["flag"][one]),
            "reason": reason,
            "why": words(reason),
            "silent": silent,
            "flags": int(flagged.count[one]),
            "severity": number(float(flagged.severity[one]), 3),
            "flagged": iso(int(flagged.latest[one]), grid),
        }


def _ranks(names: list[str]) -> Ints:
    """The place of each name in the alphabet of all."""
    ranks = np.empty(len(names), dtype=np.int64)
    ranks[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return ranks
