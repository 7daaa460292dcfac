"""The devices: what each one measures in a quiet day, and how much it scatters.

Noise model. A sensor's error is mostly one draw per minute (air, contact, supply voltage), with a small part that
differs from message to message. `sigma` is the standard deviation of one message's whole noise:

    noise = sigma * (0.98 * minute + 0.2 * message),  minute, message ~ N(0, 1),  0.98^2 + 0.2^2 = 1.0004

so that the per-minute series, whatever its aggregate, shows the same sigma, and a spike of 6 sigma stands 6 times as
high as the scatter a person sees around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.errors import InputError

if TYPE_CHECKING:
    from ad_stream.model import Floats

SIGNALS = ("temperature", "humidity")
MINUTES_PER_DAY = 1440
SITE_PATTERN = "(?P<site>site-[0-9]+)-"
"""For `dimensions.device`: the site in the names of a fleet that has sites."""
_MINUTE_PART, _MESSAGE_PART = 0.98, 0.2

# Ranges over the fleet, one column per signal: degrees Celsius, percent of relative humidity.
_LEVEL = ((18.0, 42.0), (26.0, 62.0))
_AMPLITUDE = ((1.5, 4.0), (4.0, 10.0))
_SIGMA = ((0.15, 0.6), (0.4, 1.5))


@dataclass(frozen=True)
class SimulatedFleet:
    """Devices and their habits; each array is (devices, signals), in the unit of the signal, phase in radians.

    sites: the site of each device; empty where the fleet has none.
    """

    device_ids: tuple[str, ...]
    level: Floats
    amplitude: Floats
    phase: Floats
    sigma: Floats
    seed: int
    sites: tuple[str, ...] = ()

    def cycle(self, minute_of_day: Floats) -> Floats:
        """Level and daily cycle: (t) minutes of the UTC day -> (devices, t, signals)."""
        angle = 2 * np.pi * minute_of_day[None, :, None] / MINUTES_PER_DAY + self.phase[:, None, :]
        return self.level[:, None, :] + self.amplitude[:, None, :] * np.sin(angle)

    def noise(self, rng: np.random.Generator, messages: int) -> Floats:
        """One minute's noise in the unit of the signal: -> (devices, messages, signals)."""
        devices, signals = self.sigma.shape
        minute = rng.standard_normal((devices, 1, signals))
        message = rng.standard_normal((devices, messages, signals))
        return self.sigma[:, None, :] * (_MINUTE_PART * minute + _MESSAGE_PART * message)


def fleet(devices: int, *, seed: int, sites: int = 0) -> SimulatedFleet:
    """A fleet drawn from the seed: level, amplitude, phase and noise differ by device and signal.

    sites: so many of about one size, which the names of the devices begin with; 0: none. A site changes no value.
    """
    if devices < 1:
        raise InputError(f"a fleet needs at least one device, got {devices}: ask for 1 or more")
    if not 0 <= sites <= devices:
        raise InputError(f"sites is {sites} for {devices} devices: give 0 to {devices}")
    rng = np.random.default_rng([seed, 1])
    shape = (devices, len(SIGNALS))
    # Warm in the afternoon, dry when it is warm: the two cycles run against each other, give or take two hours.
    phase = np.array([np.pi, 0.0]) + rng.uniform(-np.pi / 6, np.pi / 6, shape)
    of = tuple(f"site-{number * sites // devices + 1:02d}" for number in range(devices)) if sites else ()
    names = tuple(f"device-{number:04d}" for number in range(1, devices + 1))
    return SimulatedFleet(
        device_ids=tuple(f"{site}-{name}" for site, name in zip(of, names, strict=True)) if sites else names,
        level=rng.uniform(*_LEVEL, shape),
        amplitude=rng.uniform(*_AMPLITUDE, shape),
        phase=phase,
        sigma=rng.uniform(*_SIGMA, shape),
        seed=seed,
        sites=of,
    )
