"""Devices of different cadence for tests: the same kind of signal, read every 10 seconds to every hour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

EVENT, NEXT = 200, 140
"""The first event, and from event to event, in readings."""
FOUND_WITHIN, AFTER = 3, 10


@dataclass(frozen=True)
class Telemetry:
    """rows: device, timestamp (zone of Berlin), value, n (number of the reading); events: readings 15 to 25 sizes off."""

    rows: pd.DataFrame
    events: list[int]


def telemetry(
    every: float, *, seed: int, grid: int = 60, jitter: float = 0.0, missing: float = 0.0, readings: int = 700, device: str = "",
    changes_to: float | None = None, start: str = "2026-03-28T12:00Z",
) -> Telemetry:  # fmt: skip
    """One series, read `every` seconds, from the middle on every `changes_to`; noise on a slow wave. The
    default start lies half a day before Europe's change to summer time."""
    rng = np.random.default_rng([seed, int(every)])
    distance = np.where(np.arange(readings) < readings // 2, every, changes_to or every)
    at = np.cumsum(distance * (1 + jitter * rng.uniform(-1, 1, readings)))
    values = 21 + 2 * np.sin(np.arange(readings) / 30) + 0.2 * rng.standard_normal(readings)
    events = np.arange(EVENT, readings - AFTER, NEXT)
    values[events] += 0.2 * rng.choice([-1, 1], len(events)) * rng.uniform(15, 25, len(events))
    kept = rng.uniform(size=readings) >= missing
    kept[events] = True
    times = pd.Timestamp(start) + pd.to_timedelta((at // grid).astype(np.int64) * grid, unit="s")
    rows = pd.DataFrame({"timestamp": times.tz_convert("Europe/Berlin"), "value": values, "n": np.arange(readings)})
    # Two readings may fall into one window; an event is the one that stays.
    first = (
        rows[kept].assign(device=device or f"s{seed}", calm=~np.isin(rows.n[kept], events)).sort_values(["calm", "n"])
    )
    rows = first.drop_duplicates("timestamp").sort_values("timestamp", ignore_index=True).drop(columns="calm")
    return Telemetry(rows, events.tolist())


def share_found(flagged: pd.DataFrame, events: list[int], devices: int) -> float:
    """Events with a flag among the readings within FOUND_WITHIN of them; flagged: device, n."""
    near = [flagged[flagged.n.between(event, event + FOUND_WITHIN - 1)].device.nunique() for event in events]
    return sum(near) / (devices * len(events))


def false_alarms(flagged: pd.DataFrame, events: list[int]) -> int:
    """Flags that are no event and do not follow one within AFTER readings; the same device again within that is one."""
    near = np.any([flagged.n.between(event, event + AFTER) for event in events], axis=0)
    rest = flagged[~near].sort_values(["device", "n"])
    return int(((rest.device != rest.device.shift()) | (rest.n.diff() > AFTER)).sum())
