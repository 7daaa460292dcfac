"""Timestamps to places on the grid that the granularity spans, checked in the order of the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.azure.options import MAX_POINTS, MIN_POINTS, ServiceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]
    Times = NDArray[np.datetime64]

LARGEST_VALUE = 1e100
MICROSECONDS = {
    "weekly": 7 * 86_400_000_000,
    "daily": 86_400_000_000,
    "hourly": 3_600_000_000,
    "minutely": 60_000_000,
    "secondly": 1_000_000,
    "microsecond": 1_000,
}
"""Length of a step. "microsecond" is a thousandth of a second: that is what the service took it for."""

LONGEST_STEP = 2**62
"""Microseconds; longer than all time, and the largest intervals would not fit 64 bits."""

MONTHS = {"monthly": 1, "yearly": 12}


def check_values(values: Floats) -> None:
    """12 to 8640 numbers, none beyond 1e100; raises ServiceError."""
    if len(values) < MIN_POINTS:
        raise ServiceError(
            "InvalidSeries",
            f"The 'series' field must have at least {MIN_POINTS} points, but it has {len(values)}; send more history.",
        )
    if len(values) > MAX_POINTS:
        raise ServiceError(
            "InvalidSeries",
            f"The 'series' field must have at most {MAX_POINTS} points, but it has {len(values)}; "
            "send fewer or use a coarser granularity.",
        )
    large = np.abs(values) > LARGEST_VALUE
    if large.any():
        raise ServiceError(
            "InvalidSeries",
            f"The 'value' at index {int(np.argmax(large))} is larger than {LARGEST_VALUE:g} in size; scale the series.",
        )
    missing = np.isnan(values)
    if missing.any():
        raise ServiceError(
            "BadArgument",
            f"The 'value' at index {int(np.argmax(missing))} is not a number; leave such points out of the series.",
        )


def grid_indices(times: Times, *, granularity: str, interval: int) -> Ints:
    """(n,) datetime64 -> (n,) steps since the first one, ascending from 0; raises ServiceError off the grid."""
    _check_order(times)
    micros = times.astype("datetime64[us]")
    if granularity in MONTHS:
        steps, off = _months(micros)
        size = MONTHS[granularity] * interval
    else:
        steps = (micros - micros[0]).astype(np.int64)
        size = min(MICROSECONDS[granularity] * interval, LONGEST_STEP)
        if granularity == "microsecond":
            steps = steps // 1_000 * 1_000
        off = np.zeros(len(steps), dtype=np.bool_)
    off |= steps % size != 0
    if off.any():
        raise ServiceError(
            "InvalidSeries",
            f"The 'timestamp' at index {int(np.argmax(off))} is invalid in {granularity} granularity "
            f"with {interval} gran as interval.",
        )
    return np.asarray(steps // size)


def _check_order(times: Times) -> None:
    steps = np.diff(times).astype(np.int64)
    if (steps > 0).all():
        return
    index = int(np.argmax(steps <= 0)) + 1
    if steps[index - 1] < 0:
        raise ServiceError(
            "InvalidSeries",
            f"The 'series' field must be sorted by timestamp in ascending order, but index {index} is earlier than "
            "the one before it.",
        )
    raise ServiceError(
        "InvalidSeries",
        f"The 'series' field must not repeat a timestamp, but index {index} equals the one before it.",
    )


def _months(times: Times) -> tuple[Ints, Bools]:
    """Whole months since the first time; and where the day of the month does not fit.

    The last day of a month fits the last day of any other, and a shorter month's last day fits a later day.
    """
    month = times.astype("datetime64[M]")
    day = (times.astype("datetime64[D]") - month).astype(np.int64)
    length = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
    last = day == length - 1
    fits = (
        (day == day[0])
        | (last & last[0])
        | (last & (length != length[0]) & (day[0] > day))
        | (last[0] & (length != length[0]) & (day > day[0]))
    )
    steps = (month - month[0]).astype(np.int64)
    return steps, ~fits | ((steps == 0) & (day != day[0]))
