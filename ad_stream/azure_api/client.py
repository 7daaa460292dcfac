"""Asks any server of the protocol for the verdict on a last point: `ad-stream serve`, or what else speaks it.

Whatever goes wrong - no connection, wrong TLS, a redirect, 410 with an empty body, HTML, half an answer, a slow one -
comes out as one AnswerError with a sentence and the way out. After several failures in a row the server is left
alone for a while (a circuit breaker), so that a dead one costs a batch nothing.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ad_stream.errors import ConfigError, RunError
from ad_stream.http import HttpError, Patience, Reply, open_session, post
from ad_stream.secrets import Secret, redact

if TYPE_CHECKING:
    import numpy as np
    import requests
    from numpy.typing import NDArray

    from ad_stream.model import Floats

KEY_HEADER = "Ocp-Apim-Subscription-Key"
MOST_ANSWER = 4 * 1024 * 1024
LONGEST_QUOTE = 200

_ADVICE = {
    401: "check the key",
    403: "check the key and what it may do",
    404: "check the endpoint and the version",
    410: "this service is retired; point the endpoint to a server of your own, such as `ad-stream serve`",
    413: "send fewer points",
    429: "ask less often, or let the server take more at once",
}


class AnswerError(RunError):
    """No verdict. `reason` is short and stable; `again` says whether another try later may help.

    reason: connection, timeout, tls, redirect, truncated, too_large, url (no answer); refused (4xx), gone (410),
    busy (429), failed (5xx); malformed (an answer that is none); open (the server is being left alone)
    """

    def __init__(self, reason: str, message: str, *, code: str = "", again: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.code = code
        self.again = again


@dataclass(frozen=True)
class LastVerdict:
    """The server's answer for the last point, in the unit of the values; severity NaN from a server of v1.0."""

    expected: float
    upper_margin: float
    lower_margin: float
    severity: float
    is_anomaly: bool
    is_positive: bool
    is_negative: bool
    period: int
    suggested_window: int


@dataclass
class Breaker:
    """Opens after `failures` in a row, for `pause` seconds; then lets one try through."""

    failures: int = 3
    pause: float = 60.0
    clock: Callable[[], float] = time.monotonic
    _count: int = field(default=0, init=False)
    _until: float = field(default=-math.inf, init=False)

    def seconds_left(self) -> float:
        """How long the server is still left alone; 0 or less: it may be asked."""
        return self._until - self.clock()

    def record(self, *, good: bool) -> None:
        """The outcome of a try."""
        self._count = 0 if good else self._count + 1
        if self._count >= self.failures:
            self._until = self.clock() + self.pause


@dataclass
class Client:
    """One server, over one connection that is kept alive. Not for several threads at once.

    endpoint  address of the server, as in the portal: https://host[/...], without /anomalydetector
    key       sent as Ocp-Apim-Subscription-Key, None for a local server without keys
    version   of the protocol
    patience  timeout, retries and budget of one request; post() retries 429, 5xx and broken connections only
    """

    endpoint: str
    key: Secret | None = None
    version: str = "v1.1"
    patience: Patience = field(default_factory=Patience)
    breaker: Breaker = field(default_factory=Breaker)
    session: requests.Session = field(default_factory=open_session, repr=False)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if not self.endpoint.startswith(("http://", "https://")):
            raise ConfigError(f"the endpoint {redact(self.endpoint)!r} is no address: write https://host")

    def last(
        self,
        values: Floats,
        times: NDArray[np.datetime64],
        *,
        granularity: str = "minutely",
        budget: float | None = None,
        **fields: Any,
    ) -> LastVerdict:
        """The verdict on the last of (n,) values at (n,) UTC times; raises AnswerError.

        budget: seconds that are left for this request, if fewer than those of `patience`; fields: further fields of
        the request in the names of the protocol, such as sensitivity or maxAnomalyRatio.
        """
        left = self.breaker.seconds_left()
        if left > 0:
            raise AnswerError("open", f"the server failed before and is left alone for {left:.0f} s more", again=True)
        body = last_request(values, times, granularity=granularity, **fields)
        try:
            verdict = self._ask(body, budget)
        except AnswerError as error:
            # A refusal of this series says nothing about the next one.
            self.breaker.record(good=error.reason == "refused" and error.code != "")
            raise
        self.breaker.record(good=True)
        return verdict

    def _ask(self, body: bytes, budget: float | None) -> LastVerdict:
        headers = {} if self.key is None else {KEY_HEADER: self.key.reveal()}
        seconds = self.patience.budget if budget is None else min(budget, self.patience.budget)
        patience = Patience(**(vars(self.patience) | {"budget": max(seconds, 0.001)}))
        url = f"{self.endpoint.rstrip('/')}/anomalydetector/{self.version}/timeseries/last/detect"
        problem: HttpError | None = None
        try:
            reply = post(
                url, body, session=self.session, headers=headers, patience=patience, max_answer=MOST_ANSWER,
                clock=self.clock, sleep=self.sleep,
            )  # fmt: skip
        except HttpError as error:
            problem = error
        if problem is not None:
            raise AnswerError(problem.kind, str(problem), again=problem.kind in ("connection", "timeout", "truncated"))
        return read_last(reply, self.key)


def last_request(values: Floats, times: NDArray[np.datetime64], *, granularity: str, **fields: Any) -> bytes:
    """(n,) finite values, (n,) UTC times -> the body of last/detect."""
    stamps = times.astype("datetime64[us]").astype(str).tolist()
    points = [{"timestamp": f"{t}Z", "value": v} for t, v in zip(stamps, values.tolist(), strict=True)]
    return json.dumps({"series": points, "granularity": granularity, **fields}, allow_nan=False).encode()


def read_last(reply: Reply, key: Secret | None = None) -> LastVerdict:
    """A reply -> the verdict in it; raises AnswerError. The key is cut out of whatever is quoted."""
    content = _json_object(reply.body)
    if not reply.ok:
        raise _refusal(reply.status, content or {}, key)
    try:
        if content is None:
            raise TypeError
        verdict = LastVerdict(
            expected=float(content["expectedValue"]),
            upper_margin=float(content["upperMargin"]),
            lower_margin=float(content["lowerMargin"]),
            severity=float(content.get("severity", math.nan)),
            is_anomaly=content["isAnomaly"],
            is_positive=content["isPositiveAnomaly"],
            is_negative=content["isNegativeAnomaly"],
            period=int(content["period"]),
            suggested_window=int(content["suggestedWindow"]),
        )
        measures = (verdict.expected, verdict.upper_margin, verdict.lower_margin)
        flags = (verdict.is_anomaly, verdict.is_positive, verdict.is_negative)
        if not all(isinstance(flag, bool) for flag in flags) or not all(map(math.isfinite, measures)):
            raise TypeError
        return verdict
    except (KeyError, TypeError, ValueError, OverflowError):
        raise AnswerError(
            "malformed", "the server answered 200 with something that is no verdict: check that the endpoint is right"
        ) from None


def _refusal(status: int, content: Mapping[str, Any], key: Secret | None) -> AnswerError:
    reason = {410: "gone", 429: "busy"}.get(status, "failed" if status >= 500 else "refused")
    code, said = content.get("code"), content.get("message")
    advice = _ADVICE.get(status, "look at the server" if status >= 500 else "look at the request")
    quoted = f" ({redact(str(said), *([key] if key else []))[:LONGEST_QUOTE]})" if isinstance(said, str) else ""
    code = code if isinstance(code, str) else ""
    return AnswerError(
        reason, f"the server answered {status}{quoted}: {advice}", code=code, again=status == 429 or status >= 500
    )


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
