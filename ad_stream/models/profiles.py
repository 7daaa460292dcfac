"""Profiles of many series as a blob: `tail` (float32) and `hours` (uint32) of those that are known."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.models import known
from ad_stream.models.known import KnownSeries, SeriesName

if TYPE_CHECKING:
    from ad_stream.detectors.profile import Profiles

FORMAT = "npz/profile/1"


def encode(names: Sequence[SeriesName], profiles: Profiles) -> tuple[bytes, str]:
    """Names (m,) and profiles of m series -> the blob of those that are known, and its SHA-256."""
    there = np.flatnonzero(np.isfinite(profiles.tail))
    return known.encode(
        [names[one] for one in there.tolist()], tail=profiles.tail[there].astype("<f4"), hours=profiles.hours[there].astype("<u4")
    )  # fmt: skip


@lru_cache(maxsize=256)
def decode(blob: bytes, sha256: str, label: str) -> KnownSeries:
    """What `encode` made; remembered, so that a worker reads each version once. InputError as in `known.decode`."""
    names, arrays = known.decode(blob, sha256, label, ("tail",))
    return KnownSeries(label, dict(zip(names, arrays["tail"].astype(np.float64)[:, None], strict=True)))
