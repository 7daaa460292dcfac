"""Landed files as a stream of rows, by Spark's own file source: the checkpoint holds which files were read."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.sources.contract import Reader
from ad_stream.sources.landing.settings import LandingSource

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LANDED = "device_id string, signal string, time timestamp, value double, enqueued_time timestamp, sequence bigint"
OLDEST = "3650d"
"""Spark passes over files that are so much older than the newest, by default a week."""


class LandingReader(Reader[LandingSource]):
    """The files of a landing folder in the order in which they were written; who writes them is the run (`feeding`)."""

    def read(self, spark: SparkSession, settings: LandingSource, start: datetime | None) -> DataFrame:  # noqa: ARG002
        """The rows of all files; a time in `start` is heeded by the stream itself."""
        reader = spark.readStream.schema(LANDED).option("maxFileAge", OLDEST)
        if settings.files_per_trigger:
            reader = reader.option("maxFilesPerTrigger", settings.files_per_trigger)
        named = F.lit(settings.origin).alias("source"), F.lit("").alias("partition")
        return reader.parquet(settings.path).select("*", *named)
