"""How far apart the readings of each device are, and which place on its own grid each one takes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools

    Ints = NDArray[np.int64]

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
DAY_MS = 86_400_000
USUAL = 1000 * np.array(
    [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400]
)
"""Steps that people set, ms."""
_CALENDAR = {1: (28, 31), 3: (89, 92), 12: (365, 366)}
"""Months of a calendar step -> its days, at least and at most."""


@dataclass(frozen=True)
class Cadence:
    """The grid of each device.

    first   (devices,) its first time, ms since 1970 UTC
    step    (devices,) its median step, ms
    months  (devices,) the step in calendar months, 0 where it is none
    jitter  (devices,) whether its clock wavers, so that a reading belongs to the step that it falls into, not to the nearest
    """

    first: Ints
    step: Ints
    months: Ints
    jitter: Bools

    def places(self, codes: Ints, ms: Ints) -> Ints:
        """(rows,) device and time -> how many steps after the device's first time."""
        since, step = ms - self.first[codes], self.step[codes]
        even = np.where(self.jitter[codes], since // step, np.rint(since / step).astype(np.int64))
        months = self.months[codes]
        if not months.any():
            return even
        counted = (_month(ms) - _month(self.first[codes])) // np.maximum(months, 1)
        return np.where(months > 0, counted, even)


def cadence_of(codes: Ints, ms: Ints, devices: int, usual: int) -> Cadence:
    """codes, ms (rows,) in any order; usual: step in ms of a device with one time where no other device tells.

    A device with one time takes the median step of the others.
    """
    table = pd.DataFrame({"code": codes, "ms": ms}).drop_duplicates().sort_values(["code", "ms"])
    gaps = table.groupby("code")["ms"].diff()
    step = gaps.groupby(table["code"]).median().reindex(range(devices))
    step = step.fillna(step.median() if step.notna().any() else usual)
    first = table.groupby("code")["ms"].min().reindex(range(devices))
    widths, begins = step.clip(lower=1).round().to_numpy(np.int64), first.to_numpy(np.int64)
    plain = Cadence(begins, widths, _months(table, widths, devices), np.zeros(devices, dtype=np.bool_))
    return _steadied(plain, table)


def _steadied(plain: Cadence, table: pd.DataFrame) -> Cadence:
    """Where two readings would share a place of the median step, a usual step near it that parts them, if there is one."""
    codes, ms = table["code"].to_numpy(), table["ms"].to_numpy()
    placed = pd.DataFrame({"code": codes, "place": plain.places(codes, ms)})
    crowded = placed.loc[placed.duplicated(), "code"].value_counts()
    first, step, jitter = plain.first.copy(), plain.step.copy(), plain.jitter.copy()
    for code, shared in crowded.items():
        own = ms[codes == code]
        near = USUAL[(0.7 * step[code] <= USUAL) & (1.4 * step[code] >= USUAL)]
        left = [len(own) - len(np.unique(own // width)) for width in near]
        if left and min(left) < shared:
            width = int(near[int(np.argmin(left))])
            first[code], step[code], jitter[code] = own.min() // width * width, width, True
    return Cadence(first, step, plain.months, jitter)


def at_place(first: int, step: int, months: int, place: int) -> datetime:
    """The time that a device's place stands for."""
    begin = EPOCH + timedelta(milliseconds=first)
    if not months:
        return begin + timedelta(milliseconds=step * place)
    year, month = divmod(begin.year * 12 + begin.month - 1 + months * place, 12)
    last = (datetime(year + (month == 11), (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return begin.replace(year=year, month=month + 1, day=min(begin.day, last))


def _months(table: pd.DataFrame, step: Ints, devices: int) -> Ints:
    """A calendar's step: about as long as one, and on the same day of the month (or its last) throughout."""
    out = np.zeros(devices, dtype=np.int64)
    for months, (least, most) in _CALENDAR.items():
        for code in np.flatnonzero((step >= least * DAY_MS) & (step <= most * DAY_MS)):
            at = pd.DatetimeIndex(table.loc[table["code"] == code, "ms"].to_numpy().astype("datetime64[ms]"))
            same = len(set(at.day)) == 1 or bool(at.is_month_end.all())
            steps = np.diff(at.year.to_numpy() * 12 + at.month.to_numpy())
            if len(at) > 2 and same and (steps % months == 0).all() and (steps > 0).all():
                out[code] = months
    return out


def _month(ms: Ints) -> Ints:
    return ms.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
