"""PagerDuty, Events API v2: at least once, in order per incident; its dedup_key makes the repeats one incident there.

A trigger of a key that is open changes nothing but its text, so a repeat after a crash harms nothing; one after its
resolve would open it anew, which is why a message that cannot be sent holds back those behind it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import requests

from ad_stream.errors import ConfigError
from ad_stream.push.base import Delivery, Row, Which, check_choice, which_rows
from ad_stream.push.incident_bodies import pagerduty
from ad_stream.push.sending import one_by_one, sender_to_people
from ad_stream.secrets import Secret

URL = "https://events.pagerduty.com/v2/enqueue"


class PagerDuty:
    """Triggers and resolves incidents.

    routing_key  integration key of a service, a secret
    at_least     low, medium or high: those below are not sent
    url          another address of the same interface
    requests_per_second, seconds, timeout, proxy  as for power_bi
    """

    kind = "pagerduty"
    hourly = None

    def __init__(
        self,
        *,
        name: str = kind,
        routing_key: Secret | str | None = None,
        rows: str = "incidents",
        at_least: str = "high",
        url: Secret | str = URL,
        requests_per_second: float = 2.0,
        seconds: float = 10.0,
        timeout: float = 10.0,
        proxy: str | None = None,
        session: requests.Session | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not routing_key:
            raise ConfigError("the push target 'pagerduty' has no routing_key: give it as ${env:NAME}")
        check_choice(self.kind, "rows", rows, "incidents")
        self.rows: Which = which_rows(self.kind, rows, at_least)
        self.name, self.seconds, self._clock = name, seconds, clock
        self._key = Secret.of(routing_key)
        self._sender = sender_to_people(
            self.kind, url, who="PagerDuty", requests_per_second=requests_per_second, most=20, seconds=seconds, timeout=timeout,
            session=session, proxy=proxy, clock=clock, sleep=sleep,
        )  # fmt: skip

    def push(self, rows: Iterator[Row], seconds: float) -> Iterator[Delivery]:
        """Send an event a row, in order."""
        yield from one_by_one(self._sender, rows, self._event, self._clock() + seconds)

    def _event(self, row: Row) -> bytes:
        return pagerduty(row, self._key.reveal())
