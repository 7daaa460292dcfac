"""Why a stream stopped, in a sentence: Spark's own text is a page of Java."""

from __future__ import annotations

import re

from ad_stream.errors import AdStreamError, RunError
from ad_stream.secrets import first_line

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


def stopped(error: object) -> AdStreamError:
    """The error that ended a query as one of ours."""
    cause = str(error)
    for pattern, sentence in KNOWN.items():
        found = re.search(pattern, cause)
        if found is not None:
            return RunError(f"the stream stopped: {sentence.format(found[0])}")
    return RunError(f"the stream stopped: {in_a_line(cause)}")
