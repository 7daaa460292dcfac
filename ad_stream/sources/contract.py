"""What a source is: settings without Spark, and a reader that yields one of two streams.

*Messages* are for hubs, topics and files: a body that has to be parsed. Exactly these columns (EVENT):

    body            binary     the message as the device sent it
    enqueued_time   timestamp  iothub-enqueuedtime if present, else the hub's own
    device_id       string     iothub-connection-device-id, else null
    message_id      string     message-id, else null
    message_source  string     Telemetry | twinChangeEvents | ...; null counts as telemetry
    source          string     name of the hub, topic or folder
    partition       string
    sequence        long       Event Hubs sequenceNumber, Kafka offset, line's own number

*Rows* are for tables and databases: readings that have their columns already. Exactly these (ROW):

    device_id       string
    signal          string     HEARTBEAT: no reading, see there
    time            timestamp  when it was measured; or text or a number as bodies have it (ISO 8601, epoch seconds or ms)
    value           a number, or text that stands for one; null: nothing was measured
    enqueued_time   timestamp  when the row came to the source; null where nobody knows: then `time` counts
    source          string     name of the table
    partition       string
    sequence        long       (source, partition, sequence) is the same only for copies of one row

Rows enter the stream behind parsing and pass the checks that messages pass (`pipeline/steps/rows.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from ad_stream.settings import Section, Start

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

EVENT = (
    "body", "enqueued_time", "device_id", "message_id", "message_source", "source", "partition", "sequence",
)  # fmt: skip
ROW = ("device_id", "signal", "time", "value", "enqueued_time", "source", "partition", "sequence")
Yields = Literal["messages", "rows"]
COLUMNS: Mapping[Yields, tuple[str, ...]] = {"messages": EVENT, "rows": ROW}

HEARTBEAT = "ad-stream-heartbeat"
"""message_source of the event, or signal of the row, that ends a finite input: it moves the watermark and is counted nowhere."""
SET_ASIDE = "ad-stream-set-aside"
"""message_source of an event that the stream could not process: of it only (source, partition, sequence) is left."""


class SourceSettings(Section):
    """The section `source`; each kind adds its own keys. start: where a stream without a checkpoint begins."""

    kind: str
    start: Start = "earliest"


S = TypeVar("S", bound=SourceSettings)


class Reader(ABC, Generic[S]):
    """One kind of source; made without arguments, and only `read` has to be written."""

    @abstractmethod
    def read(self, spark: SparkSession, settings: S, start: datetime | None) -> DataFrame:
        """The stream of the source, columns EVENT or ROW.

        start: the time before which nothing is needed, None for all that `settings.start` asks for. Sources that cannot
        seek filter by enqueued_time; of rows the stream itself leaves out what is too early.
        """

    def check(self, spark: SparkSession, settings: S) -> None:
        """Find out within seconds what would keep a stream from reading; ConfigError, InputError or SetupError says it."""

    def newest(self, spark: SparkSession, settings: S) -> Mapping[str, int] | None:  # noqa: ARG002
        """The next sequence number of each partition; None where Spark's own progress tells the lag, or nobody does."""
        return None

    def newest_times(self, settings: S) -> list[datetime]:  # noqa: ARG002
        """Hub times of the newest events, where the source can tell them without reading much; none from a hub."""
        return []

    def to_the_end(self, settings: S) -> S:
        """The settings for a run that ends with its input (`trigger: available_now`)."""
        return settings


def quoted(text: str) -> str:
    """A text as a SQL literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


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
