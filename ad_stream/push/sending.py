"""Requests to one address: paced, retried within a deadline, and none while the other side asks for quiet."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import requests

from ad_stream.errors import AdStreamError
from ad_stream.http import HttpError, Patience, Reply, open_session, post, retry_after
from ad_stream.push.base import Delivery, Row, check_range
from ad_stream.push.limits import Pace
from ad_stream.secrets import Secret, redact

RETRIES = 3
"""Further tries of a request within one push; none while the push before failed as well."""
QUIET_AFTER_REFUSAL = 300.0
"""Seconds without a request after a key, an address or a dataset was refused: only a person can mend that."""
_LONGEST_QUIET = 3600.0
_REFUSES_ROWS = (400, 413, 422)
_GONE = "nothing is there any more: create it again and set the new address"
_FINAL = {401: "the credentials are not accepted", 403: "the credentials are not accepted", 404: _GONE, 410: _GONE}


@dataclass(frozen=True)
class SendOutcome:
    """What came of a request.

    kind  taken; refused: these rows, others may be taken; failed; late: there was no time left to send it
    """

    kind: Literal["taken", "refused", "failed", "late"]
    error: str | None = None


class Claim(Protocol):
    """Room for the rows of a request, asked for before each try."""

    def claim(self, rows: int) -> bool: ...
    def spend(self) -> None: ...
    def release(self) -> None: ...


def sender_to_people(
    kind: str, url: Secret | str, *, who: str, requests_per_second: float, most: float, seconds: float, timeout: float,
    session: requests.Session | None, proxy: str | None, clock: Callable[[], float], sleep: Callable[[float], None],
) -> Sender:  # fmt: skip
    """One request at a time, at most `most` a second; ConfigError where an option of the target `kind` is out of range."""
    check_range(kind, "requests_per_second", requests_per_second, 0.1, most)
    check_range(kind, "seconds", seconds, 1, 600)
    check_range(kind, "timeout", timeout, 0.1, 100)
    return Sender(
        Secret.of(url), who=who, pace=Pace((1, 1 / requests_per_second), clock=clock),
        timeout=timeout, session=session, proxy=proxy, clock=clock, sleep=sleep,
    )  # fmt: skip


class Sender:
    """POSTs to one address; the session is used by one push at a time, so one request is in flight.

    who      how sentences name the other side
    headers  asked for before each request, such as a token
    final    status -> what to do about it; those never change by asking again
    """

    def __init__(
        self,
        url: Secret,
        *,
        who: str,
        pace: Pace,
        timeout: float,
        headers: Callable[[], Mapping[str, str]] = dict,
        final: Mapping[int, str] = _FINAL,
        session: requests.Session | None = None,
        proxy: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url, self._who, self._pace, self._timeout = url, who, pace, timeout
        self._headers, self._final = headers, {**_FINAL, **final}
        self._session = session or open_session(proxy=proxy)
        self._clock, self._sleep = clock, sleep
        self._quiet_until, self._quiet_for = -math.inf, ""
        self._down = False

    def quiet(self, seconds: float, why: str) -> None:
        """Send nothing for so long; `why` is what pushes are told meanwhile."""
        self._quiet_until, self._quiet_for = self._clock() + min(seconds, _LONGEST_QUIET), why

    def send(self, body: bytes, deadline: float, *, rows: int = 1, budget: Claim | None = None) -> SendOutcome:
        """Try until it is taken, refused, or not worth another try before the deadline."""
        quiet = self._quiet_until >= deadline
        pause, failed = 0.0, SendOutcome("late", self._quiet_for if quiet else "the seconds of this push were used up")
        for _ in range(1 if self._down else 1 + RETRIES):
            wait = max(self._pace.wait(), self._quiet_until - self._clock(), pause)
            if self._clock() + wait >= deadline:
                break
            if wait:
                self._sleep(wait)
            if budget is not None and not budget.claim(rows):
                return SendOutcome("late", f"the rows that {self._who} takes in an hour are used up")
            answer, again = self._once(body, deadline, budget)
            self._down = answer.kind == "failed"
            if not again:
                return answer
            failed, pause = answer, max(2 * pause, 1.0)
        return failed

    def _once(self, body: bytes, deadline: float, budget: Claim | None) -> tuple[SendOutcome, bool]:
        """One request: what came of it, and whether another try is worth it."""
        patience = Patience(timeout=self._timeout, budget=deadline - self._clock(), retries=0)
        reply: Reply | None = None
        try:
            reply = post(
                self._url, body, session=self._session, headers=self._headers(), patience=patience,
                max_answer=1_048_576, clock=self._clock, sleep=self._sleep,
            )  # fmt: skip
            return self._judge(reply)
        except HttpError as error:
            answer = SendOutcome("failed", redact(str(error), self._url))
            if not error.passing:
                self.quiet(QUIET_AFTER_REFUSAL, str(answer.error))
            return answer, error.passing
        except AdStreamError as error:
            return SendOutcome("failed", redact(str(error), self._url)), False
        finally:
            self._pace.done()
            if budget is not None:
                budget.release() if reply is not None and 400 <= reply.status < 500 else budget.spend()

    def _judge(self, reply: Reply) -> tuple[SendOutcome, bool]:
        if reply.ok:
            return SendOutcome("taken"), False
        error = f"{self._who} answered {reply.status}: {self._why(reply)}"
        if reply.status in _REFUSES_ROWS:
            return SendOutcome("refused", error), False
        if reply.status != 429 and reply.status < 500:
            self.quiet(QUIET_AFTER_REFUSAL, error)
            return SendOutcome("failed", error), False
        asked = retry_after(reply.headers)
        if asked is not None:
            self.quiet(max(asked, 0.0), error)
        return SendOutcome("failed", error), True

    def _why(self, reply: Reply) -> str:
        said = " ".join(redact(reply.body[:300].decode("utf-8", "replace"), self._url).split())
        return self._final.get(reply.status, said or "no reason given")


def one_by_one(
    sender: Sender, rows: Iterator[Row], body: Callable[[Row], bytes], deadline: float
) -> Iterator[Delivery]:  # fmt: skip
    """A message a row, in order; stops at the first that could not be sent, so that none overtakes it."""
    for row in rows:
        answer = sender.send(body(row), deadline)
        if answer.kind in ("failed", "late"):
            yield Delivery(0, "failed" if answer.kind == "failed" else "not_sent", answer.error)
            return
        yield Delivery(1, "delivered" if answer.kind == "taken" else "set_aside", answer.error)
