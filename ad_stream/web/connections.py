"""uvicorn with limits on what a connection may cost before and after its request.

uvicorn itself waits for ever on a connection that sends nothing, half a head, or does not read its answer. Here each of
them ends after some seconds, and there are so many connections at once and no more.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp

FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\nContent-Type: application/json\r\n"
    b"Content-Length: 91\r\n\r\n"
    b'{"code": "TooManyConnections", "message": "All connections are taken: come again in 5 s."}\n'
)


@dataclass(frozen=True, kw_only=True)
class ConnectionLimits:
    """What one connection may cost.

    connections    at once, > 0; a further one gets a 503 and is closed
    head_bytes     of a request's line and headers, > 0
    head_seconds   from the connection, or from a request's first byte, until its head is whole, > 0; as long may the rest
                   of a body take that was refused unread
    idle_seconds   between an answer and the next request, > 0
    stall_seconds  for which an answer may find its reader not reading, > 0
    """

    connections: int = 600
    head_bytes: int = 32 * 1024
    head_seconds: float = 15.0
    idle_seconds: float = 75.0
    stall_seconds: float = 30.0


def server_config(app: ASGIApp, limits: ConnectionLimits, **settings: Any) -> uvicorn.Config:
    """The uvicorn configuration of this app; settings: further fields of uvicorn.Config."""
    quiet: dict[str, Any] = {"access_log": False, "log_level": "warning", "server_header": False}
    return uvicorn.Config(
        app,
        http=_limited(limits),
        ws="none",
        h11_max_incomplete_event_size=limits.head_bytes,
        timeout_keep_alive=limits.idle_seconds,  # type: ignore[arg-type]  # handed to call_later
        **(quiet | settings),
    )


def _limited(limits: ConnectionLimits) -> type[H11Protocol]:
    class Limited(LimitedProtocol):
        """With these limits; uvicorn takes a class."""

    Limited.limits = limits
    return Limited


class LimitedProtocol(H11Protocol):
    """uvicorn's protocol with two clocks: for what must arrive, and for what must be read."""

    limits = ConnectionLimits()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arriving: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self._turned_away = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._turned_away = True
            transport.write(FULL)
            transport.close()
        self._start_arriving()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_arriving()
        self._stop_reading()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._turned_away:
            return
        super().data_received(data)
        if not self._between_requests():
            self._stop_arriving()
        elif self._arriving is None:
            self._start_arriving()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._stop_reading()
        # A body that was refused before it came: what is left of it is dropped for a while, so that the answer is read.
        if self.cycle.more_body and not self.transport.is_closing():
            self._start_arriving()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._reading is None:
            self._reading = self.loop.call_later(self.limits.stall_seconds, self._check_reader)

    def _between_requests(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _start_arriving(self) -> None:
        self._stop_arriving()
        self._arriving = self.loop.call_later(self.limits.head_seconds, self.transport.abort)

    def _stop_arriving(self) -> None:
        if self._arriving is not None:
            self._arriving.cancel()
            self._arriving = None

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _check_reader(self) -> None:
        # One that takes a little now and then is found waiting here as well: the next piece is always ready for it.
        self._reading = None
        if self.flow.write_paused:
            self.transport.abort()
