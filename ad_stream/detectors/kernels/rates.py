"""The rate of a counter: what it rose by since the reading before, per window.

    rate  r_i = (x_i - b_i) / (t_i - t_(i-1)),   b_i = x_(i-1), or 0 where x_i < x_(i-1): it began anew, and all it shows was
          counted since

A reading that was missed leaves a hole; the rise over it is spread over its windows. The first reading has no rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats


@dataclass(frozen=True)
class CounterRates:
    """rate (m, n), unit of the values per window, NaN where there is none; of the last reading base (m,), what it is counted
    from, and columns (m,), over how many windows."""

    rate: Floats
    base: Floats
    columns: Floats


def rates(values: Floats, at: NDArray[np.int64] | None = None) -> CounterRates:
    """(m, n), NaN = no reading, and the window that each was read in, by default its column; a reading that is not finite stays
    what it is, and nothing is counted from it."""
    count, length = values.shape
    finite = np.isfinite(values)
    place = np.where(finite, np.arange(length), -1)
    seen = np.maximum.accumulate(place, axis=1)
    before = np.concatenate([np.full((count, 1), -1), seen[:, :-1]], axis=1)
    known = before >= 0
    earlier = np.where(known, np.take_along_axis(values, np.maximum(before, 0), axis=1), np.nan)
    at = np.broadcast_to(np.arange(length), values.shape) if at is None else at
    then = np.take_along_axis(at, np.maximum(before, 0), axis=1)
    columns = np.where(known & finite, at - then, 1).astype(np.float64)
    with np.errstate(all="ignore"):
        base = np.where(values < earlier, 0.0, earlier)
        rate = np.where(finite, (values - base) / columns, values)
    return CounterRates(rate, base[:, -1], columns[:, -1])
