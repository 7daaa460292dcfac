"""The words of the table `incident_events`, and how an incident is named: by what it begins with, so alike everywhere."""

from __future__ import annotations

import hashlib
from datetime import datetime

VALUE, SILENCE, SURGE, FLOOD, PIPELINE = "value", "silence", "surge", "flood", "pipeline"
KINDS: dict[str, str] = {
    VALUE: "values out of their band",
    SILENCE: "a device, one of its signals or a site that stopped reporting",
    SURGE: "more devices at once than the fleet's own rate explains, where no site is known",
    FLOOD: "a summary in place of messages, while too many incidents open",
    PIPELINE: "the stream itself: stalled, losing or refusing telemetry",
}
"""What the column `kind` says."""

EVENTS: dict[str, str] = {
    "opened": "an incident begins; its leader is the first member",
    "joined": "one more series belongs to it; the row is about this member",
    "left": "a member is back while others are not; the row is about this member",
    "worsened": "a higher level, or more devices",
    "chattering": "it keeps coming back",
    "muted": "a member is muted from here on",
    "still": "a member is still out after its mute",
    "acked": "a person has seen it: only a worse level and the end are told",
    "unacked": "the acknowledgement is taken back, or worn off",
    "closed": "the last member is back, or the level is a new one, or a person says so",
    "reopened": "a member is out again soon after the end",
    "returned": "back on the level of before a new one",
    "summary": "incidents that a flood kept from being told",
    "amended": "a backfill moved its figures; nobody is told",
    "withdrawn": "a backfill took its flags away; nobody is told",
}
"""What the column `event` says."""


def incident_id(kind: str, key: str, device: str, signal: str, started: datetime) -> str:
    """'20261101-1200-3f29c2a1be': the leader's start, and ten digits that tell incidents of one start apart."""
    text = "\x1f".join((kind, key, device, signal, f"{started:%Y-%m-%dT%H:%M:%S}"))
    return f"{started:%Y%m%d-%H%M}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:10]}"
