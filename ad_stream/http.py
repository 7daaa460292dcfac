"""One POST or GET: timeout, bounded retries with Retry-After, a budget in seconds, a bounded answer.

Errors name the host and never the path, the query, a header or a body, because keys travel in all of them.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Literal
from urllib.parse import urlsplit

import requests
import urllib3

from ad_stream.errors import RunError
from ad_stream.secrets import Secret, redact

Kind = Literal["url", "connection", "tls", "timeout", "redirect", "truncated", "too_large"]
_RETRIED: frozenset[Kind] = frozenset({"connection", "timeout", "truncated"})
_PIECE, _SMALL_PIECE = 65_536, 1_024
_WHAT: dict[Kind, str] = {
    "url": "is no address that can be asked: write https://host/path",
    "connection": "cannot be reached: check the address and the network",
    "tls": "has a certificate that is not trusted: set REQUESTS_CA_BUNDLE to the file with your authority",
    "timeout": "did not answer in time: raise the timeout or look at the server",
    "redirect": "redirects to another address: use that address in the settings",
    "truncated": "broke its answer off: look at the server or what stands before it",
    "too_large": "sent a longer answer than is read: check that the address is the right one",
}


@dataclass(frozen=True)
class Reply:
    """What the server said at last; any status but a redirect. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    attempts: int

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


class HttpError(RunError):
    """No usable answer; `kind` says why, `attempts` how often it was asked for."""

    def __init__(self, host: str, kind: Kind, attempts: int) -> None:
        times = f" (asked {attempts} times)" if attempts > 1 else ""
        super().__init__(f"{host}{times} {_WHAT[kind]}")
        self.kind = kind
        self.attempts = attempts

    @property
    def passing(self) -> bool:
        """Whether the next request may do better: no connection, no answer in time, an answer broken off."""
        return self.kind in _RETRIED


@dataclass(frozen=True)
class Patience:
    """How long one post may take.

    timeout   seconds to connect, and between two pieces of an answer, > 0
    budget    seconds for everything: attempts, waits and reading, > 0; no wait starts that would pass it
    retries   further attempts after 429, 5xx, timeouts and broken connections, 0 or more
    pause     seconds before the first retry where the server names none; doubles with each
    longest   cap in seconds on what a Retry-After may ask for
    """

    timeout: float = 10.0
    budget: float = 30.0
    retries: int = 3
    pause: float = 0.5
    longest: float = 60.0


