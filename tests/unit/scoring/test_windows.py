from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from ad_stream.detectors import by_name
from ad_stream.incidents.alarms import mark_continuing
from ad_stream.model import LastPoint, Windows
from ad_stream.scoring.windows import judge


def test_each_cell_is_judged_from_its_own_window_only() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(5, 90))
    matrix[2, 20:40] = np.nan
    judged = rng.random(matrix.shape) < 0.3
    detector = by_name("default", points=40)
    rows, columns, verdict = judge(matrix, judged, detector)
    assert np.array_equal(np.stack([rows, columns], 1), np.argwhere(judged))
    for k in range(0, len(rows), 7):
        past = matrix[rows[k], max(0, columns[k] - 39) : columns[k] + 1]
        alone = detector.detect_last(Windows(past))
        for key in LastPoint.columns():
            one, other = getattr(alone, key)[()], getattr(verdict, key)[k]
            assert one == other or (one != one and other != other), key


def test_later_values_change_no_earlier_verdict() -> None:
    matrix = np.random.default_rng(1).normal(size=(2, 80))
    judged = np.zeros(matrix.shape, dtype=bool)
    judged[:, 50] = True
    changed = matrix.copy()
    changed[:, 51:] = 1e6
    detector = by_name("default", points=50)
    assert np.array_equal(judge(matrix, judged, detector)[2].score, judge(changed, judged, detector)[2].score)


def test_nothing_judged_gives_empty_columns() -> None:
    rows, columns, verdict = judge(np.zeros((3, 4)), np.zeros((3, 4), dtype=bool), by_name("default"))
    assert len(rows) == len(columns) == len(verdict.score) == len(verdict.reason) == 0


def test_matrix_and_judged_of_different_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="must have one shape"):
        judge(np.zeros((3, 4)), np.zeros((4, 3), dtype=bool), by_name("default"))


@pytest.mark.slow
@pytest.mark.parametrize(("series", "minutes"), [(20_000, 1), (1, 20_000)])
def test_extra_memory_is_bounded_by_the_chunk_not_by_the_cells(series: int, minutes: int) -> None:
    points = 200
    matrix = np.random.default_rng(0).normal(size=(series, points + minutes - 1))
    judged = np.zeros(matrix.shape, dtype=bool)
    judged[:, points - 1 :] = True
    detector = by_name("default", points=points)
    tracemalloc.start()
    judge(matrix, judged, detector)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    windows = series * minutes * points * 8
    answer = series * minutes * 120 * 3
    assert peak < 110 * 2**20 + answer < windows * 5


def test_a_flag_continues_the_alarm_of_its_own_series_within_the_refractory_minutes() -> None:
    series = np.array([0, 0, 0, 0, 1, 1])
    minutes = np.array([5, 16, 6, 30, 7, 8])
    flags = np.array([True, True, True, True, True, False])
    assert mark_continuing(series, minutes, flags, refractory=10).tolist() == [False, True, True, False, False, False]
    assert not mark_continuing(series, minutes, flags, refractory=0).any()


def test_flags_from_before_this_batch_are_continued_too() -> None:
    flags = np.array([True, True])
    earlier = (np.array([3, 4]), np.array([95, 80]))
    answer = mark_continuing(np.array([3, 4]), np.array([100, 100]), flags, refractory=10, earlier=earlier)
    assert answer.tolist() == [True, False]
