"""Series and requests that the tests of the service and of its REST API share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
START = np.datetime64("2026-11-01T00:00:00", "us")
STEPS = {
    "minutely": np.timedelta64(60, "s"),
    "hourly": np.timedelta64(3600, "s"),
    "daily": np.timedelta64(1, "D"),
    "weekly": np.timedelta64(7, "D"),
}


def times(n: int, granularity: str = "minutely", every: int = 1) -> NDArray[np.datetime64]:
    return np.asarray(START + np.arange(n) * every * STEPS[granularity], dtype="datetime64[us]")


def noise(seed: int, n: int) -> Floats:
    return 50 + np.random.default_rng(seed).normal(0, 1, n)


def weekly_pattern(seed: int, n: int) -> Floats:
    """Daily data with a clear week, noise a tenth of it."""
    week = np.array([10.0, 12, 13, 13, 14, 25, 24])
    return np.tile(week, n // 7 + 1)[:n] + np.random.default_rng(seed).normal(0, 0.5, n)


def request(values: Floats, granularity: str = "minutely", **fields: Any) -> dict[str, Any]:
    """A body of the REST API."""
    points = [
        {"timestamp": f"{time}Z", "value": float(value)}
        for time, value in zip(times(len(values), granularity).astype("datetime64[s]"), values, strict=True)
    ]
    return {"series": points, "granularity": granularity, **fields}
