"""How long a state has lasted, and how long it usually lasts: the stays of a window.

A stay runs from the reading with which a state begins to the one with which the next begins: between readings the last one
holds, as it does for devices that report on change. Where the same state is read on both sides of a gap longer than
`max_gap` readings nobody knows what was between: the stay before it has no end, and the one behind it no beginning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.kernels.cadence import cadence_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Stays:
    """Of each row whose last column is a reading, each (m,); lengths in windows.

    lasted     of the stay at the end, the last column included
    whole      stays that have a beginning and an end
    same       those of the present state; longest: the longest of them, 0 without one
    fresh      the state began with the last reading
    known      the present state was read before this stay
    left       length of the stay that the last reading ended, 0 where it ended none that is whole
    left_same  other whole stays of the state that was left, left_shortest: the shortest of them
    """

    lasted: Ints
    whole: Ints
    same: Ints
    longest: Ints
    fresh: Bools
    known: Bools
    left: Ints
    left_same: Ints
    left_shortest: Ints


def stays(values: Floats, at: Ints | None = None, *, max_gap: int) -> Stays:
    """(m, n), NaN = no reading, the last column read, and the window that each was read in, the last one 0, by default its
    column -> Stays."""
    at = np.broadcast_to(np.arange(1 - values.shape[1], 1), values.shape) if at is None else at
    length = int(1 - at.min())
    row, begin, value, changed = _begins(values, at, max_gap)
    last = np.append(row[1:] != row[:-1], True)
    width = np.where(last, 1, np.append(begin[1:], 0)) - begin
    whole = changed & ~last & np.append(changed[1:], False)
    final = np.flatnonzero(last)  # of each row the stay at its end
    before = np.maximum(final - 1, 0)
    left = whole[before] & (row[before] == row[final])
    same = value == value[final][row]
    mine = whole & same
    peer = whole & (value == value[before][row]) & (np.arange(len(row)) != before[row])
    return Stays(
        lasted=width[final],
        whole=_sums(row[whole], len(final)),
        same=_sums(row[mine], len(final)),
        longest=_extremes(np.maximum, row[mine], width[mine], len(final), 0),
        fresh=changed[final] & (width[final] == 1),
        known=_sums(row[same & ~last], len(final)) > 0,
        left=np.where(left, width[before], 0),
        left_same=_sums(row[peer], len(final)),
        left_shortest=_extremes(np.minimum, row[peer], width[peer], len(final), length),
    )


def _begins(values: Floats, at: Ints, max_gap: int) -> tuple[Ints, Ints, Floats, Bools]:
    """Of each stay, row by row: its row, its first window, its state, and whether it began with a change of state."""
    rows, columns = np.nonzero(np.isfinite(values))
    series, windows = values[rows, columns], at[rows, columns]
    cadence = cadence_of(rows, windows, len(values))
    follows = np.append(False, rows[1:] == rows[:-1])
    changed = follows & np.append(False, series[1:] != series[:-1])
    wide = np.append(0, np.diff(windows)) > (max_gap + 1) * cadence[rows]
    starts = np.flatnonzero(~follows | changed | wide)
    return rows[starts], windows[starts], series[starts], changed[starts]


def _sums(rows: Ints, count: int) -> Ints:
    return np.bincount(rows, minlength=count)


def _extremes(which: np.ufunc, rows: Ints, widths: Ints, count: int, without: int) -> Ints:
    """(count,) the greatest or least width of each row, `without` where it has none."""
    found = np.full(count, without, dtype=np.int64)
    which.at(found, rows, widths)
    return found
