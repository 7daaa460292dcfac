"""The season: fitted as one series after the other would be, with gaps, outliers, holidays and new levels; then taken off the window."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from ad_stream.detectors.default import Default
from ad_stream.detectors.kernels.season import DAY, WEEK
from ad_stream.detectors.season_fit import Seasons, learn
from ad_stream.detectors.seasonal import Seasonal
from ad_stream.model import LastPoint, Windows
from tests.oracles import season as oracle

Floats = NDArray[np.float64]
FIRST = 20_000 * DAY  # 2024-10-04, a Friday
MINUTE, STEP = 60, 300


def times(days: float, step: int = STEP) -> Floats:
    return np.asarray(FIRST + step * np.arange(int(days * DAY / step)), dtype=np.float64)


def curve(seconds: Floats, size: float = 5.0) -> Floats:
    angle = 2 * np.pi * seconds / DAY
    return np.asarray(
        40 + size * np.sin(angle) + size / 2 * np.sin(3 * angle + 1) + 2 * np.sin(2 * np.pi * seconds / WEEK)
    )


def noisy(seed: int, seconds: Floats, count: int = 3, size: float = 5.0) -> Floats:
    rng = np.random.default_rng(seed)
    return np.asarray(curve(seconds, size) + rng.normal(0, 0.5, size=(count, len(seconds))))


def holed(seed: int, values: Floats) -> Floats:
    rng = np.random.default_rng(seed)
    out = values.copy()
    out[rng.random(out.shape) < 0.2] = np.nan
    out[:, 500:700] = np.nan
    return out


@pytest.mark.slow
@pytest.mark.parametrize("days", [6, 15])
def test_many_series_are_fitted_as_an_oracle_fits_one_bin_by_bin(days: int) -> None:
    seconds = times(days)
    values = noisy(1, seconds)
    values[0, 300:305] += 60.0
    values[1, 900:] += 3.0
    values[2] = np.where(np.random.default_rng(2).random(len(seconds)) < 0.3, np.nan, values[2])
    values[2, ::3] = noisy(1, seconds)[2, ::3]  # every quarter of an hour has a reading
    at = seconds[-1] + 3600.0 * np.arange(1, 25)
    wanted = [oracle.forecast(row, FIRST, STEP, at.tolist()) for row in values]
    np.testing.assert_allclose(learn(values, FIRST, STEP).forecast(at), wanted, rtol=2e-4, atol=2e-3)


@pytest.mark.slow
def test_a_day_ahead_is_forecast_through_gaps_and_outliers() -> None:
    seconds = times(22)
    past = len(seconds) - 288
    values = holed(3, noisy(3, seconds[:past]))
    values[:, 50::97] += 40.0
    season = learn(values, FIRST, STEP)
    off = np.abs(season.forecast(seconds[past:]) - curve(seconds[past:]))
    assert off.mean() < 0.15 and season.useful.all()
    assert (season.error < 0.7 * season.floor).all()
    assert (np.abs(season.sigma / (0.5 / np.sqrt(2.4)) - 1) < 0.4).all(), "medians of bins are quieter than readings"


def test_a_bend_of_the_trend_is_a_changepoint_near_where_it_is() -> None:
    seconds = times(20)
    bend = FIRST + 10 * DAY
    values = noisy(4, seconds, 1) + np.maximum(0, seconds - bend) / DAY * 2.0
    season = learn(values, FIRST, STEP)
    found = season.changepoints(0)
    assert sum(delta for _, delta in found) == pytest.approx(2.0, abs=0.3)
    assert all(abs(moment - bend) < 2.1 * DAY for moment, delta in found if abs(delta) > 0.5)
    assert season.slope[0] == pytest.approx(2.0, abs=0.3)
    assert np.abs(season.forecast(seconds[-300:-200]) - values[:, -300:-200]).mean() < 1.0


def test_a_new_level_of_the_last_day_is_where_the_forecast_begins() -> None:
    seconds = times(15)
    values = noisy(5, seconds, 1)
    values[:, -300:] += 30.0
    ahead = seconds[-1] + STEP * np.arange(1, 289)
    assert np.abs(learn(values, FIRST, STEP).forecast(ahead) - curve(ahead) - 30).mean() < 5.0, "a day of 15 is few"


def test_a_holiday_is_learned_as_a_column_and_expected_again() -> None:
    seconds = times(16)
    days = (20_003, 20_010, 20_016)
    values = noisy(6, seconds, 1) - 12.0 * np.isin(seconds // DAY, days)
    ahead = seconds[-1] + STEP * np.arange(1, 289)
    assert (np.unique(ahead // DAY) == [20_016]).all()
    with_days, without = learn(values, FIRST, STEP, days), learn(values, FIRST, STEP)
    assert with_days.holiday[0] == pytest.approx(-12, abs=0.5) and without.holiday[0] == 0
    wanted = curve(ahead) - 12
    assert np.abs(with_days.forecast(ahead) - wanted).mean() < 0.3 < np.abs(without.forecast(ahead) - wanted).mean()


def test_a_past_without_a_season_a_short_one_and_one_that_stands_still_are_told_apart() -> None:
    seconds = times(8)
    rng = np.random.default_rng(7)
    values = np.stack([rng.normal(size=len(seconds)), curve(seconds), np.full(len(seconds), 3.0), curve(seconds)])
    values[1, :-700] = np.nan
    values[3, 5] = np.inf
    season = learn(values, FIRST, STEP)
    assert season.known.tolist() == [True, False, False, True] and season.useful.tolist() == [False, False, False, True]
    assert np.isnan(season.rows()[:3]).all() and np.isfinite(season.rows()[3, :-1]).all()
    with pytest.raises(ValueError, match="must have the shape"):
        learn(values[0], FIRST, STEP)


def ended(seed: int, ends: list[int], width: int = 700) -> tuple[Windows, Seasons]:
    """Windows of minutes that end at given minutes after FIRST + 10 days, and what was learned of the days before."""
    seconds = times(10)
    season = learn(noisy(seed, seconds, len(ends), size=40.0), FIRST, STEP)
    end = FIRST + 10 * DAY + MINUTE * np.array(ends)
    at = end[:, None] - MINUTE * np.arange(width - 1, -1, -1)
    values = curve(at.astype(np.float64), 40.0) + np.random.default_rng(seed).normal(0, 0.5, size=at.shape)
    return Windows(values, end.astype("datetime64[s]"), timedelta(minutes=1), season.rows()), season


def alike(first: LastPoint, second: LastPoint, rows: object) -> bool:
    return all(
        np.array_equal(getattr(first, key)[rows], getattr(second, key), equal_nan=getattr(first, key).dtype.kind == "f")
        for key in LastPoint.columns()
    )


@pytest.mark.slow
def test_of_random_walks_few_seem_to_have_a_season() -> None:
    walks = np.cumsum(np.random.default_rng(0).normal(size=(100, len(times(15)))), axis=1)
    assert learn(walks, FIRST, STEP).useful.mean() <= 0.2


@pytest.mark.slow
def test_a_level_that_the_day_hides_from_the_window_is_seen_beside_the_season() -> None:
    windows, _ = ended(8, list(range(0, 1440, 24)))
    windows.values[:, -5:] += 4.0
    verdict, plain = (
        Seasonal(sensitivity=90).detect_last(windows),
        Default(sensitivity=90).detect_last(Windows(windows.values)),
    )
    assert verdict.is_anomaly.sum() > plain.is_anomaly.sum() + 10
    assert np.median(verdict.score) > 1.3 * np.median(plain.score)


def test_expected_value_and_band_are_in_the_unit_of_the_readings() -> None:
    windows, season = ended(9, [700, 1100])
    windows.values[0, -1] += 9.0
    verdict = Seasonal().detect_last(windows)
    assert verdict.is_positive.tolist() == [True, False]
    inside = np.abs(windows.values[:, -1] - verdict.expected) <= verdict.upper_margin
    assert inside.tolist() == [False, True]
    assert np.abs(verdict.expected - (windows.values[:, -1] - [9.0, 0.0])).max() < 4
    assert season.rows().shape[1] == 28


def test_equal_windows_get_equal_bits_in_any_batch_and_rows_without_a_season_the_default_rule() -> None:
    windows, _ = ended(10, [7 * one for one in range(150)])
    assert windows.profiles is not None and windows.end is not None
    windows.profiles[::5] = np.nan
    together = Seasonal().detect_last(windows)
    for rows in (slice(3, 4), slice(40, 141), np.arange(149, -1, -1)):
        some = Windows(windows.values[rows], windows.end[rows], windows.step, windows.profiles[rows])
        assert alike(together, Seasonal().detect_last(some), rows)
    assert alike(together, Default().detect_last(Windows(windows.values[::5])), slice(None, None, 5))
    assert not np.array_equal(together.score[1], Default().detect_last(Windows(windows.values[1])).score)


def test_a_slow_device_has_the_season_of_its_own_times_taken_off() -> None:
    windows, season = ended(11, [600, 1000], width=1501)
    empty = np.arange(1501)[::-1] % 5 != 0
    windows.values[:, empty] = np.nan
    assert windows.end is not None
    at = windows.end.astype(np.int64)[:, None] - MINUTE * np.arange(1500, -1, -1)
    left = np.stack(
        [
            row - season.season(when.astype(np.float64))[place]
            for place, (row, when) in enumerate(zip(windows.values, at, strict=True))
        ]
    )
    verdict, wanted = Seasonal().detect_last(windows), Default().detect_last(Windows(left))
    np.testing.assert_allclose(verdict.score, wanted.score, rtol=1e-6)
    assert verdict.points.tolist() == wanted.points.tolist() == [301, 301]


def test_a_holiday_ahead_is_expected_in_the_window_that_reaches_it() -> None:
    seconds = times(16)
    days = (20_003, 20_010, 20_016)
    season = learn(noisy(12, seconds, 1) - 12.0 * np.isin(seconds // DAY, days), FIRST, STEP, days)
    end = 20_016 * DAY + 10 * MINUTE
    at = end - MINUTE * np.arange(599, -1, -1)
    values = curve(at.astype(np.float64)) - 12.0 * (at // DAY == 20_016) + np.random.default_rng(1).normal(0, 0.3, 600)
    windows = Windows(values[None], np.array([end], dtype="datetime64[s]"), timedelta(minutes=1), season.rows())
    assert (
        not Seasonal().detect_last(windows).is_anomaly[0] and Default().detect_last(Windows(values[None])).is_anomaly[0]
    )
