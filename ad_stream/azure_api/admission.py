"""Who may ask, how much and how many at once: the checks before any work."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from fastapi import Request

from ad_stream.errors import ConfigError
from ad_stream.web import bodies
from ad_stream.web.callers import comes_from_elsewhere, is_loopback, names_this_machine

KEY_HEADER = "Ocp-Apim-Subscription-Key"
KEYS_VARIABLE = "AD_STREAM_KEYS"
MIB = 1024 * 1024


AGAIN = 5
"""Seconds to come again in, where what is away or busy may be back."""


class RefusedError(Exception):
    """A request answered with `status` and the contract's error body; `retry_after`: seconds to come again in."""

    def __init__(self, status: int, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one server takes on.

    body_bytes    one series, > 0; 8640 points with timestamps are about half a MiB
    batch_bytes   many series, > 0
    answer_bytes  one answer, > 0; a batch whose answers are longer is refused (413)
    in_flight     requests accepted at once, > 0; a further one is told to come again (429)
    held_bytes    bodies and answers held at once, >= batch_bytes; beyond it likewise
    read_seconds  for a body to arrive, > 0
    work_seconds  for an answer, the wait for a free worker included, > 0; then the worker is ended
    workers       processes that judge, > 0; each one request at a time
    worker_bytes  memory of one worker (on Linux), > 0; a body that takes more is refused (413)
    detections    of named sources on demand at once, > 0; a further one is told to come again (503)
    worker_keeps  memory that a worker may hold between two requests; one that holds more is replaced, > 0
    """

    body_bytes: int = 2 * MIB
    batch_bytes: int = 16 * MIB
    answer_bytes: int = 32 * MIB
    in_flight: int = 512
    held_bytes: int = 128 * MIB
    read_seconds: float = 20.0
    work_seconds: float = 60.0
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    worker_bytes: int = 1024 * MIB
    worker_keeps: int = 256 * MIB
    detections: int = field(default_factory=lambda: os.cpu_count() or 1)


class Keys:
    """The subscription keys, kept as digests; none means that only this machine may ask."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._digests = tuple(_digest(key) for key in keys)

    def __repr__(self) -> str:
        return f"Keys({len(self._digests)})"

    def __bool__(self) -> bool:
        return bool(self._digests)

    @classmethod
    def from_environment(cls) -> Keys:
        """AD_STREAM_KEYS: one key, or several with commas between them."""
        return cls([key.strip() for key in os.environ.get(KEYS_VARIABLE, "").split(",") if key.strip()])

    def check(self, request: Request, key: str | None = None) -> None:
        """Raises RefusedError (401); every key is compared, each in constant time. key: where it came otherwise than in the
        header."""
        if not self._digests:
            here = is_loopback(request.client.host if request.client else "") and names_this_machine(request.headers)
            if not here or comes_from_elsewhere(request.method, request.headers):
                raise RefusedError(
                    401,
                    "Unauthorized",
                    f"This server has no keys and answers programs of its own machine only: set {KEYS_VARIABLE}.",
                )
            return
        given = _digest(request.headers.get(KEY_HEADER, "") if key is None else key)
        matches = [hmac.compare_digest(given, known) for known in self._digests]  # all of them, in constant time
        if not any(matches):
            raise RefusedError(401, "Unauthorized", f"Access needs a valid key in the header {KEY_HEADER}.")


class Place:
    """The room that one request has; given back once, whoever calls `leave`."""

    def __init__(self, admission: Admission, size: int) -> None:
        self._admission = admission
        self._size = size
        self._left = False

    def resize(self, size: int) -> None:
        """The request now holds `size` bytes, its answer in place of its body; raises RefusedError (429)."""
        if size > self._size:
            self._admission.check_room(size - self._size)
        self._admission.held += size - self._size
        self._size = size

    def leave(self) -> None:
        """Gives the room back."""
        if not self._left:
            self._left = True
            self._admission.in_flight -= 1
            self._admission.held -= self._size


class Admission:
    """Counts the requests in flight and the bytes held for them, and turns away those beyond the limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.held = 0
        self.in_flight = 0

    def place(self, size: int) -> Place:
        """Room for a body of up to `size` bytes; raises RefusedError (429) where there is none left."""
        if self.in_flight >= self._limits.in_flight:
            raise _busy()
        self.check_room(size)
        self.in_flight += 1
        self.held += size
        return Place(self, size)

    def check_room(self, size: int) -> None:
        """Raises RefusedError (429) where so many bytes more cannot be held."""
        if self.held + size > self._limits.held_bytes:
            raise _busy()


def announced_size(request: Request, most: int) -> int:
    """How long the body will be, `most` where it does not say; raises RefusedError (413, 415)."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RefusedError(415, "UnsupportedMediaType", "The body must not be compressed: leave Content-Encoding out.")
    try:
        return bodies.announced(request.headers, most)
    except bodies.BodyTooLargeError:
        raise _too_large(most) from None


async def read_body(request: Request, *, most: int, seconds: float) -> bytes:
    """The body, never more than `most` bytes of it in memory; raises RefusedError (408, 413)."""
    try:
        return await bodies.read_body(request, most=most, seconds=seconds)
    except bodies.BodyTooLargeError:
        raise _too_large(most) from None
    except bodies.BodyTooSlowError as error:
        raise RefusedError(408, "RequestTimeout", str(error)) from None


def check_exposure(host: str, keys: Keys) -> None:
    """Raises ConfigError where a server without keys would listen beyond its own machine."""
    if not keys and not is_loopback(host):
        raise ConfigError(f"a server without keys listens on 127.0.0.1 only, not on {host}: set {KEYS_VARIABLE}")


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


def _busy() -> RefusedError:
    return RefusedError(429, "TooManyRequests", "The server is busy: come again in a second.", retry_after=1)


def _too_large(most: int) -> RefusedError:
    return RefusedError(413, "RequestEntityTooLarge", f"The body must be at most {most} bytes: send fewer points.")
