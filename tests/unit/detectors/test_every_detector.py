"""What holds for all detectors: total on bad data, the same bits in any batch, monotone options."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from ad_stream.detectors import by_name, names
from ad_stream.detectors.base import Detector
from ad_stream.errors import ConfigError
from ad_stream.model import DECLINED, REASONS, SCORED, STATUSES, WARMING_UP, LastPoint, Windows

Floats = NDArray[np.float64]

SMALL: dict[str, dict[str, object]] = {
    "seasonal_naive": {"period": 10, "min_points": 40},
    "seasonal_baseline": {"period": 10, "min_points": 50},
    "s_h_esd": {"period": 10, "min_points": 50, "max_anomalies": 0.1},
    "rrcf": {"trees": 4, "sample": 16},
    "drift": {"average": 3, "gap": 8, "min_points": 40},
}
OF_THEIR_OWN = ("stuck", "drift")
"""Detectors that one far value does not move; their own tests show what does."""
LENGTH = 64


def detector(name: str, **options: object) -> Detector:
    return by_name(name, **({"points": LENGTH} | SMALL.get(name, {}) | options))


def alike(first: LastPoint, second: LastPoint, index: Any = slice(None)) -> bool:
    return all(
        np.array_equal(a := getattr(first, key)[index], b := getattr(second, key)) or bool(np.all((a == b) | (a != a)))
        for key in LastPoint.columns()
    )


def noise(seed: int, count: int, length: int = LENGTH) -> Floats:
    rng = np.random.default_rng(seed)
    rows = rng.gamma(2.0, 1.0, size=(count, length)) + rng.normal(size=(count, 1))
    rows[::3, -1] += rng.normal(0, 9, size=len(rows[::3]))
    return rows


ODD = st.sampled_from([0.0, -0.0, np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, -3.0, 1.0, 2.0, 1e-9, 8e15])
VALUES = st.one_of(ODD, st.floats(width=64), st.integers(-5, 5).map(float))


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
@settings(max_examples=40, deadline=None)
@given(rows=arrays(np.float64, st.tuples(st.integers(0, 4), st.integers(1, LENGTH)), elements=VALUES))
def test_no_data_raises_or_warns_and_every_row_is_told_why(name: str, rows: Floats) -> None:
    verdict = detector(name).detect_last(Windows(rows))
    assert verdict.score.shape == (len(rows),)
    assert set(verdict.status) <= set(STATUSES) and set(verdict.reason) <= set(REASONS)
    judged = verdict.status == SCORED
    for key in ("expected", "upper_margin", "lower_margin", "score", "sr_score", "severity"):
        assert np.array_equal(np.isfinite(getattr(verdict, key)), judged), key
    assert not verdict.is_anomaly[~judged].any()
    assert (verdict.upper_margin[judged] >= 0).all() and (verdict.lower_margin[judged] >= 0).all()
    assert ((verdict.severity[judged] >= 0) & (verdict.severity[judged] <= 1)).all()


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("scale", [1e308, 1e-320, -1e307, 1.0])
def test_noise_of_any_size_is_judged_or_declined_as_overflow(name: str, scale: float) -> None:
    rows = np.random.default_rng(1).uniform(-1, 1, size=(5, LENGTH)) * scale
    verdict = detector(name).detect_last(Windows(rows))
    assert set(verdict.reason[verdict.status == DECLINED]) <= {"overflow"}
    if scale == 1.0:
        assert (verdict.status == SCORED).all()


@pytest.mark.parametrize("name", names())
def test_a_constant_window_is_normal_and_a_jump_after_it_is_flagged(name: str) -> None:
    rows = np.full((2, LENGTH), 7.0)
    rows[1, -1] = 9.0
    verdict = detector(name).detect_last(Windows(rows))
    assert verdict.reason.tolist() == ["constant", "jump_after_constant"]
    assert verdict.is_anomaly.tolist() == [False, True] and verdict.is_positive.tolist() == [False, True]
    assert verdict.expected.tolist() == [7.0, 7.0]


@pytest.mark.parametrize("name", names())
def test_equal_windows_get_equal_bits_in_any_batch_and_order(name: str) -> None:
    rows = noise(3, 1 + 2 * 60)
    rows[4, 10:14] = np.nan
    rows[7, :20] = np.nan
    rule = detector(name)
    together = rule.detect_last(Windows(rows))
    order = np.random.default_rng(0).permutation(len(rows))
    assert alike(together, rule.detect_last(Windows(rows[order])), order)
    for row in (0, 4, 7, 60):
        assert alike(together, rule.detect_last(Windows(rows[row : row + 1])), slice(row, row + 1))
    stacked = rule.detect_last(Windows(rows[:120].reshape(4, 30, LENGTH)))
    assert stacked.score.shape == (4, 30) and np.array_equal(
        stacked.score.ravel(), together.score[:120], equal_nan=True
    )


@pytest.mark.parametrize("name", [name for name in names() if name != "service"])
def test_many_windows_over_several_chunks_give_the_bits_of_few(name: str) -> None:
    count = 200 if name == "rrcf" else 3000
    rows = noise(8, count)
    rule = detector(name)
    assert alike(rule.detect_last(Windows(rows)), rule.detect_last(Windows(rows[-50:])), slice(-50, None))


@pytest.mark.parametrize("name", names())
def test_a_long_history_of_8640_points_is_judged(name: str) -> None:
    row = np.random.default_rng(2).normal(size=(1, 8640)) + 5 * np.sin(np.arange(8640) / 200)
    assert detector(name, points=8640).detect_last(Windows(row)).status.tolist() == [SCORED]


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_higher_sensitivity_never_flags_less(name: str) -> None:
    rows = noise(5, 60 if name in ("service", "rrcf") else 400)
    before = np.zeros(len(rows), dtype=bool)
    for sensitivity in (0, 30, 60, 80, 95, 99):
        flags = detector(name, sensitivity=sensitivity).detect_last(Windows(rows)).is_anomaly
        assert not (before & ~flags).any()
        before = flags


@pytest.mark.parametrize("name", [name for name in names() if name not in OF_THEIR_OWN])
def test_a_flagged_point_lies_outside_its_band(name: str) -> None:
    rows = noise(10, 60 if name in ("service", "rrcf") else 600)
    verdict = detector(name).detect_last(Windows(rows))
    value = rows[:, -1]
    inside = (value <= verdict.expected + verdict.upper_margin) & (value >= verdict.expected - verdict.lower_margin)
    assert verdict.is_anomaly.any() and not (inside & verdict.is_anomaly).any()


@pytest.mark.parametrize("name", names())
def test_too_little_history_is_warming_up(name: str) -> None:
    verdict = detector(name).detect_last(Windows(noise(1, 3, 11)))
    assert verdict.status.tolist() == [WARMING_UP] * 3 and verdict.reason.tolist() == ["few_points"] * 3


def test_windows_without_a_time_axis_are_refused() -> None:
    with pytest.raises(ValueError, match="need a time axis"):
        by_name("default").detect_last(Windows(np.float64(3.0)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("defualt", {}, "there is no detector 'defualt', did you mean 'default'?"),
        ("prophet-x", {}, "choose from: default, spectral_residual"),
        ("default", {"sensitivty": 9}, "has no option 'sensitivty', did you mean 'sensitivity'?"),
        ("default", {"sensitivity": 100}, "sensitivity of the detector default is 100, it must lie between 0 and 99"),
        ("default", {"points": 5}, "points of the detector default is 5, it must lie between 30"),
        ("ar", {"order": 0}, "order of the detector ar is 0"),
        ("seasonal_naive", {"period": 5000}, "with a period of 5000 it must be at least 5030"),
        ("s_h_esd", {"side": "left"}, "side of the detector s_h_esd is 'left', it must be one of both, up, down"),
        ("default", {"points": "120"}, "takes numbers, and was given points='120'"),
        ("s_h_esd", {"alpha": 0.7}, "alpha of the detector s_h_esd is 0.7"),
        ("rrcf", {"trees": 0}, "trees of the detector rrcf is 0"),
    ],
)
def test_a_wrong_option_is_named_with_the_way_out(name: str, options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        by_name(name, **options)
    assert sentence in str(caught.value)
