"""JSON-lines files in the envelope of the design; each file is read once, in order of modification time.

Put a file there whole (write beside, then rename): Spark does not look at a file twice. A line that is no JSON
object becomes an event of its own with the line as body, so that quarantine shows it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.errors import InputError
from ad_stream.sources.contract import Reader, timestamp
from ad_stream.sources.files.settings import FilesSource
from ad_stream.times import moment

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

ENVELOPE = (
    "body string, enqueuedTime string, partition string, sequence long, "
    "systemProperties map<string,string>, _corrupt_record string"
)
# Without a backslash: in a SQL literal it would be gone before the pattern is read.
ENQUEUED_IN_LINE = '"enqueuedTime" *: *"([^"]+)"'


class FilesReader(Reader[FilesSource]):
    """Files by Spark's own file source."""

    def read(self, spark: SparkSession, settings: FilesSource, start: datetime | None) -> DataFrame:
        """The events of all files below `settings.path` (globs allowed) that were enqueued at or after `start`."""
        reader = spark.readStream.schema(ENVELOPE).option("columnNameOfCorruptRecord", "_corrupt_record")
        if settings.files_per_trigger:
            reader = reader.option("maxFilesPerTrigger", settings.files_per_trigger)
        events = parse(reader.json(settings.path), settings.path)
        start = start or _configured(settings.start)
        return events if start is None else events.where(F.col("enqueued_time") >= F.lit(start))

    def check(self, _: SparkSession, settings: FilesSource) -> None:
        """InputError where neither folder nor files exist."""
        import glob

        path = settings.path
        if "://" not in path and not path.startswith("dbfs:") and not glob.glob(path):  # noqa: PTH207 (may be absolute)
            raise InputError(f"source.path {path!r} does not exist: create the folder, or run 'ad-stream simulate' into it")


def _configured(start: str) -> datetime | None:
    return None if start == "earliest" else moment(start)


def parse(lines: DataFrame, name: str) -> DataFrame:
    """Envelope lines -> events; `name` fills the column source."""
    system = F.col("systemProperties")
    broken = F.col("_corrupt_record")
    # A torn line has no time of its own. Its text may still tell it; else it is put before everything, where it
    # cannot move the watermark, and is counted among what the watermark dropped.
    torn_time = F.expr(f"try_cast(regexp_extract(_corrupt_record, '{ENQUEUED_IN_LINE}', 1) as timestamp)")
    enqueued = F.coalesce(
        F.expr(timestamp("systemProperties['iothub-enqueuedtime']")),
        F.expr(timestamp("enqueuedTime")),
        torn_time,
        F.lit("1970-01-01").cast("timestamp"),
    )
    return lines.select(
        F.coalesce(F.expr("try_to_binary(body, 'base64')"), F.col("body").cast("binary"), broken.cast("binary")).alias(
            "body"
        ),
        enqueued.alias("enqueued_time"),
        system["iothub-connection-device-id"].alias("device_id"),
        system["message-id"].alias("message_id"),
        system["iothub-message-source"].alias("message_source"),
        F.lit(name).alias("source"),
        F.coalesce(F.col("partition"), F.lit("")).alias("partition"),
        # Lines without a number are told apart by what they hold: one number for all would make them duplicates.
        F.coalesce(
            F.col("sequence"), F.xxhash64(broken, "body", "enqueuedTime", system["iothub-connection-device-id"])
        ).alias("sequence"),
    )
