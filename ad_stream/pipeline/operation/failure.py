"""Why a stream stopped, in a sentence: Spark's own text is a page of Java."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ad_stream.errors import AdStreamError, RunError
from ad_stream.secrets import first_line

STOPPED = "the stream stopped"
PATH = r"\S*/[^\n]*?"
"""Folders have spaces: those of people, and partitions by the hour."""
KNOWN = {
    "No space left on device|File too large|Disk quota exceeded": (
        "the disk of the tables, of the checkpoint or of Spark's own files is full ({}): make room, then start it again, nothing is lost"
    ),
    "ReceiverDisconnected|link:stolen|higher epoch|EpochHigher": (
        "another reader took a partition of the hub away ({}): give this stream a consumer_group of its own, then start it again"
    ),
    "org.apache.kafka.common.errors.TimeoutException|CommunicationException|ServerBusyException|server-busy": (
        "the hub or broker does not answer ({}): see to it or to the network, then start it again, it goes on where it stopped"
    ),
    "AuthorizationFailedException|SaslAuthenticationException": (
        "the hub or broker no longer lets this stream in ({}): check key and policy, then start it again, it goes on where it stopped"
    ),
    "DELTA_SOURCE_TABLE_IGNORE_CHANGES|DELTA_SOURCE_IGNORE_DELETE|Detected a data update|Detected deleted data": (
        "the table of the source was changed, not only appended to ({}), and what was read cannot be read again: to pass over such"
        " commits set source.skip_change_commits: true, then start it again, it goes on behind them"
    ),
    r"long overflow(?=[\s\S]*KafkaRecordToRowConverter)": (
        "a record of the topic has a time beyond the year 294247, on which Spark's own Kafka reader ends ({}): let the broker set"
        " the times (topic setting message.timestamp.type=LogAppendTime), then begin behind that record, with another checkpoint"
        " and a source.start after it; what the tables hold stays (docs/sources.md)"
    ),
    rf"{PATH}\.parquet (is not a Parquet file|does not exist)|Checksum error: {PATH}\.parquet": (
        "a data file of a table is damaged or gone ({}): bring it back from a backup, else do what docs/damage.md says for that"
        " table (history, series, owner: delete its folder, it is made anew), then start it again"
    ),
    rf"(Checksum error: |while reading file ){PATH}_delta_log/\S+|DELTA_VERSIONS_NOT_CONTIGUOUS|versions \([^)]*\) are not contiguous"
    rf"|DELTA_TRUNCATED_TRANSACTION_LOG|{PATH}_delta_log/\S+ does not exist": (
        "the log of a table is damaged ({}): bring the file back from a backup, else do what docs/damage.md says for that table"
        " (history, series, owner: delete its folder, it is made anew), then start it again"
    ),
    rf"Failed to read log file \S+|{PATH}/state/\d+/\S+ does not exist|CANNOT_LOAD_STATE_STORE|concurrently using \S+": (
        "the checkpoint is damaged ({}): delete its folder, then start it again: it goes on at the newest window that is stored,"
        " and nothing is doubled (docs/damage.md)"
    ),
    "DELTA_SCHEMA_CHANGED|Detected schema change": (
        "the table of the source has other columns now ({}): start it again, it goes on where it stopped"
    ),
    "MetadataChangedException|DELTA_METADATA_CHANGED|ProtocolChangedException": (
        "somebody else changed a table while it was written ({}): start it again, nothing is lost"
    ),
}
"""What Java says -> what to do about it; {} is the word that told."""


IN_THE_DATA = (
    r"SparkUpgradeException|INCONSISTENT_BEHAVIOR_CROSS_VERSION|ArithmeticException|DateTimeException|DateTimeParseException"
    r"|NumberFormatException|CharacterCodingException|MalformedInputException|SparkNumberFormatException"
    r"|\[(CAST_INVALID_INPUT|CAST_OVERFLOW|ARITHMETIC_OVERFLOW|DATETIME_OVERFLOW|NUMERIC_VALUE_OUT_OF_RANGE|DIVIDE_BY_ZERO)"
    r"|DELTA_VIOLATE_CONSTRAINT|DELTA_NOT_NULL_CONSTRAINT|InvariantViolationException|DUPLICATED_MAP_KEY"
    r"|\b(ValueError|OverflowError|ZeroDivisionError|FloatingPointError|UnicodeDecodeError|UnicodeEncodeError"
    r"|ArrowInvalid|OutOfBoundsDatetime)\b"
)
"""Words of failures that the data alone decide: a value that cannot be converted, computed or stored."""
STARVED = r"OutOfMemory|exited unexpectedly|worker crashed|\bMemoryError\b"
"""Words of failures that one event may cause as well as a machine that is short of memory."""
PASSES = (
    r"No space left|File too large|Disk quota|IOException|FileNotFound|NoSuchFile|ConnectException|SocketException"
    r"|Timeout|Concurrent\w*Exception|MetadataChanged|ProtocolChanged|ExecutorLost"
    r"|SparkContext was shut down|has been stopped|Interrupted|AccessDenied|AccessControl|Forbidden|Unauthorized|Throttl"
    r"|ServiceUnavailable|SlowDown|UnknownHost|SSLException|Broken pipe|Connection (reset|refused)|Py4JNetworkError"
)
"""Words of failures of machines, networks, stores and other writers; where one of them is told, the data are not blamed."""


def lies_in_the_data(error: BaseException) -> bool:
    """Whether the same data would fail anywhere at any time; in doubt, not."""
    if isinstance(error, (AdStreamError, OSError, MemoryError)):
        return False
    cause = f"{type(error).__name__}: {error}"
    return re.search(IN_THE_DATA, cause) is not None and re.search(f"{PASSES}|{STARVED}", cause) is None


def may_lie_in_the_events(error: BaseException) -> bool:
    """Whether it is worth looking for the events that make a batch fail: wherever nothing outside is told as the cause.

    A worker that dies tears its connections, so those are then no cause.
    """
    if isinstance(error, (AdStreamError, OSError)):
        return False
    return re.search(STARVED, str(error)) is not None or re.search(PASSES, str(error)) is None


def in_a_line(error: object) -> str:
    """What an error says, without the pages of Java around it and without secrets."""
    lines = [line.strip() for line in str(error).splitlines()]
    named = (line for line in reversed(lines) if "Error:" in line or "Exception:" in line)
    return first_line(next(named, error), most=500)


@contextmanager
def told_in_a_sentence(what: str = STOPPED) -> Iterator[None]:
    """What Spark says where no query runs (tables that cannot be read, a checkpoint that cannot be begun) as one of ours.

    what: the beginning of the sentence.
    """
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("py4j", "pyspark"):
            raise stopped(error, what) from error
        raise


def stopped(error: object, what: str = STOPPED) -> AdStreamError:
    """The error that ended a query as one of ours."""
    cause = str(error)
    for pattern, sentence in KNOWN.items():
        found = re.search(pattern, cause)
        if found is not None:
            return RunError(f"{what}: {sentence.format(found[0])}")
    return RunError(f"{what}: {in_a_line(cause)}")
