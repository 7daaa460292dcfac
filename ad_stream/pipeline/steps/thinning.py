"""What of earlier hours nobody looks at any more (`scoring.depth`) is not read, and `history` does not keep it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

if TYPE_CHECKING:
    from datetime import datetime

    from pyspark.sql import DataFrame

SERIES_HOUR = ["device_id", "signal", "of_hour"]


def crowded_hours(minutes: DataFrame, before: datetime, most: int) -> DataFrame:
    """Windows (device_id, signal, minute) -> device_id, signal, of_hour in which the series came too often to be kept."""
    older = minutes.where(F.col("minute") < F.lit(before)).withColumn("of_hour", F.date_trunc("hour", "minute"))
    return older.groupBy(*SERIES_HOUR).count().where(F.col("count") > most).select(*SERIES_HOUR)


def without(rows: DataFrame, at: str, hours: DataFrame) -> DataFrame:
    """The rows (device_id, signal and a time) that lie in none of these hours of their series."""
    return rows.withColumn("of_hour", F.date_trunc("hour", at)).join(hours, SERIES_HOUR, "left_anti").drop("of_hour")


def thinned(packed: DataFrame, most: int) -> DataFrame:
    """Rows of `history`, whole hours -> those of the series that stay, packed again."""
    pairs = packed.select("hour", "bucket", "minute", F.explode(F.arrays_zip("ids", "values")).alias("pair"))
    # A batch that was repeated left its rows twice.
    once = pairs.select("hour", "bucket", "minute", F.col("pair.ids").alias("id"), F.col("pair.values").alias("value"))
    once = once.dropDuplicates(["bucket", "minute", "id"])
    came = once.withColumn("came", F.count(F.lit(1)).over(Window.partitionBy("bucket", "hour", "id")))
    kept = came.where(F.col("came") <= most).groupBy("hour", "bucket", "minute")
    together = kept.agg(F.sort_array(F.collect_list(F.struct("id", "value"))).alias("pairs"))
    return together.select(
        "hour", "bucket", "minute", F.col("pairs.id").alias("ids"), F.col("pairs.value").alias("values")
    )
