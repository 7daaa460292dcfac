"""Each kernel of the service against its slow form, on random, uneven, seeded input."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ad_stream.detectors.azure import outliers, period, seasons, stationarity, trend
from ad_stream.detectors.azure.arrays import running_median
from ad_stream.detectors.azure.stl import decompose
from ad_stream.detectors.azure.ties import quicksort_order
from tests.oracles import azure_outliers, azure_stationarity, azure_stl

Floats = NDArray[np.float64]


def uneven(seed: int, n: int) -> Floats:
    """A skewed, trending, seasonal series with two spikes."""
    rng = np.random.default_rng(seed)
    values = rng.gamma(2.0, 1.5, n) + 0.03 * np.arange(n) + 4 * np.sin(2 * np.pi * np.arange(n) / 7.0)
    values[rng.integers(n)] += 25
    values[rng.integers(n)] -= 14
    return values


@pytest.mark.parametrize(("n", "cycle"), [(5, 2), (9, 4), (29, 7), (30, 7), (61, 12), (100, 33)])
def test_the_decomposition_equals_the_plain_loops(n: int, cycle: int) -> None:
    values = uneven(n, n)
    season, smooth = decompose(values, cycle)
    wanted_season, wanted_trend = azure_stl.decompose(values.tolist(), cycle)
    assert np.allclose(season, wanted_season, rtol=0, atol=1e-10)
    assert np.allclose(smooth, wanted_trend, rtol=0, atol=1e-10)


def test_the_decomposition_equals_that_of_statsmodels() -> None:
    tsa = pytest.importorskip("statsmodels.tsa.seasonal", reason="statsmodels is not installed")
    values = uneven(3, 140)
    n, cycle = 140, 14
    width = 23  # nextodd(1.5 * 14 / (1 - 1.5 / 1401))
    other = tsa.STL(
        values, period=cycle, seasonal=10 * n + 1, trend=width, low_pass=15, seasonal_deg=0, robust=True,
        seasonal_jump=n, trend_jump=3, low_pass_jump=2,
    ).fit(inner_iter=1, outer_iter=15)  # fmt: skip
    season, smooth = decompose(values, cycle)
    assert np.allclose(season, other.seasonal, atol=1e-8)
    assert np.allclose(smooth, other.trend, atol=1e-8)


@pytest.mark.parametrize("n", [12, 13, 50, 51, 120])
@pytest.mark.parametrize("digits", [0, 6])
def test_median_and_spread_of_every_tail_equal_the_obvious_ones(n: int, digits: int) -> None:
    values = np.sort(np.round(uneven(n, n), digits))
    limit = n // 2 - 1
    assert np.allclose(
        np.transpose(outliers.medians(values, limit)), azure_outliers.tail_medians(values.tolist(), limit)
    )
    assert np.allclose(np.transpose(outliers.means(values, limit)), azure_outliers.tail_means(values.tolist(), limit))


def test_critical_values_are_those_of_rosner() -> None:
    wanted = [azure_outliers.critical_value(57, i, 0.05) for i in range(1, 20)]
    assert np.allclose(outliers.critical_values(57, 19, 0.05), wanted)


@pytest.mark.parametrize("seed", range(8))
def test_the_outlier_test_takes_away_what_the_plain_one_does(seed: int) -> None:
    values = uneven(seed, 60).astype(np.float32).astype(np.float64)
    series = outliers.Sorted.of(values, last=False)
    low = outliers.esd(series, upper=False, limit=20, alpha=0.05)
    high = outliers.esd(series, upper=True, limit=20, alpha=0.05)
    assert low.tolist() == azure_outliers.rejected_low(values.tolist(), 20, 0.05)
    assert high.tolist() == azure_outliers.rejected_low((-values).tolist(), 20, 0.05)
    assert len(low) + len(high) > 0


@pytest.mark.parametrize("n", [2, 3, 40, 159, 160, 161, 200])
def test_the_slope_is_the_median_of_all_pairs(n: int) -> None:
    values = uneven(n, n)
    assert trend.theil_sen(values) == pytest.approx(azure_outliers.theil_sen(values.tolist()), rel=1e-12)


@pytest.mark.parametrize("window", [3, 8, 15, 61, 99])
@pytest.mark.parametrize("ends", [True, False])
def test_the_running_median_equals_the_plain_one(window: int, ends: bool) -> None:
    values = uneven(window, 61).astype(np.float32).astype(np.float64)
    wanted = azure_outliers.running_median(values.tolist(), window, ends=ends)
    assert np.allclose(running_median(values, window, ends=ends), wanted, rtol=1e-6)


@pytest.mark.parametrize("n", [30, 120, 700])
def test_the_unit_root_tests_equal_plain_regressions(n: int) -> None:
    values = uneven(n, n).cumsum()
    adf = stationarity.adf_statistic(values)
    assert adf == pytest.approx(azure_stationarity.adf(values), rel=1e-6)
    assert stationarity.kpss_statistic(values) == pytest.approx(azure_stationarity.kpss(values), rel=1e-9)


@pytest.mark.filterwarnings("ignore:adfuller:FutureWarning")
def test_the_unit_root_tests_equal_those_of_statsmodels() -> None:
    tools = pytest.importorskip("statsmodels.tsa.stattools", reason="statsmodels is not installed")
    values = np.random.default_rng(5).normal(size=200).cumsum()
    statistic = tools.adfuller(values, maxlag=15, autolag="AIC", regression="c")[0]
    assert stationarity.adf_statistic(values) == pytest.approx(statistic, rel=1e-6)


def test_a_walk_takes_one_difference_and_its_sum_two() -> None:
    noise = np.random.default_rng(1).normal(size=400)
    assert stationarity.differenced(noise)[0] == 0
    assert stationarity.differenced(noise.cumsum())[0] == 1
    order, steps = stationarity.differenced(noise.cumsum().cumsum())
    assert order == 2
    assert len(steps) == 400


def test_a_difference_is_undone_by_its_sum() -> None:
    walk = np.random.default_rng(2).normal(size=50).cumsum()
    steps = np.concatenate([[0.0], np.diff(walk)])
    assert np.allclose(stationarity.summed(walk[0], 1, steps), walk)


def test_a_series_on_a_line_cannot_be_tested_and_counts_as_stationary() -> None:
    assert stationarity.is_stationary(np.full(50, 3.0))
    assert stationarity.differenced(np.arange(50.0))[0] in (0, 1)


def test_the_error_of_a_season_leaves_each_point_out_of_its_own_mean() -> None:
    values = uneven(4, 40)
    errors = []
    for i, value in enumerate(values):
        others = [values[j] for j in range(i % 7, 40, 7) if j != i]
        errors.append((value - np.mean(others)) ** 2)
    assert seasons.error_of_season(values, 7) == pytest.approx(np.mean(errors), rel=1e-4)


def test_the_autocorrelation_equals_its_definition() -> None:
    values = uneven(6, 90)
    centred = values - values.mean()
    wanted = [centred[k:] @ centred[:-k] / (centred @ centred) for k in range(1, 31)]
    assert np.allclose(period.autocorrelation(values, 30), wanted)


@pytest.mark.parametrize("n", [2, 16, 17, 60, 300])
def test_equal_values_have_one_order_everywhere(n: int) -> None:
    values = np.random.default_rng(n).integers(0, 5, n).astype(float)
    order = quicksort_order(values)
    assert sorted(order.tolist()) == list(range(n))
    assert (np.diff(values[order]) >= 0).all()
    if n <= 16:
        assert order.tolist() == np.argsort(values, kind="stable").tolist()


def test_the_order_of_equals_is_that_of_a_median_of_three_quicksort() -> None:
    # By hand: 8 is the pivot and waits in place 15; 1 .. 14 change sides pairwise; 8 then returns to the middle.
    assert quicksort_order(np.zeros(17)).tolist() == [0, 14, 13, 12, 11, 10, 9, 15, 8, 6, 5, 4, 3, 2, 1, 7, 16]
