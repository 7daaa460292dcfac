"""Who stopped reporting: a device against its own cadence, and a signal while its device goes on.

A series is silent when it has had no row for longer than `silence_after`, and for longer than twice the gap that it
leaves at times: the second longest of the last half to whole day, so that one outage does not hide the next. Time is
that of the data; windows in which the whole fleet has no row are left out of it, since then the pipeline is what stopped
(`pipeline` incidents say so). A series counts once it has been seen for `silence_seen` windows.

Of a silent device one silence is told, not those of its signals. When the device is back, its signals get the same
time again, and so does what is muted when it would be told of (a device: all of its signals), so that a planned silence is
not told, and one that outlasts its mute is. What is silent for `gone_after` is gone: no alarm any more, and new when it
comes again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.incidents.incident import Member, Series
from ad_stream.incidents.last_seen import LastSeen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.incidents.rules import FoldRules
    from ad_stream.model import Bools

    Ints = NDArray[np.int64]

SEVERITY = 0.5
"""Of a silence: it is none of a value; as that of a stuck one."""


def none_muted(series: Sequence[Series]) -> Bools:
    """No series is."""
    return np.zeros(len(series), dtype=np.bool_)


@dataclass(frozen=True)
class Present:
    """The series that have a row in a window: their numbers, each once, and how to learn the names of some of them.

    muted: which of some series, with a row or without, are muted in this window.
    """

    keys: Ints
    names: Callable[[Ints], Sequence[Series]]
    muted: Callable[[Sequence[Series]], Bools] = none_muted


@dataclass
class SilenceFound:
    """What a window says: silences that begin (with how uncertain their beginning is), come again, end, are gone, and
    series that will not come again to their incident."""

    silent: list[tuple[Member, int]] = field(default_factory=list)
    again: list[Member] = field(default_factory=list)
    reported: list[Member] = field(default_factory=list)
    gone: list[Member] = field(default_factory=list)
    forgotten: list[Series] = field(default_factory=list)


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
        self._begun(at, clock, found, present.muted)
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

    def _begun(self, at: int, clock: int, found: SilenceFound, muted: Callable[[Sequence[Series]], Bools]) -> None:
        talks = self.devices.n["last"] == clock
        devices = np.flatnonzero(self.devices.overdue(clock, self.rules))
        series = np.flatnonzero(self.series.overdue(clock, self.rules) & talks[self.device_of])
        devices, series = self._not_muted(devices, series, clock, muted)
        self.devices.silent[devices], self.series.silent[series] = True, True
        for kind, places in ((self.devices, devices), (self.series, series)):
            slack = kind.limit(self.rules) // 2
            for member in self._members(places, kind, at):
                if self.recent.pop(member.series, None) is not None:
                    found.again.append(member)
                else:
                    found.silent.append((member, int(slack[kind.at[member.series]])))
        found.silent.sort(key=lambda one: (one[0].started, one[0].series))

    def _not_muted(
        self, devices: Ints, series: Ints, clock: int, muted: Callable[[Sequence[Series]], Bools]
    ) -> tuple[Ints, Ints]:
        """Those of which people are told; the others have their time again."""
        ours = np.flatnonzero(np.isin(self.device_of, devices) & self.series.alive) if len(devices) else devices
        if not len(ours) and not len(series):
            return devices, series
        hidden = muted([self.series.names[place] for place in (*ours, *series)])
        told = np.isin(devices, self.device_of[ours[~hidden[: len(ours)]]])
        hush = hidden[len(ours) :]
        self.devices.n["last"][devices[~told]] = clock
        self.series.n["last"][series[hush]] = clock
        return devices[told], series[~hush]

    def _members(self, places: Ints, kind: LastSeen, at: int) -> list[Member]:
        members = []
        for place in places:
            device, signal = kind.names[place]
            started = int(kind.n["since"][place]) + 1
            members.append(Member(device, signal, "silent", 0, started, at, last=at, severity=SEVERITY))
        return sorted(members, key=lambda one: one.series)

    def numbers(self) -> dict[Series, int]:
        """Series -> its number (`Present.keys`), of all that are known."""
        return {self.series.names[place]: key for key, place in self._known.items()}

    def renumber(self) -> None:
        """From here on the numbers of the series (`Present.keys`) are others: they are looked up by their names again."""
        self._known, self._keys, self._places = {}, self._keys[:0], self._places[:0]

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
