"""Counters are judged by their rate, states by the time they last, gauges as ever; each verdict from its own window alone."""

from __future__ import annotations

import math
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

import ad_stream
from ad_stream.detectors import by_name
from ad_stream.detectors.kernels.kinds import kinds_of
from ad_stream.detectors.kernels.rates import rates
from ad_stream.errors import ConfigError
from ad_stream.model import LastPoint, Windows
from ad_stream.scoring.kinds import judge_kinds
from ad_stream.scoring.windows import judge_both
from tests.oracles import kinds as oracle
from tests.support.series_rules import row
from tests.unit.scoring.test_verdicts import SERIES, SINCE, drawn, run

COUNTS = ("expected", "upper_margin", "lower_margin", "score", "severity", "is_anomaly", "status")


def total(seed: int, length: int = 400, *, missing: float = 0.1) -> pd.Series:
    """A counter with holes that begins anew twice, its readings by their column."""
    rng = np.random.default_rng(seed)
    rise = rng.poisson(20, length).astype(float)
    rise[300] = 150
    value = np.cumsum(rise) + rng.uniform(0, 1e5)
    for again in np.sort(rng.choice(np.arange(100, 290), 2, replace=False)):
        value[again:] -= value[again] - rise[again]
    there = rng.random(length) > missing
    there[[0, 300]] = True
    return pd.Series(value[there], index=np.flatnonzero(there))


def stay_lengths(seed: int, count: int = 40) -> list[tuple[float, int]]:
    rng = np.random.default_rng(seed)
    usual = {0.0: (12, 20), 2.0: (4, 8), 1.0: (6, 10)}
    return [(state, int(rng.integers(*usual[state]))) for _ in range(count) for state in usual]


def values_of(stays: list[tuple[float, int]]) -> np.ndarray:
    return np.concatenate([np.full(length, state) for state, length in stays])


