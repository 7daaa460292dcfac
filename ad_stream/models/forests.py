"""Isolation forests of many series as a blob: seasons and trees of those series that have any, 50 kB a series, 230 kB unpacked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.forest_fit import Forests
from ad_stream.detectors.isolation_forest import SeasonForests
from ad_stream.models import known, seasons
from ad_stream.models.known import KnownSeries, SeriesName

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = "npz/isolation_forest/1"
TREES = tuple(field.name for field in fields(Forests))


def encode(names: Sequence[SeriesName], found: SeasonForests) -> tuple[bytes, str]:
    """Names (m,) and what was learned of m series -> the blob of those that are known, and its SHA-256."""
    there: NDArray[np.int64] = np.flatnonzero(found.known)
    trees = {name: getattr(found.forests, name)[there] for name in TREES}
    return known.encode([names[one] for one in there.tolist()], **seasons.arrays_of(found.seasons, there), **trees)


@lru_cache(maxsize=64)
def decode(blob: bytes, sha256: str, label: str) -> KnownSeries:
    """What `encode` made; remembered, one version of all 64 buckets. InputError as in `known.decode`."""
    wanted = (*seasons.SMALL, *seasons.WHOLE, *seasons.SHARED, *TREES)
    names, arrays = known.decode(blob, sha256, label, wanted)
    forests = Forests(**{name: arrays[name] for name in TREES})
    rows = SeasonForests(seasons.seasons_of(arrays), forests).rows()
    return KnownSeries(label, dict(zip(names, rows, strict=True)), (forests,))
