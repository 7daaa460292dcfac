"""Forests: grown together as an oracle grows each tree alone, applied without fitting anew, on features that a raw value lacks."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from ad_stream.detectors import forest_fit
from ad_stream.detectors.default import Default
from ad_stream.detectors.forest_fit import NODES, SAMPLE, SEED, TREES, Forests, learn_forests, past_rows
from ad_stream.detectors.isolation_forest import IsolationForest, SeasonForests
from ad_stream.model import LastPoint, Windows
from tests.oracles import forest as oracle
from tests.unit.detectors.test_seasonal import DAY, FIRST, STEP, curve, noisy, times

Floats = NDArray[np.float64]
NOON, NIGHT = 12 * 3600, 0


@pytest.fixture(scope="module")
def learned() -> SeasonForests:
    values = noisy(1, times(10), 3, size=10.0)
    values[2] = 7.0
    return SeasonForests.learn(values, FIRST, STEP)


def past(seed: int = 1) -> tuple[Floats, Floats, Floats]:
    seconds = times(4)
    values = noisy(seed, seconds, 2)
    values[1] = np.round(values[1])  # many equal values and changes
    values[0, 40:60] = np.nan
    return values, np.tile(curve(seconds), (2, 1)), seconds


@pytest.mark.slow
def test_trees_are_those_of_an_oracle_that_grows_them_node_by_node() -> None:
    values, expected, seconds = past()
    forests = learn_forests(values, expected, seconds)
    draws = np.random.default_rng(SEED).random((2, TREES, NODES))
    for series in range(2):
        rows = past_rows(values[series], expected[series], seconds)
        place = np.full(len(rows), series)
        scaled = forests.scaled(place, rows)
        samples = scaled[forest_fit.drawn(len(rows))].astype(np.float32)
        trees = [oracle.grown(samples[tree], draws[:, tree]) for tree in range(TREES)]
        some = scaled[::90].astype(np.float32).astype(np.float64)
        wanted = [oracle.score(trees, row) for row in some]
        np.testing.assert_allclose(forests.scores(place[::90], some), wanted, rtol=1e-6)


def test_each_tree_has_a_sample_of_its_own_without_repeats() -> None:
    rows = forest_fit.drawn(1000)
    assert rows.shape == (TREES, SAMPLE) and rows.max() < 1000
    assert all(len(set(row)) == SAMPLE for row in rows.tolist())
    assert len({tuple(sorted(row)) for row in rows.tolist()}) == TREES


def test_what_is_learned_of_a_series_does_not_depend_on_the_others() -> None:
    values, expected, seconds = past()
    together, alone = learn_forests(values, expected, seconds), learn_forests(values[1:], expected[1:], seconds)
    for name in ("centre", "size", "feature", "cut", "depth", "usual", "high"):
        assert np.array_equal(getattr(together, name)[1:], getattr(alone, name)), name
    assert np.isnan(learn_forests(values[:, :300], expected[:, :300], seconds[:300]).centre).all(), "too few rows"
    assert len(learn_forests(values[:0], expected[:0], seconds).usual) == 0


def test_rare_values_score_high_and_a_new_row_changes_no_tree(learned: SeasonForests) -> None:
    forests, before = learned.forests, learned.forests.cut.copy()
    rows = np.array([[0, 0, 0, 0, 1], [9, 0, 9, 0, 1], [40, 40, 40, 0, 1]], dtype=np.float64)
    usual, rare, far = forests.scores(np.zeros(3, dtype=np.int64), rows)
    assert usual < rare < far and far > forests.high[0] > forests.usual[0]
    assert np.array_equal(before, forests.cut)


def windows(learned: SeasonForests, seconds_of_day: list[int], series: int = 0) -> Windows:
    ends = FIRST + 10 * DAY + np.array(seconds_of_day)
    at = (ends[:, None] - STEP * np.arange(399, -1, -1)).astype(np.float64)
    values = curve(at, 10.0) + np.random.default_rng(2).normal(0, 0.5, at.shape)
    profiles = np.repeat(learned.rows()[series : series + 1], len(ends), axis=0)
    return Windows(values, ends.astype("datetime64[s]"), timedelta(seconds=STEP), profiles)


def judged(learned: SeasonForests, given: Windows) -> LastPoint:
    return IsolationForest().knowing((learned.forests,)).detect_last(given)


def test_a_value_of_noon_at_night_is_flagged_although_its_size_is_usual(learned: SeasonForests) -> None:
    hours = list(range(0, DAY, 3600))
    given = windows(learned, hours)
    assert judged(learned, given).is_anomaly.sum() <= 1
    given.values[:, -1] = given.values[:, -1][np.r_[12:24, 0:12]]
    verdict = judged(learned, given)
    swapped = np.abs(given.values[:, -1] - verdict.expected) > 8
    assert swapped.sum() >= 10 and verdict.is_anomaly[swapped].mean() > 0.5
    outside = np.abs(given.values[:, -1] - verdict.expected) > verdict.upper_margin
    assert (outside[verdict.is_anomaly]).all() and not outside[~verdict.is_anomaly].any()
    assert np.array_equal(verdict.is_positive, verdict.is_anomaly & (given.values[:, -1] > verdict.expected))


def test_series_without_a_forest_windows_that_stand_still_and_gaps_stay_with_the_default_rule(
    learned: SeasonForests,
) -> None:
    given = windows(learned, [0, 3600, 7200, 10_800])
    assert given.profiles is not None
    given.profiles[0] = np.nan
    given.values[1] = 3.0
    given.values[2, -1] = np.nan
    verdict, plain = judged(learned, given), Default().detect_last(Windows(given.values))
    for name in LastPoint.columns():
        assert np.array_equal(
            getattr(verdict, name)[:3],
            getattr(plain, name)[:3],
            equal_nan=name == "score" or "margin" in name or name in ("expected", "sr_score", "severity"),
        ), name
    assert verdict.score[3] != plain.score[3] and verdict.points[3] == plain.points[3]
    assert learned.known.tolist() == [True, True, False]
    bare = IsolationForest().detect_last(given)
    assert np.array_equal(bare.score, plain.score, equal_nan=True), "nobody told it of forests"


def test_equal_windows_get_equal_bits_in_any_batch(learned: SeasonForests) -> None:
    given = windows(learned, list(range(0, DAY, 1800)))
    together = judged(learned, given)
    assert given.end is not None and given.profiles is not None
    for rows in (slice(5, 6), slice(11, 48), np.arange(47, -1, -1)):
        some = judged(learned, Windows(given.values[rows], given.end[rows], given.step, given.profiles[rows]))
        for name in ("score", "expected", "upper_margin", "is_anomaly", "reason"):
            assert np.array_equal(getattr(together, name)[rows], getattr(some, name)), name
    stacked = judged(
        learned,
        Windows(
            given.values.reshape(2, 24, -1), given.end.reshape(2, 24), given.step, given.profiles.reshape(2, 24, -1)
        ),
    )
    assert np.array_equal(stacked.score.ravel(), together.score)


def test_the_reading_before_is_found_behind_a_gap(learned: SeasonForests) -> None:
    given = windows(learned, [0])
    given.values[0, -4:-1] = np.nan
    own = IsolationForest().knowing((learned.forests,))
    held = Windows(given.values.copy(), given.end, given.step, given.profiles)
    held.values[0, -2] = held.values[0, -5]
    assert own.detect_last(given).score[0] == own.detect_last(held).score[0]


def test_two_blobs_of_one_version_keep_their_forests_apart(learned: SeasonForests) -> None:
    given = windows(learned, [0, 3600])
    other = Forests.together([learned.forests])
    other.usual[:] = 0.9
    assert given.profiles is not None
    given.profiles[1, 0] = 1
    both = IsolationForest().knowing((learned.forests, other)).detect_last(given)
    one = judged(learned, windows(learned, [0, 3600]))
    assert both.score[0] == one.score[0] and both.score[1] != one.score[1]