def post(
    url: Secret | str,
    body: bytes,
    *,
    session: requests.Session,
    headers: Mapping[str, str] | None = None,
    patience: Patience = Patience(),
    max_answer: int = 16 * 1024 * 1024,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Reply:
    """Send the bytes (JSON by default) and return the last answer, whatever its status; HttpError where there is none.

    Other 4xx than 429 are returned at once. Redirects are never followed: a POST would lose its body or show its key
    to another host. The session, from `open_session`, keeps the connection alive. The budget is checked between pieces
    of the answer: a server that drips its body passes it by one `timeout` at most (with urllib3 before 2.2 by the time
    that 1 KB takes); one that drips its header is held only by the timeout between two bytes.
    """
    return _asked("POST", url, body, session, headers, patience, max_answer, clock, sleep)


def get(
    url: Secret | str,
    *,
    session: requests.Session,
    headers: Mapping[str, str] | None = None,
    patience: Patience = Patience(),
    max_answer: int = 16 * 1024 * 1024,
) -> Reply:
    """As `post`, without a body; redirects are not followed either: the key would be shown to another host."""
    return _asked("GET", url, None, session, headers, patience, max_answer, time.monotonic, time.sleep)


def _asked(
    method: str,
    url: Secret | str,
    body: bytes | None,
    session: requests.Session,
    headers: Mapping[str, str] | None,
    patience: Patience,
    max_answer: int,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> Reply:
    address = url.reveal() if isinstance(url, Secret) else url
    deadline = clock() + patience.budget
    request = _prepare(session, method, address, body, headers or {})
    if request is None:
        raise HttpError(_host(address), "url", 0)
    attempt = 0
    while True:
        attempt += 1
        outcome = _once(session, request, attempt, patience.timeout, deadline, max_answer, clock)
        wait = _wait_before_retry(outcome, attempt, patience)
        if wait is None or clock() + wait >= deadline:
            break
        sleep(wait)
    if isinstance(outcome, Reply):
        return outcome
    raise HttpError(_host(address), outcome, attempt)


def open_session(*, proxy: str | None = None) -> requests.Session:
    """A session that takes nothing from the surroundings but REQUESTS_CA_BUNDLE: no proxy variables, no .netrc.

    proxy: the URL of a proxy for every request, if there is one. The log of urllib3 is redacted from here on.
    """
    session = _Session()
    session.trust_env = False
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
    if proxy:
        session.proxies = {"http": proxy, "https": proxy}
    redact_urllib3()
    return session


def redact_urllib3() -> None:
    """From here on the log of urllib3 has no secrets: at level DEBUG it writes paths with their query."""
    log = logging.getLogger("urllib3.connectionpool")
    if _redacted not in log.filters:
        log.addFilter(_redacted)


class _Session(requests.Session):
    # requests prepares the redirected request even when it is told not to follow, and reads the whole body for it.
    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002
        return None


def _prepare(
    session: requests.Session, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
) -> requests.PreparedRequest | None:
    """The request; None if the address is none."""
    # A compressed answer could be a thousand times as long as what is counted against max_answer.
    kind = {} if body is None else {"Content-Type": "application/json"}
    sent = {**kind, "Accept-Encoding": "identity", **headers}
    try:
        if urlsplit(url).scheme.lower() not in ("http", "https"):
            return None
        return session.prepare_request(requests.Request(method, url, headers=sent, data=body))
    except ValueError:
        return None


def _once(
    session: requests.Session,
    request: requests.PreparedRequest,
    attempt: int,
    timeout: float,
    deadline: float,
    max_answer: int,
    clock: Callable[[], float],
) -> Reply | Kind:
    """One request: the answer, or the kind of failure. Nothing of requests' own texts gets out."""
    timeout = max(min(timeout, deadline - clock()), 0.001)
    try:
        with session.send(request, timeout=timeout, stream=True, allow_redirects=False) as response:
            if 300 <= response.status_code < 400:
                return "redirect"
            content = _read(response, max_answer, deadline, clock)
            if not isinstance(content, bytes):
                return content
            names = {name.lower(): value for name, value in response.headers.items()}
            return Reply(response.status_code, names, content, attempt)
    except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
        return "timeout"
    except requests.exceptions.SSLError:
        return "tls"
    except urllib3.exceptions.ProtocolError:
        return "truncated"
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError):
        return "connection"


def _read(response: requests.Response, most: int, deadline: float, clock: Callable[[], float]) -> bytes | Kind:
    """The body in whatever pieces arrive, until it ends, is too long, or the time is up."""
    pieces: list[bytes] = []
    length = 0
    # read1 gives what has arrived; urllib3 before 2.2 (Databricks 15.4) has only read, which waits for a whole piece.
    read, size = getattr(response.raw, "read1", None), _PIECE
    if read is None:
        read, size = response.raw.read, _SMALL_PIECE
    while piece := read(size, decode_content=False):
        pieces.append(piece)
        length += len(piece)
        if length > most:
            return "too_large"
        if clock() >= deadline:
            return "timeout"
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and length < int(announced):
        return "truncated"
    return b"".join(pieces)


def _wait_before_retry(outcome: Reply | Kind, attempt: int, patience: Patience) -> float | None:
    """Seconds to wait before asking again; None = do not ask again."""
    if attempt > patience.retries:
        return None
    pause = patience.pause * 2.0 ** (attempt - 1)
    if not isinstance(outcome, Reply):
        return pause if outcome in _RETRIED else None
    if outcome.status != 429 and outcome.status < 500:
        return None
    asked = retry_after(outcome.headers)
    return pause if asked is None else min(max(asked, 0.0), patience.longest)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from `Retry-After`: a number, or a date counted from the server's own `Date`."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    until, now = _date(value), _date(headers.get("date", ""))
    return None if until is None or now is None else (until - now).total_seconds()


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "the address"
    except ValueError:
        return "the address"


def _redacted(record: logging.LogRecord) -> bool:
    """A log filter that lets every record through, without its secrets."""
    record.msg, record.args = redact(record.getMessage()), ()
    return True
