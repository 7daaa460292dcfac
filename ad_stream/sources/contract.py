"""Where events come from: one file per connector, all of them yield the columns of EVENT.

A connector is `read(spark, settings, start) -> streaming DataFrame` with exactly these columns:

    body            binary     the message as the device sent it
    enqueued_time   timestamp  iothub-enqueuedtime if present, else the hub's own
    device_id       string     iothub-connection-device-id, else null
    message_id      string     message-id, else null
    message_source  string     Telemetry | twinChangeEvents | ...; null counts as telemetry
    source          string     name of the hub, topic or folder
    partition       string
    sequence        long       Event Hubs sequenceNumber, Kafka offset, line's own number

`start` is a time before which nothing is needed (None: everything); connectors that cannot seek filter.
`check(spark, settings)` finds out within seconds what would keep a stream from reading, and says it in a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

EVENT = (
    "body", "enqueued_time", "device_id", "message_id", "message_source", "source", "partition", "sequence",
)  # fmt: skip
HEARTBEAT = "ad-stream-heartbeat"
"""message_source of the event that ends a finite input: it moves the watermark and is counted nowhere."""

Read = Callable[["SparkSession", Any, "datetime | None"], "DataFrame"]


def timestamp(text: str) -> str:
    """SQL: ISO 8601 text as a timestamp, else null.

    Spark compiles two patterns each time it looks up a zone, even Z; without it the session's zone counts, which is UTC.
    """
    is_utc = f"{text} rlike '^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}([.][0-9]+)?Z$'"
    return f"try_cast(if({is_utc}, left({text}, length({text}) - 1), {text}) as timestamp)"


EARLIEST, LATEST = "timestamp'1970-01-01 00:00:00Z'", "timestamp'2200-01-01 00:00:00Z'"
"""Times that every table, Parquet and pandas (nanoseconds end in 2262) can hold; Spark's watermark begins in 1970."""


def storable(time: str) -> str:
    """SQL: a time, or null where no table could hold it or no device can mean it (.NET's year 1, Excel's 1899, 9999)."""
    return f"if({in_range(time)}, {time}, null)"


def in_range(time: str) -> str:
    """SQL: whether every table can hold the time; null for null."""
    return f"{time} >= {EARLIEST} and {time} < {LATEST}"


def read(spark: SparkSession, settings: Any, start: datetime | None) -> DataFrame:
    """The events of the configured source, from `start` on."""
    connector: Read = import_module(f"ad_stream.sources.{settings.kind}.reader").read
    return connector(spark, settings, start).select(*EVENT)


def check(spark: SparkSession, settings: Any) -> None:
    """Look at the configured source; ConfigError, InputError or SetupError where no stream could read it."""
    import_module(f"ad_stream.sources.{settings.kind}.reader").check(spark, settings)


def newest(spark: SparkSession, settings: Any) -> Callable[[], Mapping[str, int]] | None:
    """Asks the source for the next sequence number of each partition; None where Spark's own progress tells the lag."""
    connector = import_module(f"ad_stream.sources.{settings.kind}.reader")
    return partial(connector.newest, spark, settings) if hasattr(connector, "newest") else None


def newest_times(settings: Any) -> list[datetime]:
    """Hub times of the newest events, where the source can tell them without reading much; none from a hub."""
    connector = import_module(f"ad_stream.sources.{settings.kind}.reader")
    try:
        return list(connector.newest_times(settings)) if hasattr(connector, "newest_times") else []
    except OSError:  # files that come and go; the stream will say what is wrong with them
        return []


def to_the_end(settings: Any) -> Any:
    """The settings for a run that ends with its input.

    The Event Hubs connector knows no such run: it takes its first limited batch for the end, and at each start the same
    one anew. Without the limit that batch is all there is.
    """
    return settings.model_copy(update={"events_per_trigger": None}) if settings.kind == "event_hubs" else settings
