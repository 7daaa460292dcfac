"""What the other files of this folder share: held values, moving averages, and how long signals have been absent.

Arrays are (m, d, n): devices, signals of a device, time. Everything is a recursion over time with a state before the
first column, so that a stretch judged in pieces gives what it gives as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from scipy.signal import lfilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]


Number = TypeVar("Number", bound=np.generic)


def average(values: Floats, weight: float, before: Floats) -> Floats:
    """(..., n), the average before the first column (...) -> (..., n): y_t = (1 - weight) y_(t-1) + weight x_t."""
    start = ((1.0 - weight) * before)[..., None]
    return np.asarray(lfilter([weight], [1.0, weight - 1.0], values, axis=-1, zi=start)[0])


def lagged(values: NDArray[Number], before: NDArray[Number]) -> NDArray[Number]:
    """(..., n), (...) -> (..., n): each column holds the one before it, the first one `before`."""
    return np.concatenate([before[..., None], values[..., :-1]], axis=-1)


def hold(values: Floats, before: Floats) -> Floats:
    """(..., n) with NaN, the value before (...) -> (..., n): the last value stands where there is none."""
    index = np.where(np.isnan(values), -1, np.arange(values.shape[-1]))
    index = np.maximum.accumulate(index, axis=-1)
    held = np.take_along_axis(values, np.maximum(index, 0), axis=-1)
    return np.where(index < 0, before[..., None], held)


def absent_for(present: Bools, before: Ints) -> Ints:
    """(..., n), rows since the last value before the first column (...) -> (..., n): 0 where a value is present."""
    places = np.arange(present.shape[-1])
    last = np.maximum.accumulate(np.where(present, places, -1), axis=-1)
    return np.asarray(np.where(last < 0, before[..., None] + places + 1, places - last))
