"""The seam between whoever holds windows (stream, backfill, server, laptop) and the detectors."""

from __future__ import annotations

from typing import Protocol

from ad_stream.model import LastPoint, Windows


class Detector(Protocol):
    """Judges the last point of many windows at once; frozen, pure, total.

    name       the `detector` column of each row it judged
    points     how many columns of history it wants; fewer are judged from min_points on
    min_points fewer values than this give `warming_up`

    detect_last never raises on data (NaN, inf, 1e308, constants, one point): it declines with NaN and a reason.
    A wrong shape (no time axis) raises ValueError. Row i of the answer depends on row i of the windows only.
    """

    @property
    def name(self) -> str: ...
    @property
    def points(self) -> int: ...
    @property
    def min_points(self) -> int: ...

    def detect_last(self, windows: Windows) -> LastPoint:
        """(..., n) -> each field (...)."""
        ...
