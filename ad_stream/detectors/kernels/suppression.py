"""Which flags are held back: too small a deviation, or on the side that nobody asked about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats


def held_back(
    flagged: Bools,
    difference: Floats,
    expected: Floats,
    *,
    stuck: Bools,
    direction: str | NDArray[np.object_],
    min_deviation: float | Floats,
    min_relative_deviation: float | Floats,
) -> NDArray[np.object_]:
    """All (m,) or one for all -> (m,): 'direction', 'small_deviation' or '' where the flag stays or there is none.

    difference is value - expected, in the unit of the data as `expected` and `min_deviation` are. A stuck value has no
    distance and no side, so nothing holds it back.
    """
    size = np.abs(difference)
    small = (size < min_deviation) | (size < min_relative_deviation * np.abs(expected))
    wrong_side = ((difference > 0) & (direction == "down")) | ((difference < 0) & (direction == "up"))
    candidates = flagged & ~stuck
    return np.where(candidates & wrong_side, "direction", np.where(candidates & small, "small_deviation", "")).astype(
        object
    )
