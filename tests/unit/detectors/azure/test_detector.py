"""`Service` over many windows: the same verdicts as one series at a time, and total on bad data."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ad_stream.detectors.azure import Options, Service, ServiceError, change_points, judge_entire, judge_last
from ad_stream.detectors.azure.change_points import ChangeOptions
from ad_stream.errors import ConfigError
from ad_stream.model import REASONS, LastPoint, Windows
from tests.unit.detectors.azure.requests import noise, times

NASTY = st.sampled_from([0.0, 1.0, -1.0, 1e100, -1e100, 1e-310, 5e-324, 1e40, 2.0**24 + 1, 1e-9, 7.0])
VALUES = st.one_of(
    st.floats(min_value=-1e100, max_value=1e100), NASTY, st.integers(min_value=-5, max_value=5).map(float)
)


def test_every_row_has_the_verdict_of_its_series() -> None:
    rows = np.stack([noise(seed, 90) for seed in range(12)])
    rows[::3, -1] += 12
    rows[1] = np.arange(90) % 9
    answer = Service(sensitivity=90).detect_last(Windows(rows))
    for i, row in enumerate(rows):
        alone = judge_last(row, times(90), Options(granularity="minutely", sensitivity=90))
        assert answer.is_anomaly[i] == alone.is_anomaly[0]
        assert answer.expected[i] == pytest.approx(alone.expected[0], rel=1e-12)
        assert answer.upper_margin[i] == pytest.approx(alone.upper_margin[0], rel=1e-9, abs=1e-12)
        assert answer.severity[i] == pytest.approx(alone.severity[0])
    assert answer.is_anomaly[::3].all()
    assert answer.is_anomaly.sum() < 8


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    rows = np.stack([noise(seed, 60) for seed in range(6)])
    rows[2, -1] = 1e200
    rows[3, 10:14] = np.nan
    together = Service().detect_last(Windows(rows))
    backwards = Service().detect_last(Windows(rows[::-1]))
    for key in LastPoint.columns():
        whole, turned = getattr(together, key), getattr(backwards, key)[::-1]
        alone = np.concatenate([getattr(Service().detect_last(Windows(rows[[i]])), key) for i in range(6)])
        for other in (turned, alone):
            assert np.array_equal(whole, other, equal_nan=whole.dtype.kind == "f")


def test_few_points_warm_up_and_twelve_are_judged() -> None:
    rows = np.full((2, 40), np.nan)
    rows[0, -11:], rows[1, -12:] = noise(1, 11), noise(2, 12)
    answer = Service().detect_last(Windows(rows))
    assert answer.status.tolist() == ["warming_up", "scored"]
    assert answer.points.tolist() == [11, 12]


def test_beyond_1e100_a_window_is_declined() -> None:
    answer = Service().detect_last(Windows(noise(1, 40)[None] * 1e120))
    assert answer.status.tolist() == ["declined"]
    assert answer.reason.tolist() == ["overflow"]
    assert np.isnan(answer.expected).all()


def test_a_window_too_short_for_its_period_is_declined() -> None:
    assert Service(period=30).detect_last(Windows(noise(1, 40)[None])).status.tolist() == ["declined"]


def test_a_given_period_takes_the_seasonal_path() -> None:
    rows = (10 + 5 * np.sin(2 * np.pi * np.arange(96) / 24) + 0.1 * noise(3, 96))[None].repeat(2, axis=0)
    rows[1, -1] -= 6
    answer = Service(period=24, sensitivity=90).detect_last(Windows(rows))
    assert answer.is_anomaly.tolist() == [False, True]
    assert answer.is_negative.tolist() == [False, True]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_points": 11}, "min_points of the detector service is 11, it needs 12 or more"),
        ({"granularity": "hour"}, "'granularity' field must be one of"),
        ({"max_anomaly_ratio": 0.5}, "'maxAnomalyRatio' field must be more than 0 and at most 0.49"),
        ({"boundary_version": "V4"}, "'boundaryVersion' field must be one of V1, V2, V3"),
        ({"sensitivity": 100}, "sensitivity of the detector service is 100"),
    ],
)
def test_a_wrong_option_is_a_setting_error(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Service(**options)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(arrays.arrays(np.float64, st.tuples(st.integers(1, 3), st.integers(1, 60)), elements=st.floats(width=64)))
def test_windows_of_anything_are_scored_or_declined_without_a_warning(rows: np.ndarray) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answer = Service().detect_last(Windows(rows))
    assert set(answer.reason) <= set(REASONS)
    scored = answer.status == "scored"
    for key in ("expected", "upper_margin", "lower_margin", "score", "severity"):
        assert np.isfinite(getattr(answer, key)[scored]).all()
    assert not answer.is_anomaly[~scored].any()


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    arrays.arrays(np.float64, st.integers(12, 70), elements=VALUES),
    st.sampled_from(["minutely", "daily", "hourly", "weekly"]),
    st.sampled_from([None, 0, 1, 2, 5, 7]),
    st.sampled_from(["V1", "V2"]),
    st.sampled_from(["auto", "previous", "linear", "zero", "notFill"]),
    st.integers(0, 100),
    st.data(),
)
def test_bad_series_raise_nothing_but_the_typed_error_and_never_warn(
    values: np.ndarray,
    granularity: str,
    period: int | None,
    version: str,
    mode: str,
    sensitivity: int,
    data: st.DataObject,
) -> None:
    keep = np.sort(data.draw(st.permutations(range(len(values) + 8)))[: len(values)])
    when = times(len(values) + 8, granularity)[keep]
    options = Options(
        granularity=granularity, period=period, boundary_version=version, impute_mode=mode, sensitivity=sensitivity
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for judge in (judge_last, judge_entire):
            try:
                verdict = judge(values, when, options)
            except ServiceError as error:
                assert error.code in ("InvalidSeries", "InvalidModelArgument")
                continue
            assert np.isfinite(verdict.expected).all()
            assert np.isfinite(verdict.upper_margin).all()
            assert ((verdict.severity >= 0) & (verdict.severity <= 1)).all()
        try:
            answer = change_points(values, when, ChangeOptions(granularity=granularity, period=period))
        except ServiceError as error:
            assert error.code in ("InvalidSeries", "InvalidModelArgument")
        else:
            assert ((answer.confidence >= 0) & (answer.confidence <= 1)).all()
