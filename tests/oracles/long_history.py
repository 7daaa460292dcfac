"""The window of a slow series, put together one reading at a time."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from tests.oracles.cadence import moved


def window(readings: dict[int, float], step: int, *, points: int, reach: int, per_hour: int) -> NDArray[np.float64]:
    """Steps and values of one series -> (points,): what the verdict on that step rests on."""
    in_hour = Counter(at // per_hour for at in readings)
    base = [at for at in readings if step - points < at <= step]
    older = [at for at in readings if step - reach < at <= step - points and in_hour[at // per_hour] <= 0.8 * per_hour]
    plain = np.array([readings.get(at, np.nan) for at in range(step - points + 1, step + 1)])
    if sum(step - 64 < at <= step for at in readings) * 1.25 >= 64:
        return plain
    row = np.full(reach, np.nan)
    for at in sorted(older + base)[-points:]:
        row[reach - 1 - (step - at)] = readings[at]
    together, cadence = moved(row)
    return together[-points:] if cadence > 1 else plain
