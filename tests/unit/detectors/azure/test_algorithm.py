"""What the service says of whole series: flags, expected values, periods, gaps, suggested window."""

from __future__ import annotations

import numpy as np
import pytest

from ad_stream.detectors.azure import Options, ServiceError, judge_entire, judge_last
from ad_stream.detectors.azure.filling import Sparse, fill
from tests.unit.detectors.azure.requests import noise, times, weekly_pattern

WINDOWS = {
    "yearly": 13, "monthly": 13, "weekly": 13, "daily": 29, "hourly": 169,
    "minutely": 1441, "secondly": 1441, "microsecond": 1001, "none": 1441,
}  # fmt: skip


def test_a_spike_at_the_end_of_minutely_noise_is_found() -> None:
    values = noise(1, 120)
    values[-1] += 15
    verdict = judge_last(values, times(120), Options(granularity="minutely", sensitivity=95))
    assert verdict.is_anomaly[0]
    assert verdict.is_positive[0]
    assert not verdict.is_negative[0]
    assert verdict.period == 0
    assert verdict.expected[0] == pytest.approx(50, abs=1)


def test_a_dip_is_negative_and_an_ordinary_point_is_nothing() -> None:
    values = noise(2, 120)
    options = Options(granularity="minutely", sensitivity=95)
    assert not judge_last(values, times(120), options).is_anomaly[0]
    values[-1] -= 15
    verdict = judge_last(values, times(120), options)
    assert verdict.is_negative[0]
    assert not verdict.is_positive[0]


def test_a_weekend_is_expected_where_there_is_a_week() -> None:
    values = weekly_pattern(1, 69)  # the last point is a Saturday
    verdict = judge_last(values, times(69, "daily"), Options(granularity="daily", sensitivity=95))
    assert verdict.period == 7
    assert verdict.suggested_window == 29
    assert not verdict.is_anomaly[0]
    assert verdict.expected[0] == pytest.approx(24, abs=1.5)
    values[-1] = 12  # a working day's value on a Saturday
    assert judge_last(values, times(69, "daily"), Options(granularity="daily", sensitivity=95)).is_negative[0]


@pytest.mark.parametrize(("granularity", "window"), list(WINDOWS.items()))
def test_without_a_period_the_suggested_window_is_that_of_the_granularity(granularity: str, window: int) -> None:
    values = noise(4, 30)
    units = {
        "yearly": "Y",
        "monthly": "M",
        "weekly": "W",
        "daily": "D",
        "hourly": "h",
        "minutely": "m",
        "secondly": "s",
    }
    when = np.arange(30).astype(f"datetime64[{units.get(granularity, 'ms')}]").astype("datetime64[us]")
    verdict = judge_last(values, when, Options(granularity=granularity, period=0))
    assert verdict.suggested_window == window


def test_a_given_period_is_used_and_four_of_them_plus_one_are_suggested() -> None:
    verdict = judge_last(weekly_pattern(5, 60), times(60, "hourly"), Options(granularity="hourly", period=14))
    assert (verdict.period, verdict.suggested_window) == (14, 57)


def test_entire_answers_for_every_point_that_was_sent_and_none_that_was_not() -> None:
    values, when = weekly_pattern(6, 80), times(80, "daily")
    keep = np.ones(80, dtype=bool)
    keep[[20, 21, 22, 41, 60]] = False
    values[50] += 30
    verdict = judge_entire(values[keep], when[keep], Options(granularity="daily", sensitivity=80))
    assert verdict.period == 7
    assert len(verdict.expected) == 75
    assert np.flatnonzero(verdict.is_anomaly).tolist() == [46]  # place 50 without the four gaps before it


def test_more_than_half_missing_means_no_period_unless_one_is_demanded() -> None:
    values, when = weekly_pattern(7, 100), times(100, "daily")
    keep = np.r_[np.arange(0, 60, 3), 99]
    verdict = judge_last(values[keep], when[keep], Options(granularity="daily"))
    assert verdict.period == 0
    with pytest.raises(ServiceError, match="At most half of the points of a seasonal series may be missing") as refused:
        judge_last(values[keep], when[keep], Options(granularity="daily", period=7))
    assert refused.value.code == "InvalidSeries"


