"""Why a stream stopped, in a sentence: Spark's own text is a page of Java."""

from __future__ import annotations

import re

from ad_stream.errors import AdStreamError, RunError
from ad_stream.secrets import redact

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
    "DELTA_SCHEMA_CHANGED|Detected schema change": (
        "the table of the source has other columns now ({}): start it again, it goes on where it stopped"
    ),
    "MetadataChangedException|DELTA_METADATA_CHANGED|ProtocolChangedException": (
        "somebody else changed a table while it was written ({}): start it again, nothing is lost"
    ),
}
"""What Java says -> what to do about it; {} is the word that told."""


def stopped(error: object) -> AdStreamError:
    """The error that ended a query as one of ours."""
    cause = str(error)
    for pattern, sentence in KNOWN.items():
        found = re.search(pattern, cause)
        if found is not None:
            return RunError(f"the stream stopped: {sentence.format(found[0])}")
    lines = [line.strip() for line in cause.splitlines() if line.strip()]
    told = next(
        (line for line in reversed(lines) if "Error:" in line or "Exception:" in line),
        lines[0] if lines else "no cause given",
    )
    return RunError(redact(f"the stream stopped: {told[:500]}"))
