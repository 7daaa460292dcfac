"""Whether two numbers of a verdict are the same one, for those who write revisions of what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column


def near(a: Column, b: Column, close: float) -> Column:
    """Equal to so much of the larger, or both null or both NaN."""
    is_close = F.abs(a - b) <= close * F.greatest(F.lit(1.0), F.abs(a), F.abs(b))
    return a.eqNullSafe(b) | F.coalesce(is_close & ~F.isnan(a) & ~F.isnan(b), F.lit(False))