def detected(values: pd.Series, **options: object) -> pd.DataFrame:
    times = pd.Timestamp("2026-11-01", tz="UTC") + pd.to_timedelta(values.index, unit="min")
    frame = pd.DataFrame({"timestamp": times, "value": values.to_numpy()})
    return ad_stream.detect(frame, step="1min", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("detector", ["default", "ar"])
def test_a_counter_is_judged_as_its_rate_would_be(seed: int, detector: str) -> None:
    readings = total(seed)
    rate = oracle.rate(readings)
    found = detected(readings, detector=detector, kind="counter", points=600)
    plain = detected(rate.dropna(), detector=detector, points=600)
    later = found.iloc[1:].reset_index(drop=True)
    for name in ("score", "severity", "is_anomaly", "slow_score", "status"):
        pd.testing.assert_series_equal(later[name], plain[name], check_dtype=False)
    columns = readings.index.to_series().diff().to_numpy()[1:]
    base = (readings - rate * readings.index.to_series().diff()).to_numpy()[1:]
    np.testing.assert_allclose(later["expected"], base + plain["expected"] * columns, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(later["upper_margin"], plain["upper_margin"] * columns, rtol=1e-9)
    assert found["reason"].iloc[0] == "few_points" and found["status"].iloc[0] == "warming_up"
    assert found.loc[int(np.searchsorted(readings.index, 300)), "reason"] == "rate_above"
    assert found["is_anomaly"].sum() <= 3


def test_a_reset_is_no_event_of_a_counter_and_one_of_a_gauge() -> None:
    readings = total(11, missing=0.0)
    gauge, counter = (detected(readings, kind=kind, points=600) for kind in ("gauge", "counter"))
    falls = np.flatnonzero(np.diff(readings.to_numpy()) < 0) + 1
    assert len(falls) == 2 and gauge["is_anomaly"].iloc[falls[0]] and not counter["is_anomaly"].iloc[falls].any()


def test_the_rates_of_many_rows_are_those_of_pandas() -> None:
    rng = np.random.default_rng(3)
    values = np.where(rng.random((30, 90)) < 0.3, np.nan, rng.uniform(0, 100, (30, 90)))
    values[:, -1] = rng.uniform(0, 100, 30)
    found = rates(values)
    for window, rate in zip(values, found.rate, strict=True):
        readings = pd.Series(window).dropna()
        expected = oracle.rate(readings)
        np.testing.assert_allclose(rate[readings.index], expected.to_numpy(), rtol=1e-12)
        assert np.isnan(np.delete(rate, readings.index)).all()


@pytest.mark.parametrize("seed", range(4))
def test_states_are_judged_as_the_oracle_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    stays = stay_lengths(seed)
    stays[60], stays[80], stays[91] = (0.0, 60), (2.0, 1), (9.0, 3)
    values = values_of(stays)
    values = np.where(rng.random(len(values)) < 0.1 * seed, np.nan, values)
    values[900:915] = np.nan
    detector = by_name("default", kind="state", points=700, max_gap=3)
    judged = np.flatnonzero(~np.isnan(values))[30:]
    for at in judged[:: 7 - seed]:
        window = values[max(0, at - 699) : at + 1]
        verdict, _ = judge_kinds(Windows(window[None]), detector, slow=False)
        reason, score = oracle.state_reason(window, max_gap=3)
        assert verdict.reason[0] == reason, at
        assert math.isclose(verdict.score[0], score, rel_tol=1e-12) or (
            math.isnan(score) and np.isnan(verdict.score[0])
        )
        assert verdict.is_anomaly[0] == (reason in ("state_long", "state_short", "state_new"))


def test_too_long_a_stay_too_short_a_one_and_a_new_state_are_flagged_and_nothing_else() -> None:
    stays = stay_lengths(1)
    stays[60], stays[80], stays[100] = (0.0, 60), (1.0, 1), (9.0, 4)
    found = detected(pd.Series(values_of(stays)), kind="state", points=1000)
    flags = found[found["is_anomaly"]]
    assert flags["reason"].value_counts().to_dict().keys() == {"state_long", "state_short", "state_new"}
    assert (flags["reason"] == "state_new").sum() == 1 and (flags["reason"] == "state_short").sum() == 1
    long = flags.index[flags["reason"] == "state_long"]
    begin = sum(length for _, length in stays[:60])
    assert list(long) == list(range(int(long[0]), begin + 60)) and 19 * 1.5 <= long[0] - begin + 1 <= 31


@pytest.mark.parametrize("kind", ["gauge", "counter", "state", "auto"])
def test_a_verdict_is_that_of_its_window_alone_in_any_batch(kind: str) -> None:
    rng = np.random.default_rng(8)
    counter = np.cumsum(rng.poisson(9, (2, 400)), axis=1).astype(float)
    counter[0, 250:] -= counter[0, 250] - 3
    states = np.stack([values_of(stay_lengths(seed, 30))[:400] for seed in (1, 2)])
    gauges = rng.normal(size=(3, 400)).cumsum(axis=1) + 50
    matrix = np.concatenate([counter, states, gauges])
    matrix[rng.random(matrix.shape) < 0.05] = np.nan
    judged = ~np.isnan(matrix)
    judged[:, :300] = False
    detector = by_name("default", kind=kind, points=280)
    rows, columns, together, slowly = judge_both(matrix, judged, detector)
    for place in rng.permutation(len(rows))[:60]:
        window = matrix[rows[place], columns[place] - 279 : columns[place] + 1][None]
        alone, slow_alone = judge_kinds(Windows(window), detector, slow=True)
        for name in LastPoint.columns():
            np.testing.assert_array_equal(getattr(together, name)[place : place + 1], getattr(alone, name), name)
        for field in fields(slowly):  # type: ignore[arg-type]
            np.testing.assert_array_equal(
                getattr(slowly, field.name)[place : place + 1], getattr(slow_alone, field.name)
            )


def test_a_gauge_has_the_bits_it_had_whether_it_is_called_one_or_looks_like_one() -> None:
    values = np.random.default_rng(4).normal(size=(40, 300)).cumsum(axis=1)
    plain = by_name("default", points=300).detect_last(Windows(values))
    for kind in ("gauge", "auto"):
        verdict, _ = judge_kinds(Windows(values), by_name("default", points=300, kind=kind), slow=False)
        for name in LastPoint.columns():
            np.testing.assert_array_equal(getattr(verdict, name), getattr(plain, name))


def test_what_a_window_looks_like() -> None:
    rng = np.random.default_rng(6)
    counters = [total(seed, missing=0.2).to_numpy()[:300] for seed in range(6)]
    others = [rng.normal(50, 1, 200), np.arange(200.0), np.round(rng.normal(20, 0.4, 200)), np.full(200, 3.0)]
    others += [np.abs(rng.normal(size=200)).cumsum() - 5, np.where(rng.random(200) < 0.03, 1.0, 0.0)]
    for series, kind in [*((one, "counter") for one in counters), *((one, "gauge") for one in others)]:
        assert kinds_of(series[None])[0] == kind
        assert (kind == "counter") == oracle.looks_like_counter(series.tolist())
    states = values_of(stay_lengths(5, 8))
    assert kinds_of(states[None])[0] == "state"
    assert kinds_of((states + rng.normal(0, 0.01, len(states)))[None])[0] == "gauge"
    climbing = values_of([(float(level), 10) for level in (20, 21, 22, 21, 20, 21, 22, 23, 22, 21, 20)])
    assert kinds_of(climbing[None])[0] == "gauge"


def test_a_rule_says_of_single_series_what_they_are_and_the_server_is_not_asked_about_a_counter() -> None:
    values = np.nan_to_num(np.abs(drawn(3))).cumsum(axis=1)
    values[np.isnan(drawn(3))] = np.nan
    found, rows = run(values, [row("dev-*", 0, kind="counter"), row("dev-5", 1, kind="gauge")], ask_from=12)
    columns = found.columns
    counter = rows.ids != 5
    told = np.array([reason.startswith("rate_") for reason in columns["reason"]])
    scored = columns["status"] == "scored"
    assert (told == scored)[counter].all() and not told[~counter].any()
    assert all(window is None for window, one in zip(found.windows, counter, strict=True) if one)
    assert len(np.unique(rows.ids)) == SERIES and SINCE > 60


def test_a_state_has_no_side_and_no_distance_so_limits_do_not_hold_it_back() -> None:
    stays = stay_lengths(1)
    stays[60] = (0.0, 60)
    found = detected(pd.Series(values_of(stays)), kind="state", points=1000, direction="up", min_deviation=1e9)
    assert "state_long" in set(found.loc[found["is_anomaly"], "reason"])


def test_a_kind_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="kind of a series is 'staat', it must be one of auto, gauge, counter, state"):
        by_name("default", kind="staat")
