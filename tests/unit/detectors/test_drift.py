from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ad_stream.detectors import by_name
from ad_stream.errors import ConfigError
from ad_stream.scoring.windows import judge

MINUTES = 1300
START = 1150


def day(seed: int, count: int = 60) -> NDArray[np.float64]:
    """Unit noise on a daily cycle of ten times its size."""
    phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, size=(count, 1))
    noise = np.random.default_rng([seed, 1]).normal(size=(count, MINUTES))
    return np.asarray(50 + 10 * np.sin(2 * np.pi * np.arange(MINUTES) / 1440 + phase) + noise)


def flags(values: NDArray[np.float64], name: str, direction: str = "both") -> NDArray[np.bool_]:
    judged = np.zeros(values.shape, dtype=bool)
    judged[:, START:] = True
    rows, columns, verdict = judge(values, judged, by_name(name, points=1201))
    found = np.zeros(values.shape, dtype=bool)
    sides = {"both": verdict.is_anomaly, "down": verdict.is_negative}
    found[rows, columns] = sides[direction]
    return np.asarray(found.any(axis=1))


@pytest.mark.slow
def test_a_ramp_of_eight_sigma_over_an_hour_and_a_half_is_found_and_the_daily_cycle_is_not() -> None:
    values = day(1)
    ramp = values + 8 * np.clip((np.arange(MINUTES) - START) / 90, 0, 1)
    assert flags(ramp, "drift").mean() > 0.9
    assert flags(values, "drift").mean() < 0.05
    assert flags(ramp, "drift", "down").mean() < 0.2


def test_min_points_must_hold_the_stretches_that_are_compared() -> None:
    with pytest.raises(ConfigError, match="with average 20 and gap 90 it must be at least 380"):
        by_name("drift", gap=90)
