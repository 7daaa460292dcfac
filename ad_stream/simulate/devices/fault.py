"""One fault, and which minutes of a run are still free of any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.errors import InputError
from ad_stream.simulate.devices.fleet import SIGNALS, SimulatedFleet

if TYPE_CHECKING:
    from ad_stream.model import Bools, Floats

ALL_SIGNALS = "all"
SILENCE, SITE_SILENCE, SIGNAL_SILENCE = "silence", "site_silence", "signal_silence"
SILENCES = (SILENCE, SITE_SILENCE, SIGNAL_SILENCE)
"""Kinds in which nothing is sent."""
MAINTENANCE = "maintenance"
"""Work that was announced: what it does to the values is no fault that anybody wants to hear of."""
CHATTER = "chatter"
_MINUTE = timedelta(minutes=1)
_TRIES = 400


@dataclass(frozen=True)
class Fault:
    """One fault. start and end are the first and the last minute it touches (UTC, both inclusive).

    signal     "all" for the silence of a device
    sigma      size in standard deviations of that device's noise, > 0; 0 for stuck and silent, which have no size
    direction  "up", "down", or "none"
    ramp       minutes a drift takes to reach its size, or a level shift to glide back (0: it stays); of chatter from one
               spike to the next
    site       of a fault of a whole site; "" for one of a device
    event      the same for all faults that are one occurrence; "" for one that stands alone
    """

    device_id: str
    signal: str
    kind: str
    start: datetime
    end: datetime
    sigma: float
    direction: str
    ramp: int = 0
    site: str = ""
    event: str = ""

    def span(self, start: datetime) -> tuple[int, int]:
        """First minute and the one after the last, counted from `start`."""
        return (self.start - start) // _MINUTE, (self.end - start) // _MINUTE + 1

    def profile(self) -> Floats:
        """(minutes of the fault) what is added, in sigma."""
        length = (self.end - self.start) // _MINUTE + 1
        size = self.sigma if self.direction == "up" else -self.sigma
        ahead = np.arange(1, length + 1, dtype=np.float64)
        if self.kind == "drift":
            return size * np.minimum(ahead / self.ramp, 1.0)
        if self.kind == "level_shift" and self.ramp:
            return size * np.clip((length + 1 - ahead) / self.ramp, 0.0, 1.0)
        if self.kind == CHATTER:
            return np.where((ahead - 1) % self.ramp == 0, size, 0.0)
        return np.full(length, size)


@dataclass
class FreeMinutes:
    """Where no fault is yet. taken (devices, signals, minutes); silent: devices that have had their silence; start: of the
    run; distance: smallest number of minutes between two faults of a series."""

    fleet: SimulatedFleet
    start: datetime
    minutes: int
    distance: int
    taken: Bools = field(init=False)
    silent: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.taken = np.zeros((len(self.fleet.device_ids), len(SIGNALS), self.minutes), bool)

    def claim(self, faults: Sequence[Fault]) -> bool:
        """Take the minutes of all of them, unless one comes too near to an earlier fault."""
        places = [self._place(fault) for fault in faults]
        for fault, (device, signals, first, stop) in zip(faults, places, strict=True):
            if fault.kind == SILENCE and fault.device_id in self.silent:
                return False
            if self.taken[device, signals, max(0, first - self.distance) : stop + self.distance].any():
                return False
        for device, signals, first, stop in places:
            self.taken[device, signals, first:stop] = True
        self.silent |= {fault.device_id for fault in faults if fault.kind == SILENCE}
        return True

    def fill(
        self, kind: str, wanted: int, draw: Callable[[int], Sequence[Fault]], *, must_fit: bool
    ) -> list[Fault]:  # fmt: skip
        """Draw occurrences, each told how many there are, until so many have a place; InputError where too few fit that must."""
        faults: list[Fault] = []
        placed = 0
        for _ in range(_TRIES * wanted):
            if placed == wanted:
                break
            members = draw(placed)
            if members and self.claim(members):
                faults += members
                placed += 1
        if must_fit and placed < wanted:
            room = "ask for fewer, or for more devices or minutes"
            raise InputError(f"only {placed} of {wanted} {kind} faults fit: {room}")
        return faults

    def _place(self, fault: Fault) -> tuple[int, slice | int, int, int]:
        signals = slice(None) if fault.signal == ALL_SIGNALS else SIGNALS.index(fault.signal)
        return self.fleet.device_ids.index(fault.device_id), signals, *fault.span(self.start)
