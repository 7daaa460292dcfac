"""Faults with a known place and size, and where they are put.

    spike, dip    one minute (or `spike_minutes`) above / below
    level_shift   a step, up or down; half of them stay to the end, the others stand 3-6 h and glide back over 3 h
    drift         a ramp of 1-2 h up to its size, which then stays
    stuck         the value frozen for 1-2 h
    silence       the device sends nothing for 20-60 min, both signals

What happens to whole sites, to a signal, again and again, or on purpose: `shared_faults`. Two faults of one series never
overlap and lie at least `distance` apart, and a device falls silent by itself at most once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from ad_stream.errors import InputError
from ad_stream.simulate.devices import shared_faults
from ad_stream.simulate.devices.fault import ALL_SIGNALS, Fault, FreeMinutes
from ad_stream.simulate.devices.fleet import MINUTES_PER_DAY, SIGNALS, SimulatedFleet

__all__ = ["ALL_SIGNALS", "PER_50_DEVICES_AND_DAY", "Fault", "FaultPlan", "place"]
PER_50_DEVICES_AND_DAY = {"silence": 8, "level_shift": 25, "drift": 10, "stuck": 10, "spike": 25, "dip": 25}
"""Default counts; in the order of placing, the long ones first, because short ones fit in between."""
_MINUTE = timedelta(minutes=1)
_GLIDE_BACK = 180


@dataclass(frozen=True)
class FaultPlan:
    """How many faults of which size, and where not.

    counts         kind -> number; None scales PER_50_DEVICES_AND_DAY with fleet and length, at least one of each, and where
                   the fleet has sites `shared_faults.usual`
    overrides      kind -> number in place of the usual one
    sigma          range of the sizes, uniform, in sigma of the device's noise; 0.1 or more
    warm_up        the run's first stretch without faults, so that detectors have history
    distance       smallest time between two faults of a series
    spike_minutes  length of a spike or dip, 1 or more
    """

    counts: Mapping[str, int] | None = None
    overrides: Mapping[str, int] = field(default_factory=dict)
    sigma: tuple[float, float] = (5.0, 12.0)
    warm_up: timedelta = timedelta(hours=2, minutes=30)
    distance: timedelta = timedelta(minutes=90)
    spike_minutes: int = 1

    def __post_init__(self) -> None:
        known = (*PER_50_DEVICES_AND_DAY, *shared_faults.KINDS)
        unknown = ({*(self.counts or {})} | {*self.overrides}) - set(known)
        if unknown:
            raise InputError(f"there is no fault kind {sorted(unknown)[0]!r}: choose among {', '.join(known)}")

    def wanted(self, fleet: SimulatedFleet, minutes: int) -> dict[str, int]:
        """Kind -> how many."""
        share = len(fleet.device_ids) / 50 * minutes / MINUTES_PER_DAY
        usual = {kind: max(1, round(count * share)) for kind, count in PER_50_DEVICES_AND_DAY.items()}
        usual |= shared_faults.usual(fleet, minutes)
        return {**(usual if self.counts is None else self.counts), **self.overrides}

    def must_fit(self, kind: str) -> bool:
        """Whether somebody asked for so many."""
        return self.counts is not None or kind in self.overrides


def place(plan: FaultPlan, fleet: SimulatedFleet, *, start: datetime, minutes: int) -> tuple[Fault, ...]:
    """Draw the faults of a run from the fleet's seed, sorted by start.

    Of default counts what does not fit is left out. Counts that were asked for and do not fit are an error.
    """
    wanted = plan.wanted(fleet, minutes)
    free = FreeMinutes(fleet, start, minutes, plan.distance // _MINUTE)
    # What a whole site has needs most room, so it comes first.
    faults = shared_faults.place_shared(
        wanted, free, sigma=plan.sigma, earliest=plan.warm_up // _MINUTE, must_fit=plan.must_fit
    )
    rng = np.random.default_rng([fleet.seed, 2])
    for kind in PER_50_DEVICES_AND_DAY:

        def draw(_: int, kind: str = kind) -> list[Fault]:
            fault = _draw(kind, plan, fleet, rng, start, minutes)
            return [] if fault is None else [fault]

        faults += free.fill(kind, wanted.get(kind, 0), draw, must_fit=plan.must_fit(kind))
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
