from __future__ import annotations

import numpy as np
import pytest

from ad_stream.detectors import by_name
from ad_stream.detectors.kernels import gaps
from ad_stream.model import Windows
from tests.oracles.gaps import filled as oracle

NAN = np.nan


def fill(row: list[float], max_gap: int = 5, min_points: int = 3) -> gaps.Dense:
    return gaps.fill(np.array([row]), max_gap=max_gap, min_points=min_points)


def test_a_gap_inside_is_filled_with_the_line_between_its_neighbours() -> None:
    dense = fill([1, NAN, NAN, 4, 10, 11])
    assert dense.rows[0].tolist() == pytest.approx([1, 2, 3, 4, 10, 11])
    assert (dense.start[0], dense.imputed[0], dense.state[0]) == (0, 2, gaps.READY)


def test_a_gap_that_touches_the_judged_minute_repeats_the_value_before_it() -> None:
    dense = fill([1, 2, 3, NAN, NAN, 40])
    assert dense.rows[0].tolist() == [1, 2, 3, 3, 3, 40]


def test_a_gap_longer_than_max_gap_restarts_the_window() -> None:
    dense = fill([9, 9, NAN, NAN, NAN, 1, 2, NAN, 4], max_gap=2)
    assert (dense.start[0], dense.imputed[0], dense.state[0]) == (5, 1, gaps.READY)
    (index, rows), *others = dense.groups()
    assert index.tolist() == [0] and rows.tolist() == [[1, 2, 2, 4]] and not others


def test_leading_empty_minutes_are_cut_off_and_are_no_gap() -> None:
    dense = fill([NAN] * 4 + [1, 2, 3], max_gap=2)
    assert (dense.start[0], dense.imputed[0], dense.state[0]) == (4, 0, gaps.READY)


@pytest.mark.parametrize(
    ("row", "state"),
    [
        ([1, 2, 3, NAN], gaps.NO_VALUE),
        ([1, 2, 3, np.inf], gaps.NOT_FINITE),
        ([NAN, NAN, 1, 2], gaps.FEW_POINTS),
        ([1, 2, 3, NAN, NAN, 4], gaps.LONG_GAP),
        ([NAN] * 4, gaps.NO_VALUE),
    ],
)
def test_what_cannot_be_judged_says_why(row: list[float], state: int) -> None:
    assert fill(row, max_gap=1).state.tolist() == [state]


def test_filled_values_do_not_count_towards_min_points() -> None:
    assert fill([1, NAN, 3, NAN, 5], min_points=4).state.tolist() == [gaps.FEW_POINTS]


def test_an_infinite_value_in_the_history_counts_as_empty() -> None:
    assert fill([1, 2, np.inf, 4, 5]).rows[0].tolist() == [1, 2, 3, 4, 5]


def test_a_line_between_the_largest_doubles_does_not_overflow() -> None:
    assert fill([1.7e308, NAN, -1.7e308, 1, 2]).rows[0, 1] == 0.0


def test_rows_of_one_batch_are_grouped_by_usable_length_and_keep_their_numbers() -> None:
    rows = np.arange(24.0).reshape(4, 6) ** 2
    rows[1, :2] = NAN
    rows[3, :2] = NAN
    groups = {rows.shape[1]: index.tolist() for index, rows in gaps.fill(rows, max_gap=5, min_points=3).groups()}
    assert groups == {6: [0, 2], 4: [1, 3]}


def test_a_spike_behind_a_gap_is_still_found() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(200, 120))
    rows[:, -4:-1] = NAN
    rows[:, -1] = 8.0
    verdict = by_name("default").detect_last(Windows(rows))
    assert verdict.is_positive.mean() > 0.98 and (verdict.imputed == 3).all() and (verdict.points == 120).all()


@pytest.mark.parametrize("seed", range(20))
def test_rows_with_holes_of_every_kind_are_as_a_slow_reading_of_the_rules_has_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(60, 40))
    rows[rng.random(rows.shape) < rng.random((60, 1))] = NAN
    rows[rng.random(60) < 0.4, : rng.integers(0, 39)] = NAN
    rows[:, -1] = rng.normal(size=60)
    rows[rng.random(60) < 0.1, 20] = np.inf
    dense = gaps.fill(rows, max_gap=seed % 7, min_points=1)
    for row, start, imputed, values in zip(rows, dense.start, dense.imputed, dense.rows, strict=True):
        assert (start, values[start:].tolist(), imputed) == oracle(row.tolist(), seed % 7)
