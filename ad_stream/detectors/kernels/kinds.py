"""What a series is, from its window alone: a gauge (a level), a counter (a total that rises) or a state (a code that is held).

    counter  60 readings or more, none below 0; it falls only where it begins anew (to a tenth of what it was, or less), at
             most once in 20 rises; it rises at every third reading at least, and not along a straight line: two steps
             in a row differ at every sixth reading at least, which filled gaps do not do
    state    60 readings or more of at most 6 different whole numbers, 0 among them where they are only 2; 6 stays or more
             with a beginning and an end, half of them 5 readings long or longer; and of more than 2 numbers, at least one
             change passes over one of them, which a level that is rounded does not do

Everything else is a gauge. Both rules rather miss than mistake: whoever knows better says `kind:`. Only the window is
looked at: the same window is the same kind anywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ad_stream.model import COUNTER, GAUGE, STATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]

FEWEST = 60
RESET, RISES_A_RESET, RISING, BENDING = 0.1, 20, 1 / 3, 1 / 6
ROUNDING = 1e-9
"""Of the larger of two steps; below it they are equal."""
MOST_STATES, FEWEST_STAYS, SHORTEST_STAY = 6, 6, 5
LOOK = 64
"""Columns at the end that tell most gauges without looking at all of the window."""


def kinds_of(values: Floats) -> NDArray[np.object_]:
    """(m, n), NaN = no reading -> (m,) of GAUGE, COUNTER or STATE."""
    found = np.full(len(values), GAUGE, dtype=object)
    maybe = _candidates(values)
    if len(maybe):
        rows, columns = np.nonzero(~np.isnan(values[maybe]))
        series = values[maybe][rows, columns]
        found[maybe[_counters(rows, series, len(maybe))]] = COUNTER
        found[maybe[_states(rows, series, len(maybe))]] = STATE
    return found


def _candidates(values: Floats) -> Ints:
    """Rows that hardly ever fall, or hardly ever move, in their last columns."""
    near = values[:, -LOOK:]
    with np.errstate(all="ignore"):
        steps = near[:, 1:] - near[:, :-1]
        falls, rises = (steps < 0).sum(axis=1), (steps > 0).sum(axis=1)
    few = LOOK // SHORTEST_STAY
    rising = (falls <= LOOK // RISES_A_RESET) & (rises > 0)
    return np.flatnonzero(rising | (falls + rises <= few))


def _sums(rows: Ints, what: Bools, count: int) -> Ints:
    return np.bincount(rows[what], minlength=count)


def _counters(rows: Ints, series: Floats, count: int) -> Bools:
    """Readings (k,) with the rows they are of, in order -> (count,)."""
    readings = np.bincount(rows, minlength=count)
    same = rows[1:] == rows[:-1]
    before, after, row = series[:-1], series[1:], rows[1:]
    falls, rises = same & (after < before), same & (after > before)
    wrong = _sums(rows, ~(np.isfinite(series) & (series >= 0)), count)
    wrong += _sums(row, falls & (after > RESET * before), count)
    resets, risen = _sums(row, falls, count), _sums(row, rises, count)
    step = np.where(same, after - before, 0.0)
    bends = same[1:] & same[:-1] & (np.abs(step[1:] - step[:-1]) > ROUNDING * np.maximum(step[1:], step[:-1]))
    bent = _sums(row[1:], bends, count) >= BENDING * readings
    rising = (risen >= RISING * readings) & (resets * RISES_A_RESET <= risen)
    return np.asarray((readings >= FEWEST) & (wrong == 0) & rising & bent)


def _states(rows: Ints, series: Floats, count: int) -> Bools:
    """Likewise."""
    whole = _sums(rows, np.isfinite(series) & (np.rint(series) == series), count)
    readings = np.bincount(rows, minlength=count)
    first = np.append(True, (rows[1:] != rows[:-1]) | (series[1:] != series[:-1]))
    starts = np.flatnonzero(first)
    length = np.diff(np.append(starts, len(rows)))
    row, value = rows[starts], series[starts]
    inner = np.append(False, row[1:] == row[:-1]) & np.append(row[1:] == row[:-1], False)
    stays, long = _sums(row, inner, count), _sums(row, inner & (length >= SHORTEST_STAY), count)
    fits = (readings >= FEWEST) & (whole == readings) & (stays >= FEWEST_STAYS) & (2 * long >= stays)
    for place in np.flatnonzero(fits):
        fits[place] = _are_codes(value[row == place])
    return np.asarray(fits)


def _are_codes(stays: Floats) -> bool:
    """(k,) the values of the stays of one row, in order: few, and no rounded level."""
    levels, codes = np.unique(stays, return_inverse=True)
    if len(levels) > MOST_STATES:
        return False
    return bool(levels[0] == 0) if len(levels) == 2 else bool((np.abs(np.diff(codes)) > 1).any())
