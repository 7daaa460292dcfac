"""What the shipped rule owes an operator."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ad_stream.detectors.default import Default
from ad_stream.model import Windows
from tests.oracles import detectors as oracle

Floats = NDArray[np.float64]


def walk(seed: int, length: int = 200) -> np.ndarray:
    return 20 + np.random.default_rng(seed).normal(0, 0.2, length).cumsum()


def judged(values: np.ndarray) -> tuple[bool, float]:
    verdict = Default(points=120).detect_last(Windows(values))
    return bool(verdict.is_anomaly), float(verdict.expected)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("size", [-5.0, 5.0])
def test_a_spike_of_one_minute_is_flagged_and_its_end_is_not(seed: int, size: float) -> None:
    values = walk(seed)
    values[180] += size
    assert judged(values[:181])[0]
    flagged, expected = judged(values[:182])
    assert not flagged
    assert expected == pytest.approx(values[179], abs=1.5)


def test_a_second_spike_the_other_way_is_flagged_too() -> None:
    values = walk(3)
    values[180] += 5.0
    values[181] -= 5.0
    assert judged(values[:181])[0]
    assert judged(values[:182])[0]


def noise(seed: int, count: int, length: int = 700) -> Floats:
    return np.random.default_rng(seed).normal(20.0, 1.0, size=(count, length))


def test_series_with_earlier_events_and_hourly_ones_are_scored_like_the_slow_form() -> None:
    rows = noise(1, 24)
    rng = np.random.default_rng(2)
    for row in rows[::2]:
        row[rng.integers(20, 680, size=rng.integers(1, 9))] += rng.uniform(8, 20)
    rows[::3, -1 - 60 * np.arange(1, 7)] += 5.0
    rows[:, -1] += rng.uniform(3, 12, size=len(rows))
    verdict = Default(points=700).detect_last(Windows(rows))
    wanted = np.array([oracle.default([float(v) for v in row]) for row in rows])
    assert np.allclose(np.stack([verdict.expected, verdict.score], axis=1), wanted, rtol=1e-9, atol=1e-9)


def test_what_returns_every_hour_is_not_flagged_unless_it_is_far_greater_than_before() -> None:
    rows = noise(3, 400)
    once = rows.copy()
    once[:, -1] += 9.0
    rows[:, -1 - 60 * np.arange(1, 11)] += 9.0
    again, greater = rows.copy(), rows.copy()
    again[:, -1] += 9.0
    greater[:, -1] += 40.0
    detector = Default(points=700)
    assert detector.detect_last(Windows(once)).is_positive.mean() > 0.99
    assert detector.detect_last(Windows(again)).is_anomaly.mean() < 0.01
    assert detector.detect_last(Windows(greater)).is_positive.mean() > 0.99


def test_a_whole_window_with_a_day_before_is_scored_like_the_slow_form() -> None:
    rows = noise(4, 12, 1501)
    rows[:6] *= 1 + 0.8 * np.sin(2 * np.pi * np.arange(1501) / 1440)
    rows[3:9] += np.random.default_rng(5).normal(0, 0.4, size=(6, 1501)).cumsum(axis=1)
    rows[::2, -1] += 7.0
    verdict = Default().detect_last(Windows(rows))
    wanted = np.array([oracle.default([float(v) for v in row]) for row in rows])
    assert np.allclose(np.stack([verdict.expected, verdict.score], axis=1), wanted, rtol=1e-9, atol=1e-9)


def test_one_earlier_event_does_not_hide_the_next() -> None:
    rows = noise(6, 400, 1501)
    rows[:, -500:-480] += 15.0
    rows[:, -1] += 9.0
    assert Default().detect_last(Windows(rows)).is_positive.mean() > 0.97


def test_a_series_that_jumps_at_an_odd_minute_of_every_hour_needs_a_greater_jump() -> None:
    rows = noise(7, 400, 1501)
    hours = -3 - 60 * np.arange(24)
    for row, shift in zip(rows, np.random.default_rng(8).integers(0, 56, size=(400, 24)), strict=True):
        row[hours - shift] += 9.0
    rows[:, -1] += 9.0
    assert Default().detect_last(Windows(rows)).is_positive.mean() < 0.2
    rows[:, -1] += 40.0
    assert Default().detect_last(Windows(rows)).is_positive.mean() > 0.99
