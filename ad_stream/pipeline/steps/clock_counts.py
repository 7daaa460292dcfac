"""Local times that a clock shows twice or never, counted where a zone resolves them: `observedMetrics.clocks` of the progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def observed(placed: DataFrame) -> DataFrame:
    """Counts them in the columns of `body_times.with_time`; without those nothing is counted and nothing added to the plan."""
    if "in_fold" not in placed.columns:
        return placed
    return placed.observe(
        "clocks",
        *(F.count(F.when(F.col(name), 1)).alias(to) for name, to in (("in_fold", "folds"), ("in_gap", "gaps"))),
    )
