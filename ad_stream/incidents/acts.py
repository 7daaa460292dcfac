"""What people say about incidents, as the fold takes it: rows of `feedback`, checked; one that makes no sense is left out."""

from __future__ import annotations

from dataclasses import dataclass

ACK, UNACK, CLOSE = "ack", "unack", "close"
LABEL, MISSED, COMMENT = "label", "missed", "comment"
ACTS = (ACK, UNACK, CLOSE)
"""Actions that change an incident; the others say what it was."""
ACTIONS: dict[str, str] = {
    ACK: "somebody has seen it: only a worse level and the end are told; until: up to then",
    UNACK: "takes an ack back",
    CLOSE: "ends it; the series opens again once it has been back, or at a jump beyond what it had reached",
    LABEL: "what it was, in the column label",
    MISSED: "something happened to a device that no incident told of",
    COMMENT: "a note",
}
"""What a row of `feedback` may say."""
LABELS: dict[str, str] = {
    "true": "worth telling",
    "false": "nothing had happened",
    "expected": "it happened, and was planned",
    "unsure": "nobody knows",
}
"""What a label may be."""


@dataclass(frozen=True)
class Act:
    """One row that changes an incident. until: the number of a window, None: without end."""

    action: str
    incident_id: str
    by: str = ""
    note: str = ""
    until: int | None = None
