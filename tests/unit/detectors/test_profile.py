"""Memory beyond the window: learned from the past only, small, exact, and quiet where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from ad_stream.detectors.default import Default
from ad_stream.detectors.profile import WINDOW, learn, past_ratios
from ad_stream.model import LastPoint, Windows
from ad_stream.scoring.windows import judge

Floats = NDArray[np.float64]
WEEK = 10_080


def past(seed: int, count: int, *, wild: float = 0.0) -> Floats:
    rng = np.random.default_rng(seed)
    rows = rng.normal(20.0, 1.0, size=(count, WEEK))
    jumps = rng.random((count, WEEK)) < wild
    rows[jumps] += rng.normal(0, 8, size=int(jumps.sum()))
    return rows


def test_a_wild_series_has_a_higher_tail_than_a_quiet_one() -> None:
    quiet, wild = learn(past(1, 20)), learn(past(2, 20, wild=0.01))
    assert quiet.tail.max() < wild.tail.min() and (quiet.hours > 130).all()


def test_the_same_jump_is_flagged_on_a_quiet_series_and_not_on_one_known_to_jump() -> None:
    rows = past(3, 300)[:, -1501:]
    rows[:, -1] += 5.3
    calm = Default().detect_last(Windows(rows, profiles=learn(past(1, 1)).rows().repeat(300, axis=0)))
    known = Default().detect_last(Windows(rows, profiles=learn(past(2, 1, wild=0.01)).rows().repeat(300, axis=0)))
    assert calm.is_positive.mean() > known.is_positive.mean() + 0.3
    assert (known.upper_margin > calm.upper_margin).all()


def alike(first: LastPoint, second: LastPoint, rows: slice) -> bool:
    return all(np.array_equal(getattr(first, key)[rows], getattr(second, key)[rows]) for key in LastPoint.columns())


def test_a_row_without_a_profile_is_judged_as_ever_beside_rows_with_one() -> None:
    rows = past(4, 90)[:, -1501:]
    rows[::2, -1] += 7.0
    profiles = np.full((90, 1), np.nan)
    profiles[:40] = 5.0
    mixed, plain = Default().detect_last(Windows(rows, profiles=profiles)), Default().detect_last(Windows(rows))
    assert alike(mixed, plain, slice(40, None)) and not alike(mixed, plain, slice(0, 40))
    alone = Default().detect_last(Windows(rows[7], profiles=profiles[7]))
    assert alone.score == mixed.score[7] and alone.upper_margin == mixed.upper_margin[7]


def test_each_cell_of_a_matrix_is_judged_with_the_profile_of_its_series() -> None:
    matrix = past(5, 2)[:, -1600:]
    judged = np.zeros(matrix.shape, dtype=bool)
    judged[:, -3:] = True
    profiles = np.array([[np.nan], [9.0]])
    rows, _, known = judge(matrix, judged, Default(), profiles=profiles)
    plain = judge(matrix, judged, Default())[2]
    assert np.array_equal(known.score[rows == 0], plain.score[rows == 0])
    assert (known.score[rows == 1] < plain.score[rows == 1]).all()


def test_the_ratios_of_the_past_equal_the_rule_without_tail_and_clock() -> None:
    row = np.random.default_rng(6).gamma(1.5, 2.0, size=1900)
    row = row / 64
    ratios = past_ratios(row)
    for end in (1501, 1640, 1899):
        window = row[: end + 1]
        steps, slow = np.diff(window), np.array([window[i] - window[i - 60 : i].mean() for i in range(60, end + 1)])
        smooth = [window[0]]
        for value in window[1:]:
            smooth.append(smooth[-1] + 0.25 * (value - smooth[-1]))
        noise = np.concatenate([[0.0], window[1:] - np.array(smooth[:-1])])

        def rms(values: Floats) -> float:
            return float(np.sqrt(np.mean(values**2)))

        sharp = min(abs(steps[-1]), abs(window[-1] - window[-11:-1].mean())) / rms(steps[-WINDOW:])
        wide = 0.95 * abs(slow[-1]) / rms(slow[-(WINDOW - 60) :])
        now = 0.7 + 0.3 * rms(noise[-61:-1]) / rms(noise[-WINDOW:])
        assert ratios[end] == pytest.approx(max(sharp, wide) / now, rel=1e-9)


def test_a_power_of_two_and_holes_before_the_first_value_change_nothing() -> None:
    rows = past(7, 3, wild=0.001)
    assert np.array_equal(learn(rows).tail, learn(rows * 2.0**30).tail)
    assert np.array_equal(learn(rows).tail, learn(np.concatenate([np.full((3, 99), np.nan), rows], axis=1)).tail)


def test_a_short_empty_or_constant_past_gives_no_profile() -> None:
    rows = np.full((3, WEEK), np.nan)
    rows[1, -3000:] = past(8, 1)[0, -3000:]
    rows[2] = 0.0
    assert np.isnan(learn(rows).tail).all() and learn(rows).hours.tolist() == [0, 0, 0]


def test_profiles_of_another_shape_than_the_windows_are_an_error() -> None:
    with pytest.raises(ValueError, match="profiles need the shape"):
        Default().detect_last(Windows(past(1, 2)[:, -60:], profiles=np.ones((3, 1))))
