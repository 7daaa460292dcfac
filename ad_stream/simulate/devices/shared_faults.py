"""What happens to a site, to a signal, again and again, or on purpose, and where it is put.

    site_step       one signal of most devices of a site steps, each 0-3 min after the first, and returns after 30-180 min
    site_silence    all devices of a site send nothing for 20-60 min
    maintenance     both signals of all devices of a site (without sites: of a device) step for 30-120 min, as announced
    signal_silence  one signal of a device is missing for 20-60 min while the other goes on
    chatter         4-8 spikes of a signal, 15-40 min from one to the next

Each occurrence has a name, `Fault.event`, that all its faults share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from ad_stream.errors import InputError
from ad_stream.simulate.devices.fault import (
    ALL_SIGNALS,
    CHATTER,
    MAINTENANCE,
    SIGNAL_SILENCE,
    SITE_SILENCE,
    Fault,
    FreeMinutes,
)
from ad_stream.simulate.devices.fleet import MINUTES_PER_DAY, SIGNALS, SimulatedFleet

SITE_STEP = "site_step"
PER_SITE_AND_DAY = {SITE_STEP: 1.0, SITE_SILENCE: 0.5, MAINTENANCE: 0.5}
PER_50_DEVICES_AND_DAY = {SIGNAL_SILENCE: 4, CHATTER: 3}
"""Usual counts, of a fleet with sites; in the order of placing, those that need most room first."""
KINDS = (*PER_SITE_AND_DAY, *PER_50_DEVICES_AND_DAY)
OF_SITES = (SITE_STEP, SITE_SILENCE)
"""Kinds that need a site."""
_LENGTHS = {SITE_STEP: (30, 180), SITE_SILENCE: (20, 60), MAINTENANCE: (30, 120), SIGNAL_SILENCE: (20, 60)}
_SPIKES, _APART, _JITTER, _MOST_OF_A_SITE = (4, 8), (15, 40), 3, 2 / 3


@dataclass(frozen=True)
class _Draw:
    """One occurrence: its kind and name, the devices it may touch, its first minute and its length."""

    kind: str
    event: str
    site: str
    devices: tuple[str, ...]
    at: datetime
    length: int
    sigma: tuple[float, float]

    def fault(self, rng: np.random.Generator, device: str, signal: str, direction: str, late: int = 0) -> Fault:
        """One series of it, that begins `late` minutes after the first."""
        sized = direction != "none"
        return Fault(
            device, signal, self.kind, self.at + timedelta(minutes=late), self.at + timedelta(minutes=late + self.length - 1),
            round(float(rng.uniform(*self.sigma)), 2) if sized else 0.0, direction, 0, self.site, self.event,
        )  # fmt: skip


def usual(fleet: SimulatedFleet, minutes: int) -> dict[str, int]:
    """Kind -> how many a run of a fleet gets that nobody asked otherwise for; none without sites."""
    sites = len(set(fleet.sites))
    if not sites:
        return {}
    days = minutes / MINUTES_PER_DAY
    counts = {kind: share * sites * days for kind, share in PER_SITE_AND_DAY.items()}
    counts |= {kind: share * len(fleet.device_ids) / 50 * days for kind, share in PER_50_DEVICES_AND_DAY.items()}
    return {kind: max(1, round(count)) for kind, count in counts.items()}


def place_shared(
    counts: Mapping[str, int],
    free: FreeMinutes,
    *,
    sigma: tuple[float, float],
    earliest: int,
    must_fit: Callable[[str], bool],
) -> list[Fault]:
    """Draw them from the fleet's seed. earliest: first minute that any may touch; must_fit: whether too few are an error."""
    rng = np.random.default_rng([free.fleet.seed, 5])
    faults: list[Fault] = []
    for kind in KINDS:
        wanted = counts.get(kind, 0)
        if wanted and kind in OF_SITES and not free.fleet.sites:
            raise InputError(f"{kind} faults need sites: give the fleet some with --sites")

        def draw(placed: int, kind: str = kind) -> list[Fault]:
            return _members(kind, f"{kind}-{placed + 1:02d}", free, rng, sigma, earliest)

        faults += free.fill(kind, wanted, draw, must_fit=must_fit(kind))
    return faults


def _members(
    kind: str, event: str, free: FreeMinutes, rng: np.random.Generator, sigma: tuple[float, float], earliest: int
) -> list[Fault]:
    """The faults of one occurrence anywhere in the run; none if the run has no room for it."""
    spikes, apart = int(rng.integers(_SPIKES[0], _SPIKES[1] + 1)), int(rng.integers(_APART[0], _APART[1] + 1))
    least, most = _LENGTHS.get(kind, (0, 0))
    length = apart * (spikes - 1) + 1 if kind == CHATTER else int(rng.integers(least, most + 1))
    last = free.minutes - length - (_JITTER if kind == SITE_STEP else 0)
    if last < earliest:
        return []
    at = free.start + timedelta(minutes=int(rng.integers(earliest, last + 1)))
    site, devices = _where(kind, free.fleet, rng)
    draw = _Draw(kind, event, site, devices, at, length, sigma)
    if kind == SITE_STEP:
        return _site_step(draw, rng)
    if kind == MAINTENANCE:
        up = str(rng.choice(["up", "down"]))
        return [draw.fault(rng, device, signal, up) for device in devices for signal in SIGNALS]
    if kind == SITE_SILENCE:
        return [draw.fault(rng, device, ALL_SIGNALS, "none") for device in devices]
    signal = SIGNALS[rng.integers(len(SIGNALS))]
    if kind == SIGNAL_SILENCE:
        return [draw.fault(rng, devices[0], signal, "none")]
    one = draw.fault(rng, devices[0], signal, str(rng.choice(["up", "down"])))
    return [Fault(**{**vars(one), "ramp": apart})]


def _where(kind: str, fleet: SimulatedFleet, rng: np.random.Generator) -> tuple[str, tuple[str, ...]]:
    """A site and its devices, or '' and one device."""
    device = int(rng.integers(len(fleet.device_ids)))
    if kind not in PER_SITE_AND_DAY or not fleet.sites:
        return "", (fleet.device_ids[device],)
    site = fleet.sites[device]
    return site, tuple(one for one, of in zip(fleet.device_ids, fleet.sites, strict=True) if of == site)


def _site_step(draw: _Draw, rng: np.random.Generator) -> list[Fault]:
    count = max(1, round(len(draw.devices) * float(rng.uniform(_MOST_OF_A_SITE, 1))))
    chosen = [draw.devices[at] for at in np.sort(rng.choice(len(draw.devices), count, replace=False))]
    signal, direction = SIGNALS[rng.integers(len(SIGNALS))], str(rng.choice(["up", "down"]))
    late = rng.integers(0, _JITTER + 1, count)
    late[rng.integers(count)] = 0  # somebody is first
    return [draw.fault(rng, device, signal, direction, int(after)) for device, after in zip(chosen, late, strict=True)]
