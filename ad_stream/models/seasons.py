"""Seasons of many series as a blob: every number of `detectors.season_fit.Seasons`, of those series that have any.

As float32, 0.3 kB a series, and one copy of the times of the hinges and of the holidays for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.detectors.season_fit import Seasons
from ad_stream.models import known
from ad_stream.models.known import KnownSeries, SeriesName

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = "npz/seasonal/1"
SMALL = ("level", "slope", "terms", "holiday", "hinges", "sigma", "error", "floor", "tail")
"""Kept as float32; the times need more."""
WHOLE = ("end", "useful")
SHARED = ("hinge_times", "holidays")


def encode(names: Sequence[SeriesName], seasons: Seasons) -> tuple[bytes, str]:
    """Names (m,) and seasons of m series -> the blob of those that are known, and its SHA-256."""
    there = np.flatnonzero(seasons.known)
    return known.encode([names[one] for one in there.tolist()], **arrays_of(seasons, there))


def arrays_of(seasons: Seasons, there: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Those of some series (k,)."""
    small = {name: getattr(seasons, name)[there].astype("<f4") for name in SMALL}
    whole = {name: getattr(seasons, name)[there] for name in WHOLE}
    return small | whole | {name: np.tile(getattr(seasons, name), (len(there), 1)) for name in SHARED}


def seasons_of(arrays: dict[str, NDArray[Any]]) -> Seasons:
    """What `arrays_of` gave."""
    numbers = {name: arrays[name].astype(np.float64) for name in (*SMALL, "end")}
    shared = {name: arrays[name][0] if len(arrays[name]) else np.zeros(arrays[name].shape[1]) for name in SHARED}
    return Seasons(**numbers, **shared, useful=arrays["useful"])


def read(blob: bytes, sha256: str, label: str) -> tuple[list[SeriesName], Seasons]:
    """What `encode` made, for its forecasts and changepoints; InputError as in `known.decode`."""
    names, arrays = known.decode(blob, sha256, label, (*SMALL, *WHOLE, *SHARED))
    return names, seasons_of(arrays)


@lru_cache(maxsize=256)
def decode(blob: bytes, sha256: str, label: str) -> KnownSeries:
    """The same as what the detector `seasonal` asks for: series whose season helped, or that have a tail. Remembered."""
    names, seasons = read(blob, sha256, label)
    rows = seasons.rows()
    return KnownSeries(label, {names[one]: rows[one] for one in np.flatnonzero(np.isfinite(rows[:, 0]))})
