"""Who stopped reporting: a device against its own cadence, and a signal while its device goes on.

A series is silent when it has had no row for longer than `silence_after`, and for longer than twice the gap that it
leaves at times: the second longest of the last half to whole day, so that one outage does not hide the next. Time is
that of the data; windows in which the whole fleet has no row are left out of it, since then the pipeline is what stopped
(`pipeline` incidents say so). A series counts once it has been seen for `silence_seen` windows.

Of a silent device one silence is told, not those of its signals. When the device is back, its signals get the same
time again. What is silent for `gone_after` is gone: no alarm any more, and new when it comes again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.incidents.incident import Member, Series

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.incidents.rules import FoldRules
    from ad_stream.model import Bools

    Ints = NDArray[np.int64]

SEVERITY = 0.5
"""Of a silence: it is none of a value; as that of a stuck one."""


@dataclass(frozen=True)
class Present:
    """The series that have a row in a window: their numbers, each once, and how to learn the names of some of them."""

    keys: Ints
    names: Callable[[Ints], Sequence[Series]]


@dataclass
class SilenceFound:
    """What a window says: silences that begin (with how uncertain their beginning is), come again, end, are gone, and
    series that will not come again to their incident."""

    silent: list[tuple[Member, int]] = field(default_factory=list)
    again: list[Member] = field(default_factory=list)
    reported: list[Member] = field(default_factory=list)
    gone: list[Member] = field(default_factory=list)
    forgotten: list[Series] = field(default_factory=list)


NUMBERS = ("first", "last", "since", "gap", "second", "gap_before", "second_before")


class LastSeen:
    """When each series was seen, over arrays: first, last: on the fleet's clock; since: the window they were last seen in."""

    def __init__(self) -> None:
        self.names: list[Series] = []
        self.at: dict[Series, int] = {}
        self.n: dict[str, Ints] = {name: np.empty(0, dtype=np.int64) for name in NUMBERS}
        self.alive = np.empty(0, dtype=np.bool_)
        self.silent = np.empty(0, dtype=np.bool_)

    def places(self, names: Sequence[Series]) -> Ints:
        """Where they are; new ones are added, not alive yet."""
        new = [name for name in dict.fromkeys(names) if name not in self.at]
        self.at |= {name: len(self.names) + number for number, name in enumerate(new)}
        self.names += new
        more = np.zeros(len(new), dtype=np.int64)
        self.n = {name: np.concatenate([column, more]) for name, column in self.n.items()}
        self.alive, self.silent = (np.concatenate([one, more.astype(np.bool_)]) for one in (self.alive, self.silent))
        return np.array([self.at[name] for name in names], dtype=np.int64)

    def new_block(self) -> None:
        """Half a day is over: its gaps are those of the half before."""
        for name in ("gap", "second"):
            self.n[f"{name}_before"], self.n[name] = self.n[name], np.zeros_like(self.n[name])

    def seen(self, place: Ints, clock: int, at: int) -> tuple[Ints, Ints]:
        """They have a row. -> those that were silent, those that are new."""
        n = self.n
        new, gap = place[~self.alive[place]], clock - n["last"][place]
        gap[~self.alive[place]] = 0
        n["second"][place] = np.maximum(n["second"][place], np.minimum(gap, n["gap"][place]))
        n["gap"][place] = np.maximum(n["gap"][place], gap)
        for name in NUMBERS[3:]:
            n[name][new] = 0
        n["first"][new] = clock
        n["last"][place], n["since"][place] = clock, at
        self.alive[place] = True
        back = place[self.silent[place]]
        self.silent[place] = False
        return back, new

    def limit(self, rules: FoldRules) -> Ints:
        """Windows without a row that are not a silence yet, of each."""
        n = self.n
        both = np.minimum(n["gap"], n["gap_before"])
        usual = np.maximum(np.maximum(n["second"], n["second_before"]), both)
        return np.asarray(np.maximum(rules.silence_after, 2 * usual))

    def overdue(self, clock: int, rules: FoldRules) -> Bools:
        """Which of them are silent from now on."""
        known = self.alive & ~self.silent & (self.n["last"] - self.n["first"] >= rules.silence_seen)
        return np.asarray(known & (clock - self.n["last"] > self.limit(rules)))

    def old(self, clock: int, rules: FoldRules) -> Ints:
        """Those not seen for so long that they are gone; they are not alive any more."""
        place = np.flatnonzero(self.alive & (clock - self.n["last"] > rules.gone_after))
        self.alive[place] = False
        return place

    def as_state(self) -> dict[str, Any]:
        """For a snapshot of the fold."""
        arrays = {"alive": self.alive, "silent": self.silent, **self.n}
        return {"names": self.names, **{name: array.astype(np.int64).tolist() for name, array in arrays.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        """The reverse of `as_state`."""
        self.names = [(device, signal) for device, signal in state["names"]]
        self.at = {name: number for number, name in enumerate(self.names)}
        self.n = {name: np.array(state[name], dtype=np.int64) for name in NUMBERS}
        self.alive, self.silent = (np.array(state[name], dtype=np.bool_) for name in ("alive", "silent"))


class Silence:
    """The silences of a fleet."""

    def __init__(self, rules: FoldRules, site_of: Callable[[str], str | None]) -> None:
        self.rules, self.site_of = rules, site_of
        self.series, self.devices = LastSeen(), LastSeen()
        self.device_of = np.empty(0, dtype=np.int64)
        self.sites: Counter[str] = Counter()
        self.recent: dict[Series, int] = {}
        self.newest: int | None = None
        self.shift = 0
        self._keys, self._places = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        self._known: dict[int, int] = {}

    def devices_of(self, site: str) -> int:
        """How many devices of a site are known."""
        return self.sites[site]

    def dismiss(self, series: Series) -> None:
        """A person closed its silence: it is told of again after its next row."""
        self.recent[series] = self.newest or 0

    def step(self, at: int, present: Present) -> SilenceFound:
        """One window in which some series have a row."""
        if self.newest is not None:
            if at - self.newest > self.rules.silence_after:
                self.shift += at - self.newest - 1
            if at // self._half != self.newest // self._half:
                self.series.new_block()
                self.devices.new_block()
        self.newest, clock = at, at - self.shift
        found = SilenceFound()
        place = self._place(present)
        device = np.unique(self.device_of[place])
        self._reported(at, self.series.seen(place, clock, at)[0], self.series, found)
        back, new = self.devices.seen(device, clock, at)
        self._reported(at, back, self.devices, found)
        self._signals_again(back, clock)
        self.sites.update(site for one in new if (site := self._site(int(one))))
        self._gone(clock, found)
        self._begun(at, clock, found)
        return found

    @property
    def _half(self) -> int:
        return max(self.rules.gone_after // 2, 1)

    def _site(self, device: int) -> str | None:
        return self.site_of(self.devices.names[device][0])

    def _place(self, present: Present) -> Ints:
        """A steady fleet has the same series window after window: they are looked up once."""
        if len(present.keys) != len(self._keys) or not np.array_equal(present.keys, self._keys):
            new = np.array([key for key in present.keys.tolist() if key not in self._known], dtype=np.int64)
            if len(new):
                names = present.names(new)
                places = self.series.places(names)
                self._known |= dict(zip(new.tolist(), places.tolist(), strict=True))
                self._of_devices()
            self._keys = present.keys
            self._places = np.array([self._known[key] for key in present.keys.tolist()], dtype=np.int64)
        return self._places

    def _of_devices(self) -> None:
        added = self.series.names[len(self.device_of) :]
        self.device_of = np.concatenate([self.device_of, self.devices.places([(device, "") for device, _ in added])])

    def _signals_again(self, devices: Ints, clock: int) -> None:
        mine = np.isin(self.device_of, devices) & self.series.alive & ~self.series.silent
        self.series.n["last"][mine] = clock

    def _reported(self, at: int, places: Ints, kind: LastSeen, found: SilenceFound) -> None:
        for member in self._members(places, kind, at):
            self.recent[member.series] = at
            found.reported.append(member)

    def _gone(self, clock: int, found: SilenceFound) -> None:
        at = self.newest or 0
        for kind in (self.devices, self.series):
            old = kind.old(clock, self.rules)
            found.gone += self._members(old[kind.silent[old]], kind, at)
            kind.silent[old] = False
            if kind is self.devices:
                self.sites.subtract(site for one in old if (site := self._site(int(one))))
        late = [series for series, when in self.recent.items() if at - when > self.rules.reopen_within]
        found.forgotten = sorted(late)
        for series in late:
            del self.recent[series]

    def _begun(self, at: int, clock: int, found: SilenceFound) -> None:
        devices = np.flatnonzero(self.devices.overdue(clock, self.rules))
        self.devices.silent[devices] = True
        talks = self.devices.n["last"] == clock
        series = np.flatnonzero(self.series.overdue(clock, self.rules) & talks[self.device_of])
        self.series.silent[series] = True
        for kind, places in ((self.devices, devices), (self.series, series)):
            slack = kind.limit(self.rules) // 2
            for member in self._members(places, kind, at):
                if self.recent.pop(member.series, None) is not None:
                    found.again.append(member)
                else:
                    found.silent.append((member, int(slack[kind.at[member.series]])))
        found.silent.sort(key=lambda one: (one[0].started, one[0].series))

    def _members(self, places: Ints, kind: LastSeen, at: int) -> list[Member]:
        members = []
        for place in places:
            device, signal = kind.names[place]
            started = int(kind.n["since"][place]) + 1
            members.append(Member(device, signal, "silent", 0, started, at, last=at, severity=SEVERITY))
        return sorted(members, key=lambda one: one.series)

    def as_state(self) -> dict[str, Any]:
        """For a snapshot of the fold."""
        return {
            "series": self.series.as_state(), "devices": self.devices.as_state(), "device_of": self.device_of.tolist(),
            "sites": dict(self.sites), "recent": [[*series, at] for series, at in self.recent.items()],
            "newest": self.newest, "shift": self.shift, "known": list(self._known.items()),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """The reverse of `as_state`."""
        self.series.restore(state["series"])
        self.devices.restore(state["devices"])
        self.device_of = np.array(state["device_of"], dtype=np.int64)
        self.sites = Counter(state["sites"])
        self.recent = {(device, signal): at for device, signal, at in state["recent"]}
        self.newest, self.shift = state["newest"], state["shift"]
        self._known = {int(key): int(place) for key, place in state["known"]}
