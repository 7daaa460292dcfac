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

from ad_stream.config.durations import parse_duration
from ad_stream.errors import ConfigError
from ad_stream.model import REASONS
from ad_stream.push.base import COLUMNS, Delivery, Row, Which, check_choice, check_range, dumped, plain
from ad_stream.push.limits import Pace
from ad_stream.push.sending import Sender
from ad_stream.secrets import Secret
from ad_stream.times import shown

Format = Literal["json", "teams", "slack"]
MOST_IN_ONE = 20
"""Anomalies in a message."""
_NAME = 200
"""Characters of a device or a signal that a card shows."""


class Webhook:
    """Sends one message for the anomalies of a batch, and of each series none again within its cool-down.

    url        where to, a secret: whoever has it may post
    format     json: {"anomalies": [row, ...]}; teams: an adaptive card; slack: blocks
    rows       "anomalies", or "all" scored rows (json only makes sense then)
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
        rows: Which = "anomalies",
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
        check_choice(self.kind, "format", format, *_BODIES)
        check_choice(self.kind, "rows", rows, "all", "anomalies")
        check_range(self.kind, "requests_per_second", requests_per_second, 0.1, 5)
        check_range(self.kind, "seconds", seconds, 1, 600)
        check_range(self.kind, "timeout", timeout, 0.1, 100)
        self.name, self.rows, self.seconds = name, rows, seconds
        self._body, self._clock = _BODIES[format], clock
        self._cool_down = _duration(cool_down)
        self._told: dict[tuple[str, str], datetime] = {}
        address = url if isinstance(url, Secret) else Secret(url)
        self._sender = Sender(
            address, who="the webhook", pace=Pace((1, 1 / requests_per_second), clock=clock), timeout=timeout,
            session=session, proxy=proxy, clock=clock, sleep=sleep,
        )  # fmt: skip

    def push(self, rows: Iterator[Row], seconds: float) -> Iterator[Delivery]:
        """Send the rows in messages of at most 20, without the series that are cooling down."""
        deadline = self._clock() + seconds
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
    return dumped(
        {"anomalies": [{name: plain(row[name]) for name in COLUMNS} | {"text": sentence(row)} for row in rows]}
    )


def _teams(rows: Sequence[Row]) -> bytes:
    blocks = [{"type": "TextBlock", "text": _headline(rows), "weight": "Bolder", "size": "Medium", "wrap": True}]
    blocks += [
        {"type": "TextBlock", "text": _no_markdown(sentence(row)), "wrap": True, "spacing": "Small"} for row in rows
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
        "msteams": {"width": "Full"}, "body": blocks,
    }  # fmt: skip
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return dumped({"type": "message", "attachments": [attachment]})


def _slack(rows: Sequence[Row]) -> bytes:
    texts = [f"*{_headline(rows)}*", *(_no_mrkdwn(sentence(row)) for row in rows)]
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in texts]
    return dumped({"text": _headline(rows), "blocks": blocks})


_BODIES: Mapping[str, Callable[[Sequence[Row]], bytes]] = {"json": _json, "teams": _teams, "slack": _slack}


def _no_markdown(text: str) -> str:
    """A device's name must not become a link or a heading of the card."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]#" else sign for sign in text)


def _no_mrkdwn(text: str) -> str:
    """Slack's three signs, which would make mentions and links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _duration(value: str | float | timedelta) -> timedelta:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ConfigError(f"the option 'cool_down' of the push target 'webhook' is {value!r}: {error}") from None
