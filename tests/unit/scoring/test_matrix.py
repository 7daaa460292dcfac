"""Rows and packed minutes as matrices: every row judged once, with all of its past and nothing of its future."""

from __future__ import annotations

import numpy as np
import pytest

from ad_stream.scoring.matrix import Packed, Piece, Rows, pieces

POINTS = 7
NOTHING = Packed(np.empty(0, dtype=np.int64), [], [])


def drawn(seed: int, *, holes: bool = True) -> dict[tuple[int, int], float]:
    """(series, minute) -> value, series of different length with gaps and a hole longer than a window."""
    rng = np.random.default_rng(seed)
    names = rng.integers(-(2**62), 2**62, size=5)
    found = {}
    for name in names:
        for minute in range(int(rng.integers(0, 6)), 60):
            if rng.random() < 0.8 and not (holes and 25 <= minute < 40):
                found[int(name), 1000 + minute] = float(rng.normal())
    return found


def split(cells: dict[tuple[int, int], float], since: int) -> tuple[Rows, Packed]:
    """Rows from `since` on in random order, everything before packed minute by minute."""
    rows = [(name, minute, value) for (name, minute), value in cells.items() if minute >= since]
    rows = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    names, minutes, values = (np.array([row[k] for row in rows]) for k in range(3))
    before = sorted({minute for _, minute in cells if minute < since})
    packed = [sorted((name, value) for (name, at), value in cells.items() if at == minute) for minute in before]
    ids = [np.array([name for name, _ in pairs]) for pairs in packed]
    return Rows(names, minutes, values), Packed(
        np.array(before, dtype=np.int64), ids, [np.array([v for _, v in p]) for p in packed]
    )


def windows(rows: Rows, past: Packed, most: int) -> dict[tuple[int, int], list[float]]:
    """(series, minute) of each judged cell -> its window; fails where one is judged twice."""
    series = np.unique(rows.ids)
    out: dict[tuple[int, int], list[float]] = {}
    for piece in pieces(rows, past, POINTS, cells=most):
        for row, column in zip(*np.nonzero(piece.judged), strict=True):
            key = int(series[row]), int(piece.first + column)
            assert key not in out
            at = piece.row_of[row, column]
            assert (int(rows.ids[at]), int(rows.steps[at])) == key
            assert column >= POINTS - 1
            out[key] = piece.matrix[row, column - POINTS + 1 : column + 1].tolist()
    return out


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("since", [1000, 1013, 1045])
@pytest.mark.parametrize("most", [1, 40, 10**9])
def test_each_row_is_judged_once_over_exactly_its_own_past(seed: int, since: int, most: int) -> None:
    cells = drawn(seed)
    found = windows(*split(cells, since), most)
    assert set(found) == {key for key in cells if key[1] >= since}
    for (name, minute), window in found.items():
        wanted = [cells.get((name, minute - POINTS + 1 + k), np.nan) for k in range(POINTS)]
        np.testing.assert_array_equal(window, wanted)


def test_a_long_hole_starts_a_new_piece_and_memory_stays_small() -> None:
    rows = Rows(np.array([1, 1]), np.array([0, 10_000_000]), np.array([1.0, 2.0]))
    found: list[Piece] = list(pieces(rows, NOTHING, POINTS))
    assert [piece.matrix.shape for piece in found] == [(1, POINTS)] * 2


def test_series_that_are_only_in_the_past_are_left_out_and_no_rows_give_no_pieces() -> None:
    past = Packed(np.array([3]), [np.array([1, 5, 9])], [np.array([1.0, 5.0, 9.0])])
    piece = next(pieces(Rows(np.array([5]), np.array([4]), np.array([6.0])), past, POINTS))
    assert piece.matrix.shape[0] == 1 and piece.matrix[0, -2:].tolist() == [5.0, 6.0]
    none = Rows(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0))
    assert list(pieces(none, past, POINTS)) == []


def test_a_row_wins_over_what_the_past_holds_for_its_minute() -> None:
    past = Packed(np.array([4]), [np.array([5])], [np.array([1.0])])
    piece = next(pieces(Rows(np.array([5]), np.array([4]), np.array([6.0])), past, POINTS))
    assert piece.matrix[0, -1] == 6.0


def test_a_window_that_the_history_holds_twice_changes_nothing() -> None:
    ids, values = [np.array([1, 5]), np.array([5, 9])], [np.array([1.0, 5.0]), np.array([6.0, 9.0])]
    once = Packed(np.array([2, 3]), ids, values)
    twice = Packed(np.array([2, 3, 2, 3]), ids * 2, values * 2)
    rows = Rows(np.array([1, 5, 9]), np.array([4, 4, 4]), np.array([2.0, 7.0, 8.0]))
    for one, other in zip(pieces(rows, once, POINTS), pieces(rows, twice, POINTS), strict=True):
        np.testing.assert_array_equal(one.matrix, other.matrix)
