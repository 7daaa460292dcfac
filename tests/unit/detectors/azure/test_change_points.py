"""Breaks of the trend: found where they are, not found where there are none, sure to the stated degree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ad_stream.detectors.azure import ChangeOptions, ServiceError, change_points
from tests.unit.detectors.azure.requests import times, weekly_pattern

DAILY = ChangeOptions(granularity="daily", period=0)


def found(values: NDArray[np.floating[Any]], options: ChangeOptions = DAILY) -> list[int]:
    answer = change_points(values.astype(np.float64), times(len(values), "daily"), options)
    assert ((answer.confidence >= options.threshold) == answer.is_change_point).all()
    assert ((answer.confidence >= 0) & (answer.confidence <= 1)).all()
    return np.flatnonzero(answer.is_change_point).tolist()


@pytest.mark.parametrize("at", [10, 30, 77, 92])
def test_a_step_is_found_at_its_first_point(at: int) -> None:
    values = np.random.default_rng(at).normal(0, 0.2, 100)
    values[at:] += 5
    assert found(values) == [at]


def test_two_steps_are_both_found() -> None:
    values = np.random.default_rng(1).normal(0, 0.2, 120)
    values[40:80] += 5
    assert found(values) == [40, 80]


def test_a_bend_is_found_near_where_it_is() -> None:
    values = np.random.default_rng(2).normal(0, 0.2, 120)
    values += np.maximum(np.arange(120) - 60, 0) * 0.5
    places = found(values)
    assert len(places) == 1
    assert abs(places[0] - 60) <= 3


@pytest.mark.slow
@pytest.mark.parametrize("n", [40, 100, 400])
def test_at_most_one_in_ten_series_of_noise_has_a_break_at_the_default_threshold(n: int) -> None:
    rng = np.random.default_rng(n)
    alarms = [bool(found(rng.normal(0, 1, n))) for _ in range(100)]
    assert sum(alarms) <= 15  # 10 expected at worst, a chance of 4 % of more than 15


def test_a_steady_trend_and_a_constant_have_no_break() -> None:
    assert found(np.arange(60) * 0.7) == []
    assert found(np.full(60, 3.0)) == []


def test_single_spikes_are_no_break() -> None:
    values = np.random.default_rng(4).normal(0, 1, 90)
    values[[20, 55, 88]] += 40
    assert found(values) == []


def test_a_season_is_no_break_but_hides_none() -> None:
    values = weekly_pattern(5, 91)
    auto = ChangeOptions(granularity="daily")
    assert found(values, auto) == []
    values[49:] += 15
    answer = change_points(values.astype(np.float64), times(91, "daily"), auto)
    assert answer.period == 7
    assert np.flatnonzero(answer.is_change_point).tolist() == [49]


def test_a_level_that_lasts_less_than_the_window_is_no_trend() -> None:
    values = np.random.default_rng(6).normal(0, 0.2, 100)
    values[50:60] += 5
    assert found(values, ChangeOptions(granularity="daily", period=0, stable_trend_window=5)) == [50, 60]
    wide = found(values, ChangeOptions(granularity="daily", period=0, stable_trend_window=30))
    assert all(30 <= place <= 70 for place in wide)
    assert 60 - 50 not in np.diff(wide)


def test_a_higher_threshold_finds_no_more() -> None:
    values = np.random.default_rng(7).normal(0, 1, 80)
    values[40:] += 1.5
    counts = [len(found(values, ChangeOptions(granularity="daily", period=0, threshold=t))) for t in (0.3, 0.9, 0.99)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] >= 1


def test_gaps_shift_no_break() -> None:
    values = np.random.default_rng(8).normal(0, 0.2, 100)
    values[60:] += 5
    keep = np.ones(100, dtype=bool)
    keep[[10, 11, 12, 70]] = False
    answer = change_points(values[keep], times(100, "daily")[keep], DAILY)
    assert np.flatnonzero(answer.is_change_point).tolist() == [57]


REFUSED = {
    "InvalidGranularity": {"granularity": "fortnightly"},
    "InvalidCustomInterval": {"granularity": "daily", "custom_interval": 0},
    "InvalidPeriod": {"granularity": "daily", "period": -1},
}


@pytest.mark.parametrize(("code", "options"), list(REFUSED.items()))
def test_a_wrong_option_is_refused_with_its_code(code: str, options: dict[str, object]) -> None:
    with pytest.raises(ServiceError) as refused:
        ChangeOptions(**options)  # type: ignore[arg-type]
    assert refused.value.code == code


@pytest.mark.parametrize("threshold", [0, 1, 0.995, "0.9", True, float("nan")])
def test_a_threshold_outside_its_range_is_refused(threshold: object) -> None:
    with pytest.raises(ServiceError, match="'threshold' field must lie between 0.01 and 0.99") as refused:
        ChangeOptions(granularity="daily", threshold=threshold)  # type: ignore[arg-type]
    assert refused.value.code == "InvalidModelArgument"


@pytest.mark.parametrize("window", [2, 30, 7.5, "10"])
def test_a_window_that_is_too_small_or_half_of_the_series_is_refused(window: object) -> None:
    with pytest.raises(ServiceError, match="'stableTrendWindow' field") as refused:
        options = ChangeOptions(granularity="daily", stable_trend_window=window)  # type: ignore[arg-type]
        change_points(np.arange(60.0), times(60, "daily"), options)
    assert refused.value.code == "InvalidModelArgument"
