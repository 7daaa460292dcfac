"""Local times as whole numbers -> instants, for databases that know no zones by these names."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

QUARTER = 900_000_000
"""Microseconds; clocks change at no other times than whole quarters of an hour."""
FIRST = datetime(1970, 1, 1)
MOST = timedelta(hours=26) // timedelta(microseconds=1)
"""Local time is at most so far from UTC, changes of the clock included."""


def instants(wall: Ints, zone: str) -> Ints:
    """(n,) us since 1970 by the clock of a zone -> us since 1970 UTC.

    A time that comes twice in autumn is the one in standard time; one that is skipped in spring goes by standard time, too.
    Both as PostgreSQL has it.
    """
    quarters, place = np.unique(wall // QUARTER, return_inverse=True)
    known = ZoneInfo(zone)
    offsets = np.array([_offset(int(quarter) * QUARTER, known) for quarter in quarters], dtype=np.int64)
    return np.asarray(wall - offsets[place]) if len(wall) else wall


def _offset(us: int, zone: ZoneInfo) -> int:
    """Microseconds that the zone is ahead of UTC; the smaller one where both readings of the clock are possible."""
    at = (FIRST + timedelta(microseconds=us)).replace(tzinfo=zone)
    found = (at.replace(fold=fold).utcoffset() or timedelta() for fold in (0, 1))
    return min(found) // timedelta(microseconds=1)
