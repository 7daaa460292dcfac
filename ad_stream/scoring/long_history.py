"""Slow series are judged from as many readings as others, over whatever span: their windows reach back to `detection.history`.

A series that is read in most windows needs no more than `points` of them. One that reports hourly has 25 readings in the
1,501 minutes of the default, so what was read before counts, too, as far back as `detection.history`; not, however, what was
read in hours in which the series came in more than four of five windows: history keeps only its newest `points` windows of
those (`pipeline.steps.history`), and a verdict rests on the same readings whoever gives it.

    window of a slow series  the newest `points` of: its readings in the last `points` windows, and its earlier ones, no
                             further back than `history`, of hours that are not crowded

Whether it is slow, those readings tell (`detectors.kernels.cadence`); where it is not, the window is the last `points` columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.kernels.cadence import LOOK, SLOW, moved_together
from ad_stream.grid import HOUR, most_of_an_hour

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats, OwnCadence

    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class LongHistory:
    """LongHistory of the series that may be slow, sorted by series and step, each (k,).

    rows     row of the series in the matrix they belong to
    columns  place in it; of what was before it, negative
    steps    windows since 1970, or since any other start: only distances count
    crowded  read in an hour in which the series came in more than four of five windows
    reach    how many windows back they count
    """

    rows: Ints
    columns: Ints
    steps: Ints
    values: Floats
    crowded: Bools
    reach: int

    def of(self, rows: Ints) -> LongHistory:
        """That of some rows (ascending), renumbered."""
        some = self._where(np.isin(self.rows, rows))
        return replace(some, rows=np.searchsorted(rows, some.rows))

    def of_seldom(self, matrix: Floats, judged: Bools) -> LongHistory:
        """That of the rows of the matrix that may be slow."""
        return self._where(seldom_read(matrix, judged)[self.rows])

    def _where(self, chosen: Bools) -> LongHistory:
        names = ("rows", "columns", "steps", "values", "crowded")
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})

    def places(self, rows: Ints, columns: Ints) -> Ints:
        """Cells (m,) of the matrix -> which reading each is, -1 for what is none."""
        if not len(self.rows):
            return np.full(len(rows), -1, dtype=np.int64)
        low = min(int(self.columns.min()), 0)
        width = max(int(self.columns.max()), int(columns.max(initial=0))) - low + 1
        own, wanted = self.rows * width + self.columns - low, rows * width + columns - low
        at = np.minimum(np.searchsorted(own, wanted), len(own) - 1)
        return np.where(own[at] == wanted, at, -1)


def crowded(rows: Ints, hours: Ints, per_hour: float) -> Bools:
    """LongHistory (k,) sorted by series and time, the hour of each -> whether its series came in more than four of five windows of it.

    per_hour: windows of an hour; where it has fewer than a dozen, no hour is crowded.
    """
    most = most_of_an_hour(per_hour)
    if most is None or not len(rows):
        return np.zeros(len(rows), dtype=np.bool_)
    starts = np.flatnonzero(np.r_[True, (rows[1:] != rows[:-1]) | (hours[1:] != hours[:-1])])
    counts = np.diff(np.r_[starts, len(rows)])
    return np.repeat(counts > most, counts)


def hours_of(steps: Ints, seconds: int) -> Ints:
    """The hours since 1970 in which windows of so many seconds begin."""
    return np.asarray(steps * seconds // HOUR)


def seldom_read(matrix: Floats, judged: Bools) -> Bools:
    """(series, time) twice -> (series,): whether a judged value has so few readings just before it that its series may be slow."""
    rows, columns = np.nonzero(judged)
    out = np.zeros(len(matrix), dtype=np.bool_)
    if len(rows):
        first = max(0, int(columns.min()) - LOOK + 1)
        present = ~np.isnan(matrix[:, first:])
        total = np.concatenate(
            [np.zeros((len(matrix), 1), dtype=np.int32), present.cumsum(axis=1, dtype=np.int32)], axis=1
        )
        near = total[rows, columns - first + 1] - total[rows, np.maximum(columns - first + 1 - LOOK, 0)]
        out[rows[present[rows, columns - first] & (near * SLOW < LOOK)]] = True
    return out


def windows_of(readings: LongHistory, at: Ints, points: int) -> tuple[Floats, OwnCadence]:
    """The windows (m, points) of the readings `at` (m,), slow series moved together."""
    rows, steps, reach = readings.rows, readings.steps, readings.reach
    span = int(steps.max() - steps.min()) + max(reach, points) + 1
    key = rows * span + steps - steps.min()  # ascending; series are further apart than any window reaches
    base = np.searchsorted(key, key[at] - points, side="right")
    sparse = np.flatnonzero(~readings.crowded)
    low, high = (np.searchsorted(key[sparse], key[at] - back, side="right") for back in (reach, points))
    inside = at - base + 1
    count = inside + np.clip(points - inside, 0, high - low)
    back = np.arange(int(count.max()))[::-1]
    row, place = np.nonzero(back < count[:, None])
    steps_back = back[place] - inside[row]  # from 0 on: among the earlier ones
    chosen = at[row] - back[place]
    earlier = steps_back >= 0
    chosen[earlier] = sparse[high[row[earlier]] - 1 - steps_back[earlier]]
    near = at - np.searchsorted(key, key[at] - LOOK, side="right") + 1
    values, own = moved_together(row, steps[chosen], readings.values[chosen], near * SLOW < LOOK, points)
    return values, replace(own, reach=reach)
