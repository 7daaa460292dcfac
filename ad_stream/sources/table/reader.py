"""A Delta table as a stream of rows, with Delta's own offsets: what one commit appends is read once.

The first reading takes the table as it is, in one batch, because its files are in the order of writing and not of
telemetry: in several batches the watermark of the first would drop what the next ones hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from ad_stream.errors import AdStreamError, ConfigError, InputError, did_you_mean
from ad_stream.secrets import first_line
from ad_stream.sources.contract import Reader
from ad_stream.sources.table.settings import TableSource

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

EVERYTHING = 1_000_000_000
"""Delta's own limit is 1,000 files a batch."""
NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal")
TIMES = ("timestamp", "timestamp_ntz")
TAKES: Mapping[str, tuple[str, ...]] = {
    "device": ("string", "tinyint", "smallint", "int", "bigint"),
    "signal": ("string",),
    "time": (*TIMES, "string", "int", "bigint", "double", "decimal"),
    "enqueued": TIMES,
    "value": (*NUMBERS, "string"),
    "values": (*NUMBERS, "string"),
    "sequence": ("string", "tinyint", "smallint", "int", "bigint"),
}
"""Setting -> types of its column; those of `value` with text because text may stand for a number."""


class TableReader(Reader[TableSource]):
    """A table by Delta's own streaming source."""

    def read(self, spark: SparkSession, settings: TableSource, start: datetime | None) -> DataFrame:
        """The rows of the table; a time in `settings.start` or `start` is heeded by the stream itself."""
        reader = spark.readStream.format("delta").option("maxFilesPerTrigger", settings.files_per_trigger or EVERYTHING)
        if settings.skip_change_commits:
            reader = reader.option("skipChangeCommits", "true")
        if settings.start == "latest" and start is None:
            reader = reader.option("startingVersion", "latest")
        table = reader.table(str(settings.table)) if settings.path is None else reader.load(settings.path)
        return rows(table, settings)

    def check(self, spark: SparkSession, settings: TableSource) -> None:
        """InputError where there is no such Delta table; ConfigError where a column is missing or of another type."""
        try:
            if settings.path is not None:
                types = dict(spark.read.format("delta").load(settings.path).dtypes)
            else:
                types = dict(spark.read.table(str(settings.table)).dtypes)
        except Exception as error:  # the class differs between classic Spark and Connect
            raise _told(str(error), settings) from None
        for setting, column in settings.columns().items():
            _check_presence(setting, column, types, settings.place)
        for setting, column in settings.columns().items():
            _check_type(setting, column, types, settings.place)

    def to_the_end(self, settings: TableSource) -> TableSource:
        """ConfigError for `start: latest`: Delta notes no beginning before a first batch, so every run would begin anew."""
        if settings.start == "latest":
            raise ConfigError(
                "source.start is latest, with which a run of trigger available_now never reads a row: write a time"
                " such as 2026-11-01T06:30Z, or a trigger such as '1 minute'"
            )
        return settings


def rows(table: DataFrame, settings: TableSource) -> DataFrame:
    """The columns of the table -> those of ROW; one row per reading."""
    named = settings.columns()
    readings = [
        F.struct(signal.alias("signal"), _column(column).cast("string").alias("value"))
        for signal, column in _signals(settings)
    ]
    long = table.select(
        _column(named["device"]).cast("string").alias("device_id"),
        _time(table, named["time"]).alias("time"),
        F.explode(F.array(*readings)).alias("reading"),
        (_column(named["enqueued"]).cast("timestamp") if "enqueued" in named else F.lit(None).cast("timestamp")).alias("enqueued_time"),
        (_column(named["sequence"]) if "sequence" in named else F.lit(None)).cast("string").alias("number"),
    )  # fmt: skip
    # In a wide table an empty cell is a signal that was not measured.
    measured = long if settings.values is None else long.where("reading.value is not null")
    told_apart = ["number", "device_id", "reading.signal"] + ([] if "sequence" in named else ["time", "reading.value"])
    return measured.select(
        "device_id", "reading.signal", "time", "reading.value", "enqueued_time", F.lit(settings.place).alias("source"),
        F.lit("").alias("partition"), F.xxhash64(*told_apart).alias("sequence"),
    )  # fmt: skip


def _signals(settings: TableSource) -> list[tuple[Column, str]]:
    """What each signal is called, and the column of its value."""
    named = settings.columns()
    if settings.values is None:
        return [(_column(named["signal"]), named["value"])]
    return [(F.lit(signal), column) for signal, column in settings.values.items()]


def _time(table: DataFrame, name: str) -> Column:
    """Times as they are, those without a zone as UTC; text and numbers are read by the stream, as those of bodies are."""
    kind = dict(table.dtypes)[name]
    return _column(name).cast("timestamp" if kind in TIMES else "string")


def _column(name: str) -> Column:
    """A column by its whole name, whatever signs are in it."""
    return F.col("`" + name.replace("`", "``") + "`")


def _check_presence(setting: str, column: str, types: Mapping[str, str], place: str) -> None:
    if column not in types:
        raise ConfigError(
            f"source.{setting}: the table {place!r} has no column {column!r}: {did_you_mean(column, list(types))}"
        )


def _check_type(setting: str, column: str, types: Mapping[str, str], place: str) -> None:
    takes = TAKES[setting.partition(".")[0]]
    if types[column].partition("(")[0] not in takes:
        raise ConfigError(
            f"source.{setting}: the column {column!r} of the table {place!r} is of type {types[column]}: name one of type {_or(takes)}"
        )


def _or(words: tuple[str, ...]) -> str:
    return reduce(lambda so_far, word: f"{so_far}, {word}", words[:-1]) + (
        f" or {words[-1]}" if len(words) > 1 else words[-1]
    )


def _told(cause: str, settings: TableSource) -> AdStreamError:
    setting = "source.path" if settings.table is None else "source.table"
    if (
        "PATH_NOT_FOUND" in cause
        or "DELTA_TABLE_NOT_FOUND" in cause
        or "is not a Delta table" in cause
        or "DELTA_MISSING" in cause
    ):
        return InputError(
            f"{setting} {settings.place!r} holds no Delta table: name the folder that has _delta_log in it"
        )
    if (
        "TABLE_OR_VIEW_NOT_FOUND" in cause
        or "SCHEMA_NOT_FOUND" in cause
        or "CATALOG_NOT_FOUND" in cause
        or "NO_SUCH_CATALOG" in cause
    ):
        return InputError(
            f"there is no table {settings.place!r} that this user sees: check the name, catalog.schema.table"
        )
    if "PARSE_SYNTAX_ERROR" in cause or "REQUIRES_SINGLE_PART_NAMESPACE" in cause:
        return InputError(
            f"{setting} {settings.place!r} is no name of a table here: write catalog.schema.table, odd parts in backticks"
        )
    if "ermission" in cause or "PERMISSION_DENIED" in cause:
        return InputError(
            f"{setting} {settings.place!r} may not be read by this user: grant SELECT, and USE on catalog and schema"
        )
    return InputError(
        f"{setting} {settings.place!r} cannot be read ({first_line(cause)}): check the name and the rights"
    )
