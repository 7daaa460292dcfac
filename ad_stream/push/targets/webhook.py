"""Messages to people: Teams (Workflows), Slack or any receiver of JSON; at least once, one per series and cool-down.

Sizes: Teams takes 28 KB a message, Slack 50 blocks of 3,000 characters and one message a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Literal, cast

import requests

from ad_stream.durations import parse_duration
from ad_stream.errors import ConfigError
from ad_stream.model import REASONS
from ad_stream.push import incident_bodies
from ad_stream.push.base import COLUMNS, Delivery, Row, Which, check_choice, dumped, plain, which_rows
from ad_stream.push.escaping import no_markdown, no_mrkdwn
from ad_stream.push.joint_bodies import is_joint, joint_columns, joint_sentence
from ad_stream.push.sending import one_by_one, sender_to_people
from ad_stream.secrets import Secret
from ad_stream.times import shown

Format = Literal["json", "teams", "slack", "alertmanager", "alertmanager_api"]
MOST_IN_ONE = 20
"""Anomalies in a message."""
_NAME = 200
"""Characters of a device or a signal that a card shows."""


class Webhook:
    """Sends one message for the anomalies of a batch, and of each series none again within its cool-down.

    url        where to, a secret: whoever has it may post
    format     json: {"anomalies": [row, ...]}; teams: an adaptive card; slack: blocks; of incidents also alertmanager (its
               webhook's form) and alertmanager_api (POST /api/v2/alerts)
    rows       "anomalies", "all" scored rows (json only makes sense then), "joint": the anomalies of signals together, or
               "incidents": a message for each thing that people are told of one, in order
    at_least   with incidents: low, medium or high
    cool_down  how long a series is `held` after a message that named it, counted in minutes of the data
    requests_per_second, seconds, timeout, proxy  as for power_bi
    """

    kind = "webhook"
    hourly = None

    def __init__(
        self,
        *,
        name: str = kind,
        url: Secret | str | None = None,
        format: Format = "json",  # noqa: A002 (it is the name of the setting)
        rows: Literal["all", "anomalies", "incidents", "joint"] = "anomalies",
        at_least: str = "medium",
        cool_down: str | float | timedelta = "30 minutes",
        requests_per_second: float = 1.0,
        seconds: float = 10.0,
        timeout: float = 10.0,
        proxy: str | None = None,
        session: requests.Session | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not url:
            raise ConfigError("the push target 'webhook' has no url: give it as ${env:NAME}")
        self.rows: Which = which_rows(self.kind, rows, at_least)
        bodies: Mapping[str, object] = _INCIDENT_BODIES if rows == "incidents" else _BODIES
        check_choice(self.kind, "format", format, *bodies)
        self.name, self.seconds, self._clock = name, seconds, clock
        self._body = _BODIES.get(format, _json)
        self._incident_body = _INCIDENT_BODIES[format] if rows == "incidents" else None
        self._cool_down = _duration(cool_down)
        self._told: dict[tuple[str, str], datetime] = {}
        self._sender = sender_to_people(
            self.kind, url, who="the webhook", requests_per_second=requests_per_second, most=5, seconds=seconds, timeout=timeout,
            session=session, proxy=proxy, clock=clock, sleep=sleep,
        )  # fmt: skip

    def push(self, rows: Iterator[Row], seconds: float) -> Iterator[Delivery]:
        """Send the rows in messages of at most 20, without the series that are cooling down."""
        deadline = self._clock() + seconds
        if self._incident_body is not None:
            yield from one_by_one(self._sender, rows, self._incident_body, deadline)
            return
        while chunk := list(islice(rows, MOST_IN_ONE)):
            before = dict(self._told)
            fates = [self._due(row) for row in chunk]
            due = [row for row, is_due in zip(chunk, fates, strict=True) if is_due]
            if due:
                answer = self._sender.send(self._body(due), deadline)
                if answer.kind in ("failed", "late"):
                    self._told = before
                    yield Delivery(0, "failed" if answer.kind == "failed" else "not_sent", answer.error)
                    return
                error = answer.error
                sent: Literal["delivered", "set_aside"] = "delivered" if answer.kind == "taken" else "set_aside"
            for is_due in fates:
                yield Delivery(1, sent, error) if is_due else Delivery(1, "held")

    def _due(self, row: Row) -> bool:
        """Whether the series may be named again; it is then."""
        series, minute = (str(row["device_id"]), str(row["signal"])), cast(datetime, row["minute"])
        last = self._told.get(series)
        if last is not None and minute - last < self._cool_down:
            return False
        if self._cool_down:
            if len(self._told) >= 10_000:
                self._told = {one: at for one, at in self._told.items() if minute - at < self._cool_down}
            self._told[series] = minute
        return True


def sentence(row: Row) -> str:
    """'pump-1 temperature 93.2 at 12:30 UTC: above the expected band (20 to 24)'; of a slow verdict alone with its onset."""
    if is_joint(row):
        return joint_sentence(row)
    value, expected, upper, lower = (row[name] for name in ("value", "expected", "upper_margin", "lower_margin"))
    band = "" if None in (expected, upper, lower) else f" ({expected - lower:.6g} to {expected + upper:.6g})"  # type: ignore[operator]
    minute = cast(datetime, row["minute"]).astimezone(timezone.utc)
    device, signal = str(row["device_id"])[:_NAME], str(row["signal"])[:_NAME]
    if row["is_anomaly"] is not True and row["slow_is_anomaly"] is True:
        since = f", since {shown(row['slow_onset'])} UTC" if isinstance(row["slow_onset"], datetime) else ""
        reason = str(row["slow_reason"])
        return f"{device} {signal} {value:.6g} at {shown(minute)} UTC: {REASONS.get(reason, reason)}{since}"
    return (
        f"{device} {signal} {value:.6g} at {shown(minute)} UTC: {REASONS.get(str(row['reason']), row['reason'])}{band}"
    )


def _headline(rows: Sequence[Row]) -> str:
    devices = len({row["device_id"] for row in rows})
    return f"{len(rows)} anomal{'y' if len(rows) == 1 else 'ies'} on {devices} device{'' if devices == 1 else 's'}"


def _json(rows: Sequence[Row]) -> bytes:
    return dumped({"anomalies": [_columns(row) | {"text": sentence(row)} for row in rows]})


def _columns(row: Row) -> dict[str, object]:
    return joint_columns(row) if is_joint(row) else {name: plain(row[name]) for name in COLUMNS}


def _teams(rows: Sequence[Row]) -> bytes:
    blocks = [{"type": "TextBlock", "text": _headline(rows), "weight": "Bolder", "size": "Medium", "wrap": True}]
    blocks += [
        {"type": "TextBlock", "text": no_markdown(sentence(row)), "wrap": True, "spacing": "Small"} for row in rows
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
        "msteams": {"width": "Full"}, "body": blocks,
    }  # fmt: skip
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return dumped({"type": "message", "attachments": [attachment]})


def _slack(rows: Sequence[Row]) -> bytes:
    texts = [f"*{_headline(rows)}*", *(no_mrkdwn(sentence(row)) for row in rows)]
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in texts]
    return dumped({"text": _headline(rows), "blocks": blocks})


_INCIDENT_BODIES: Mapping[str, Callable[[Row], bytes]] = {
    "json": incident_bodies.as_json, "teams": incident_bodies.teams, "slack": incident_bodies.slack,
    "alertmanager": incident_bodies.alertmanager, "alertmanager_api": incident_bodies.alertmanager_api,
}  # fmt: skip
_BODIES: Mapping[str, Callable[[Sequence[Row]], bytes]] = {"json": _json, "teams": _teams, "slack": _slack}


def _duration(value: str | float | timedelta) -> timedelta:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ConfigError(f"the option 'cool_down' of the push target 'webhook' is {value!r}: {error}") from None
