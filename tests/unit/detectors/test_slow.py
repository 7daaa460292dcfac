"""The second, slow verdict: drifts with their onset, stuck values, and nothing on jumps."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from ad_stream.detectors.slow import FEWEST, SlowVerdict, judge_slowly
from ad_stream.model import Windows
from tests.oracles import detectors as oracle

Floats = NDArray[np.float64]


def noise(seed: int, count: int, length: int = 1501) -> Floats:
    return np.random.default_rng(seed).normal(20.0, 1.0, size=(count, length))


def drifting(seed: int, count: int, *, size: float = 9.0, ramp: int = 90) -> Floats:
    rows = noise(seed, count) + 3 * np.sin(2 * np.pi * np.arange(1501) / 1440)
    rows[:, -ramp:] += size * np.arange(1, ramp + 1) / ramp
    return rows


def ever_flagged(rows: Floats, minutes: int) -> NDArray[np.bool_]:
    ends = range(rows.shape[1] - minutes, rows.shape[1] + 1)
    return np.any([judge_slowly(Windows(rows[:, :end])).slow_reason == "drift" for end in ends], axis=0)


def test_a_ramp_of_nine_sizes_over_ninety_minutes_is_called_a_drift_before_it_ends() -> None:
    assert ever_flagged(drifting(1, 40), 40).mean() > 0.9


def test_the_onset_of_a_drift_lies_near_its_first_minute() -> None:
    verdict = judge_slowly(Windows(drifting(2, 100)))
    back = verdict.slow_onset[verdict.slow_reason == "drift"]
    assert len(back) > 50
    assert abs(float(np.median(back)) - 90) < 12 and np.mean(np.abs(back - 90) < 40) > 0.9


def test_noise_and_daily_cycles_hardly_ever_drift() -> None:
    quiet = noise(3, 2000) + 9 * np.sin(2 * np.pi * np.arange(1501) / 1440 + np.arange(2000)[:, None])
    assert judge_slowly(Windows(quiet)).slow_is_anomaly.mean() < 0.002


def test_a_bend_that_one_jump_explains_is_called_sudden_and_not_flagged() -> None:
    rows = noise(4, 50)
    rows[:, -40:] += 12.0
    verdict = judge_slowly(Windows(rows))
    assert (verdict.slow_reason == "sudden").mean() > 0.9 and not verdict.slow_is_anomaly.any()


def test_a_stuck_value_is_flagged_with_the_first_of_the_equal_values_as_onset() -> None:
    rows = noise(5, 3)
    rows[1, -25:] = rows[1, -25]
    verdict = judge_slowly(Windows(rows))
    assert verdict.slow_reason.tolist() == ["normal", "stuck", "normal"]
    assert verdict.slow_onset.tolist() == [-1, 24, -1] and verdict.slow_score[1] >= 1


@pytest.mark.parametrize("length", [FEWEST, 311, 700])
def test_score_and_reason_equal_the_slow_form(length: int) -> None:
    rows = np.random.default_rng(length).gamma(1.5, 2.0, size=(30, length))
    rows[::3, -80:] += np.linspace(0, 14, 80)
    rows[1::3, -30:] -= 25.0
    rows[2::6, -40:] += np.linspace(0, 3, 40)
    verdict = judge_slowly(Windows(rows))
    wanted = [oracle.slow_drift([float(v) for v in row]) for row in rows]
    assert np.allclose(verdict.slow_score, [score for score, _ in wanted], rtol=1e-9)
    reasons = ["normal" if score < 1 else "sudden" if jump else "drift" for score, jump in wanted]
    assert verdict.slow_reason.tolist() == reasons


def test_the_bend_has_the_sign_of_the_drift_and_the_unit_of_the_values() -> None:
    rows = np.concatenate([drifting(9, 30), 40.0 - drifting(9, 30)]) * 1000.0
    verdict = judge_slowly(Windows(rows))
    drifts = verdict.slow_reason == "drift"
    assert drifts[:30].sum() > 10 and np.array_equal(drifts[:30], drifts[30:])
    assert (verdict.slow_deviation[:30][drifts[:30]] > 2000.0).all()
    assert np.allclose(verdict.slow_deviation[:30], -verdict.slow_deviation[30:], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("every", [5, 7])
def test_a_slow_series_drifts_on_its_own_cadence_and_its_onset_counts_windows(every: int) -> None:
    dense = drifting(10, 40)[:, -900:]
    seldom = np.full((40, 900 * every), np.nan)
    seldom[:, every - 1 :: every] = dense
    wanted = judge_slowly(Windows(dense))
    verdict = judge_slowly(Windows(seldom), points=seldom.shape[1])
    assert np.array_equal(verdict.slow_reason, wanted.slow_reason) and wanted.slow_is_anomaly.sum() > 10
    flagged = wanted.slow_is_anomaly
    assert np.array_equal(verdict.slow_onset[flagged], every * wanted.slow_onset[flagged])


def equal(first: SlowVerdict, second: SlowVerdict, index: slice) -> bool:
    return all(
        np.array_equal(
            getattr(first, one.name)[index],
            getattr(second, one.name),
            equal_nan=one.name in ("slow_score", "slow_deviation"),
        )
        for one in fields(SlowVerdict)
    )


def test_the_verdict_has_the_same_bits_alone_in_a_batch_and_at_another_power_of_two() -> None:
    rows = drifting(6, 90)
    rows[3, 200:204] = np.nan
    rows[4, :1400] = np.nan
    rows[5, -30:] = 7.0
    together = judge_slowly(Windows(rows))
    for row in range(0, 90, 7):
        assert equal(together, judge_slowly(Windows(rows[row : row + 1])), slice(row, row + 1))
    small = judge_slowly(Windows(rows * 2.0**-40))
    assert equal(together, replace(small, slow_deviation=small.slow_deviation * 2.0**40), slice(None))
    stacked = judge_slowly(Windows(rows.reshape(9, 10, -1)))
    assert stacked.slow_onset.shape == (9, 10)


def test_what_is_too_short_empty_constant_or_not_finite_is_not_judged_or_normal() -> None:
    rows = np.full((5, 400), np.nan)
    rows[1, -FEWEST + 1 :] = noise(7, 1, FEWEST - 1)
    rows[2] = 5.0
    rows[3] = np.inf
    rows[4] = noise(8, 1, 400) * 1e306
    verdict = judge_slowly(Windows(rows))
    assert verdict.slow_reason.tolist()[:4] == ["no_value", "few_points", "normal", "not_finite"]
    assert not verdict.slow_is_anomaly.any()
    with pytest.raises(ValueError, match="time axis"):
        judge_slowly(Windows(np.float64(3.0)))  # type: ignore[arg-type]
