"""Faults with a known place and size, and where they are put.

    spike, dip    one minute (or `spike_minutes`) above / below
    level_shift   a step, up or down; half of them stay to the end, the others stand 3-6 h and glide back over 3 h
    drift         a ramp of 1-2 h up to its size, which then stays
    stuck         the value frozen for 1-2 h
    silence       the device sends nothing for 20-60 min, both signals

Two faults of one series never overlap and lie at least `distance` apart, and a device falls silent at most once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.errors import InputError
from ad_stream.simulate.devices.fleet import MINUTES_PER_DAY, SIGNALS, SimulatedFleet

if TYPE_CHECKING:
    from ad_stream.model import Bools, Floats

ALL_SIGNALS = "all"
PER_50_DEVICES_AND_DAY = {"silence": 8, "level_shift": 25, "drift": 10, "stuck": 10, "spike": 25, "dip": 25}
"""Default counts; in the order of placing, the long ones first, because short ones fit in between."""
_MINUTE = timedelta(minutes=1)
_GLIDE_BACK = 180
_TRIES = 400


@dataclass(frozen=True)
class Fault:
    """One fault. start and end are the first and the last minute it touches (UTC, both inclusive).

    signal     "all" for silence
    sigma      size in standard deviations of that device's noise, > 0; 0 for stuck and silence, which have no size
    direction  "up", "down", or "none"
    ramp       minutes a drift takes to reach its size, or a level shift to glide back (0: it stays)
    """

    device_id: str
    signal: str
    kind: str
    start: datetime
    end: datetime
    sigma: float
    direction: str
    ramp: int = 0

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
        return np.full(length, size)


@dataclass(frozen=True)
class FaultPlan:
    """How many faults of which size, and where not.

    counts         kind -> number; None scales PER_50_DEVICES_AND_DAY with fleet and length, at least one of each
    sigma          range of the sizes, uniform, in sigma of the device's noise; 0.1 or more
    warm_up        the run's first stretch without faults, so that detectors have history
    distance       smallest time between two faults of a series
    spike_minutes  length of a spike or dip, 1 or more
    """

    counts: Mapping[str, int] | None = None
    sigma: tuple[float, float] = (5.0, 12.0)
    warm_up: timedelta = timedelta(hours=2, minutes=30)
    distance: timedelta = timedelta(minutes=90)
    spike_minutes: int = 1

    def __post_init__(self) -> None:
        unknown = set(self.counts or {}) - set(PER_50_DEVICES_AND_DAY)
        if unknown:
            known = ", ".join(PER_50_DEVICES_AND_DAY)
            raise InputError(f"there is no fault kind {sorted(unknown)[0]!r}: choose among {known}")


def place(plan: FaultPlan, fleet: SimulatedFleet, *, start: datetime, minutes: int) -> tuple[Fault, ...]:
    """Draw the faults of a run from the fleet's seed, sorted by start.

    Of default counts what does not fit is left out. Counts that were asked for and do not fit are an error.
    """
    rng = np.random.default_rng([fleet.seed, 2])
    share = len(fleet.device_ids) / 50 * minutes / MINUTES_PER_DAY
    busy = np.zeros((len(fleet.device_ids), len(SIGNALS), minutes), bool)
    silent: set[int] = set()
    faults: list[Fault] = []
    for kind, usual in PER_50_DEVICES_AND_DAY.items():
        wanted = max(1, round(usual * share)) if plan.counts is None else plan.counts.get(kind, 0)
        placed = 0
        for _ in range(_TRIES * wanted):
            if placed == wanted:
                break
            fault = _draw(kind, plan, fleet, rng, start, minutes)
            if fault is not None and _claim(fault, fleet, busy, silent, plan, start):
                faults.append(fault)
                placed += 1
        if plan.counts is not None and placed < wanted:
            room = "ask for fewer, or for more devices or minutes"
            raise InputError(f"only {placed} of {wanted} {kind} faults fit: {room}")
    return tuple(sorted(faults, key=lambda fault: (fault.start, fault.device_id, fault.signal)))


def _draw(
    kind: str, plan: FaultPlan, fleet: SimulatedFleet, rng: np.random.Generator, start: datetime, minutes: int
) -> Fault | None:
    """One candidate anywhere in the run; None if the run has no room for the kind."""
    ramp = int(rng.integers(60, 121)) if kind == "drift" else 0
    # Room behind the first minute: three minutes to find a jump, the whole ramp, the whole of a passing fault.
    length, room = {
        "spike": (plan.spike_minutes, plan.spike_minutes + 3),
        "dip": (plan.spike_minutes, plan.spike_minutes + 3),
        "level_shift": (minutes, 10),
        "drift": (minutes, ramp),
        "stuck": (int(rng.integers(60, 121)),) * 2,
        "silence": (int(rng.integers(20, 61)),) * 2,
    }[kind]
    if kind == "level_shift" and rng.random() < 0.5:
        length, ramp = int(rng.integers(180, 361)) + _GLIDE_BACK, _GLIDE_BACK
        room = length
    earliest = plan.warm_up // _MINUTE
    if earliest + room > minutes:
        return None
    first = int(rng.integers(earliest, minutes - room + 1))
    last = min(first + length, minutes) - 1
    sized = kind not in ("stuck", "silence")
    direction = {"spike": "up", "dip": "down"}.get(kind, str(rng.choice(["up", "down"])) if sized else "none")
    return Fault(
        device_id=fleet.device_ids[rng.integers(len(fleet.device_ids))],
        signal=ALL_SIGNALS if kind == "silence" else SIGNALS[rng.integers(len(SIGNALS))],
        kind=kind,
        start=start + first * _MINUTE,
        end=start + last * _MINUTE,
        sigma=round(float(rng.uniform(*plan.sigma)), 2) if sized else 0.0,
        direction=direction,
        ramp=ramp,
    )


def _claim(
    fault: Fault, fleet: SimulatedFleet, busy: Bools, silent: set[int], plan: FaultPlan, start: datetime
) -> bool:
    """Mark the fault's minutes as taken, unless it comes too near to another one."""
    device = fleet.device_ids.index(fault.device_id)
    if fault.kind == "silence" and device in silent:
        return False
    signals = slice(None) if fault.signal == ALL_SIGNALS else SIGNALS.index(fault.signal)
    first, stop = fault.span(start)
    distance = plan.distance // _MINUTE
    if busy[device, signals, max(0, first - distance) : stop + distance].any():
        return False
    busy[device, signals, first:stop] = True
    if fault.kind == "silence":
        silent.add(device)
    return True
