"""Rows -> places on a grid: the step that is given, or the own cadence of each series, months and wavering clocks included."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ad_stream.errors import InputError
from ad_stream.readings.cadence import cadence_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

MS = 10**6
"""Nanoseconds; finer cadences than this are taken as they are."""
USUAL_MS = 60_000


def placed(codes: Ints, nanoseconds: Ints, step: Any) -> tuple[Ints, int, Ints]:
    """Rows sorted by series and time -> (n,) place of each counted from the first of its series, nanoseconds from place to place
    (of several cadences the median), and (n,) those of each row's own series.

    A given step puts all series on one grid. InputError where two rows share a place of it, or have one time.
    """
    width = _width(codes, nanoseconds, step)
    if step is None and width >= MS and len(codes):
        cells, widths = _by_cadence(codes, nanoseconds)
    else:
        cells, widths = _on_grid(codes, nanoseconds, width), np.full(len(codes), width, dtype=np.int64)
    _refuse_shared(codes, cells, nanoseconds, width)
    return cells, width, widths


def _width(codes: Ints, nanoseconds: Ints, step: Any) -> int:
    if step is not None:
        return given_width(step)
    distances = np.diff(nanoseconds)[codes[1:] == codes[:-1]]
    distances = distances[distances > 0]
    return int(np.median(distances)) if len(distances) else 60 * 10**9


def given_width(step: Any) -> int:
    """A step as people write it -> nanoseconds; InputError for what is none."""
    if not isinstance(step, (str, timedelta, np.timedelta64)) and not hasattr(step, "nanos"):
        raise InputError(f"step is {step!r}, a number without a unit: write '{step}s' or '{step}min'")
    try:
        width = int(step.nanos) if hasattr(step, "nanos") else int(pd.Timedelta(step).value)
    except ValueError:
        raise InputError(f"step is {step!r}: write a distance of time such as '1min', '5min' or '1h'") from None
    if width <= 0:
        raise InputError(f"step is {step}, it must be longer than nothing, such as '1min'")
    return width


def _firsts(codes: Ints) -> Ints:
    return np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]]) if len(codes) else np.empty(0, dtype=np.int64)


def _on_grid(codes: Ints, nanoseconds: Ints, step: int) -> Ints:
    starts = _firsts(codes)
    origin = np.repeat(nanoseconds[starts], np.diff(np.r_[starts, len(codes)]))
    return np.asarray((nanoseconds - origin + step // 2) // step)


def _by_cadence(codes: Ints, nanoseconds: Ints) -> tuple[Ints, Ints]:
    """Each series on its own grid; rows that a wavering clock puts into one place take the next ones, in their order."""
    number = np.cumsum(np.r_[True, codes[1:] != codes[:-1]]) - 1
    ms = nanoseconds // MS
    cadence = cadence_of(number, ms, int(number[-1]) + 1, USUAL_MS)
    places = cadence.places(number, ms)
    starts = _firsts(codes)
    places = places - np.repeat(places[starts], np.diff(np.r_[starts, len(codes)]))
    return _apart(codes, places, nanoseconds), cadence.step[number] * MS


def _apart(codes: Ints, places: Ints, nanoseconds: Ints) -> Ints:
    """Places that rise from row to row of a series; rows of one time keep one place, for which they are refused."""
    later = np.r_[True, nanoseconds[1:] != nanoseconds[:-1]] | np.r_[True, codes[1:] != codes[:-1]]
    rank = np.cumsum(later)
    spread = codes.astype(np.int64) * 0
    starts = _firsts(codes)
    for begin, end in zip(starts, np.r_[starts[1:], len(codes)], strict=True):
        spread[begin:end] = np.maximum.accumulate(places[begin:end] - rank[begin:end]) + rank[begin:end]
    return spread


def _refuse_shared(codes: Ints, cells: Ints, nanoseconds: Ints, step: int) -> None:
    twice = np.flatnonzero((np.diff(cells) == 0) & (codes[1:] == codes[:-1]))
    if len(twice):
        when = pd.Timestamp(int(nanoseconds[twice[0] + 1]))
        raise InputError(
            f"{len(twice)} rows share a step of {pd.Timedelta(step)} with an earlier row of their device, the first at"
            f" {when}: aggregate them or give a smaller step"
        )