def test_the_share_of_flags_stays_below_max_anomaly_ratio() -> None:
    rng = np.random.default_rng(8)
    values = np.where(rng.random(200) < 0.2, rng.normal(0, 30, 200), rng.normal(0, 1, 200))
    flags = [
        judge_entire(values, None, Options(period=0, sensitivity=100, max_anomaly_ratio=ratio)).is_anomaly.sum()
        for ratio in (0.02, 0.1, 0.3)
    ]
    assert flags[0] <= 2 * 4  # either side may have its share
    assert flags == sorted(flags)
    assert flags[2] > 20


def test_a_series_that_is_not_stationary_is_judged_by_its_steps_too() -> None:
    values = np.arange(300.0) + np.random.default_rng(9).normal(0, 0.3, 300)
    values[200:] += 12
    verdict = judge_entire(values, None, Options(period=0, sensitivity=100, max_anomaly_ratio=0.05))
    assert verdict.is_anomaly[200]
    assert verdict.is_positive[200]
    assert verdict.expected[200] == pytest.approx(values[199] + 1, abs=8)


def test_a_constant_series_is_normal() -> None:
    verdict = judge_entire(np.full(40, 7.0), times(40), Options(granularity="minutely"))
    assert not verdict.is_anomaly.any()
    assert np.allclose(verdict.expected, 7.0)


GAPS = {
    "previous": [1.0, 4.0, 4.0, 4.0, 10.0, 10.0, 6.0],
    "linear": [1.0, 4.0, 6.0, 8.0, 10.0, 8.0, 6.0],
    "fixed": [1.0, 4.0, -1.5, -1.5, 10.0, -1.5, 6.0],
}


@pytest.mark.parametrize("mode", list(GAPS))
def test_each_impute_mode_fills_a_gap_its_own_way(mode: str) -> None:
    sparse = Sparse(np.array([1.0, 4.0, 10.0, 6.0]), np.array([0, 1, 4, 6]))
    filled = fill(sparse, mode=mode, value=-1.5, period=0)
    assert filled is not None
    assert filled.tolist() == GAPS[mode]


def test_not_filling_closes_the_gaps_up() -> None:
    assert fill(Sparse(np.arange(4.0), np.array([0, 1, 4, 6])), mode="notFill", value=None, period=0) is None


def test_auto_bridges_short_gaps_smoothly_and_long_ones_by_the_season() -> None:
    full = 10 + 5 * np.sin(2 * np.pi * np.arange(96) / 24)
    keep = np.ones(96, dtype=bool)
    keep[[30, 31]] = False
    keep[48:60] = False
    filled = fill(Sparse(full[keep], np.flatnonzero(keep)), mode="auto", value=None, period=24)
    assert filled is not None
    assert np.allclose(filled[30:32], full[30:32], atol=0.02)  # by the spline
    assert np.allclose(filled[48:60], full[48:60], atol=0.02)  # by the other cycles, which are equal
    assert np.array_equal(filled[keep], full[keep])


def test_auto_draws_a_line_where_the_spline_would_leave_steady_neighbours() -> None:
    values = np.array([5.0, 5, 5, 9, 0, 0, 1, 1, 9, 5, 5, 5])
    index = np.array([0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13])
    filled = fill(Sparse(values, index), mode="auto", value=None, period=12)
    assert filled is not None
    assert filled[6:8].tolist() == pytest.approx([1 / 3, 2 / 3])


def test_a_cycle_inside_the_same_gap_is_passed_over() -> None:
    full = np.arange(70.0) % 7 + np.arange(70) // 7
    keep = np.ones(70, dtype=bool)
    keep[21:44] = False  # three cycles and a bit
    filled = fill(Sparse(full[keep], np.flatnonzero(keep)), mode="auto", value=None, period=7)
    assert filled is not None
    # Place 28 has the phase 0: before it 14, 7 and 0 (after 21, in the gap, which counts as one), behind it 49 and 56.
    wanted = (0.3 * full[7] + 0.6 * full[14] + 0.6 * full[49] + 0.3 * full[56]) / 1.8
    assert filled[28] == pytest.approx(wanted)
