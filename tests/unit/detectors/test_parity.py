"""Each detector against its slow form, on random, asymmetric, seeded input."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from ad_stream.detectors import by_name
from ad_stream.detectors.ar import coefficients
from ad_stream.detectors.kernels.esd import critical
from ad_stream.detectors.rrcf import displacement
from ad_stream.detectors.s_h_esd import esd, remainder
from ad_stream.model import Windows
from tests.oracles import detectors as oracle

Floats = NDArray[np.float64]
Oracle = Callable[[list[float]], tuple[float, float]]


def uneven(seed: int, count: int, length: int) -> Floats:
    """Skewed noise, cycles of 12, steps, smooth rows and spikes at the end."""
    rng = np.random.default_rng(seed)
    rows = rng.gamma(1.5, 2.0, size=(count, length)) + 30 * rng.normal(size=(count, 1))
    rows[::2] += 9 * np.sin(2 * np.pi * np.arange(length) / 12 + rng.uniform(0, 6))
    rows[1::4, length // 2 :] += 14
    rows[2::5] = np.cumsum(np.cumsum(rows[2::5] - rows[2::5].mean(axis=1, keepdims=True), axis=1), axis=1)
    rows[3::5] = np.cumsum(rows[3::5] - rows[3::5].mean(axis=1, keepdims=True), axis=1)
    rows[::3, -1] += rng.normal(0, 40, size=len(rows[::3]))
    return rows


CASES: list[tuple[str, dict[str, object], Oracle]] = [
    ("differences", {}, oracle.differences),
    ("moving_average", {"width": 7}, lambda x: oracle.moving_average(x, 7)),
    ("moving_average", {"width": 90}, lambda x: oracle.moving_average(x, 90)),
    ("seasonal_naive", {"period": 12, "min_points": 42}, lambda x: oracle.seasonal_naive(x, 12)),
    ("ar", {"order": 5}, lambda x: oracle.ar(x, 5)),
    ("seasonal_baseline", {"period": 12, "min_points": 54}, lambda x: oracle.seasonal_baseline(x, 12)),
    ("drift", {"average": 4, "gap": 9, "min_points": 40}, lambda x: oracle.drift(x, 4, 9)),
    ("gated", {}, oracle.gated),
    ("default", {}, oracle.default),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options", "slow"), CASES)
@pytest.mark.parametrize("length", [61, 97, 151, 500])
def test_expected_value_and_score_equal_the_slow_form(
    name: str, options: dict[str, object], slow: Oracle, length: int
) -> None:
    rows = uneven(length, 20 if length < 300 else 5, length)
    verdict = by_name(name, points=length, **options).detect_last(Windows(rows))
    wanted = np.array([slow([float(v) for v in row]) for row in rows])
    assert np.allclose(verdict.expected, wanted[:, 0], rtol=1e-9, atol=1e-9)
    assert np.allclose(verdict.score, wanted[:, 1], rtol=1e-7, atol=1e-9)


def test_the_outliers_of_s_h_esd_equal_the_slow_test() -> None:
    rows = uneven(5, 40, 90)
    rest = remainder(rows, 12, 0)
    lambdas = critical(90, 8, 0.05, one_tail=False)
    found, _ = esd(rest, lambdas, "both")
    wanted = [89 in oracle.esd_outliers([float(v) for v in row], [float(v) for v in lambdas]) for row in rest]
    assert found.tolist() == wanted and 0 < sum(wanted) < 40


def test_the_critical_values_are_rosners() -> None:
    # Rosner 1983, example of 54 points at level 0.05: lambda_1, lambda_2, lambda_10.
    assert np.round(critical(54, 10, 0.05, one_tail=False)[[0, 1, 9]], 3).tolist() == [3.159, 3.151, 3.085]


@pytest.mark.slow
def test_the_path_through_a_random_cut_tree_scores_like_the_whole_tree() -> None:
    rng = np.random.default_rng(2)
    others = rng.gamma(1.0, 1.0, size=(40, 3))
    for point in (np.array([6.0, 1.0, 0.5]), np.array([1.0, 0.7, 1.2])):
        cuts = rng.random((1500, 60, 2))
        ours = np.mean([displacement(others[None], point[None], cut)[0] for cut in cuts])
        points = [tuple(row) for row in [*others.tolist(), point.tolist()]]
        dice = random.Random(8)
        whole = np.mean([oracle.collusive_displacement(points, 40, dice) for _ in range(1500)])
        assert ours == pytest.approx(whole, rel=0.08)


def test_yule_walker_finds_the_coefficients_that_made_the_series() -> None:
    rng = np.random.default_rng(4)
    x = np.zeros(20_000)
    for t in range(2, len(x)):
        x[t] = 0.6 * x[t - 1] - 0.3 * x[t - 2] + rng.normal()
    assert coefficients(x[None], 2)[0] == pytest.approx([0.6, -0.3], abs=0.03)
