"""Bodies of messages about incidents: Alertmanager's webhook and API, PagerDuty's events, cards for Teams and Slack, JSON.

Formats as published: Alertmanager webhook version 4 and POST /api/v2/alerts; PagerDuty Events API v2; adaptive cards 1.4;
Slack blocks. No link in a message acts when it is followed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, cast

from ad_stream.push.base import Row, dumped, plain
from ad_stream.push.escaping import no_markdown, no_mrkdwn
from ad_stream.push.messages import facts, headline, is_end
from ad_stream.times import iso

AHEAD = timedelta(hours=24)
"""How far ahead an open alert's end is set at a real Alertmanager, which takes one for over that it does not hear of."""
SEVERITIES = {"high": "critical", "medium": "warning", "low": "info"}
SUMMARY, KEY = 1024, 255
"""Most characters of PagerDuty's summary and dedup_key."""


def as_json(row: Row) -> bytes:
    """The row of `incident_events` and its line."""
    return dumped({"incident": {name: plain(value) for name, value in row.items()}, "text": headline(row)})


def alertmanager(row: Row) -> bytes:
    """What Alertmanager's webhook receivers read: one group an incident."""
    status = "resolved" if is_end(row) else "firing"
    alert = _alert(row)
    listed = {"status": status, **alert, "fingerprint": _fingerprint(row)}
    content = {
        "version": "4", "groupKey": str(row["incident_id"]), "truncatedAlerts": 0, "status": status, "receiver": "ad_stream",
        "groupLabels": {"incident": str(row["incident_id"])}, "commonLabels": alert["labels"],
        "commonAnnotations": alert["annotations"], "externalURL": "", "alerts": [listed],
    }  # fmt: skip
    return dumped(content)


def alertmanager_api(row: Row) -> bytes:
    """What POST /api/v2/alerts of an Alertmanager takes."""
    alert = _alert(row)
    if not is_end(row):
        alert["endsAt"] = iso(
            max(cast(datetime, row["minute"]), cast(datetime, row["last"])).astimezone(timezone.utc) + AHEAD
        )
    return dumped([alert])


def pagerduty(row: Row, routing_key: str) -> bytes:
    """An event: the same dedup_key while an incident is open is the same incident there."""
    content = {
        "routing_key": routing_key, "event_action": "resolve" if row["event"] == "closed" else "trigger",
        "dedup_key": str(row["incident_id"])[:KEY], "client": "ad_stream",
        "payload": {
            "summary": headline(row)[:SUMMARY], "source": str(row["site"] or row["device_id"] or row["kind"]),
            "severity": SEVERITIES[str(row["level"])], "timestamp": plain(row["minute"]), "component": row["device_id"] or "",
            "group": row["site"] or "", "class": str(row["kind"]), "custom_details": facts(row),
        },
    }  # fmt: skip
    return dumped(content)


def teams(row: Row) -> bytes:
    """An adaptive card."""
    title = {
        "type": "TextBlock",
        "text": no_markdown(headline(row)),
        "weight": "Bolder",
        "size": "Medium",
        "wrap": True,
    }
    listed = {
        "type": "FactSet",
        "facts": [{"title": name, "value": no_markdown(value)} for name, value in facts(row).items()],
    }
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
        "msteams": {"width": "Full"}, "body": [title, listed],
    }  # fmt: skip
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return dumped({"type": "message", "attachments": [attachment]})


def slack(row: Row) -> bytes:
    """Blocks, and the line for the notification."""
    lines = "\n".join(f"*{name}* {no_mrkdwn(value)}" for name, value in facts(row).items())
    texts = (f"*{no_mrkdwn(headline(row))}*", lines)
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text[:3000]}} for text in texts]
    return dumped({"text": no_mrkdwn(headline(row)), "blocks": blocks})


def _alert(row: Row) -> dict[str, Any]:
    labels: Mapping[str, object] = {
        "alertname": "ad_stream_incident", "incident": row["incident_id"], "kind": row["kind"], "site": row["site"],
        "device": row["device_id"], "signal": row["signal"],
    }  # fmt: skip
    ends = iso(cast(datetime, row["minute"]).astimezone(timezone.utc)) if is_end(row) else "0001-01-01T00:00:00Z"
    return {
        # Labels name an alert: what changes while it is open, such as its level, is an annotation.
        "labels": {name: str(value) for name, value in labels.items() if value},
        "annotations": {"summary": headline(row), "level": str(row["level"]), **facts(row)},
        "startsAt": iso(cast(datetime, row["started"]).astimezone(timezone.utc)), "endsAt": ends, "generatorURL": "",
    }  # fmt: skip


def _fingerprint(row: Row) -> str:
    return hashlib.sha256(f"{row['device_id']}\x1f{row['signal']}".encode("utf-8", "replace")).hexdigest()[:16]
