"""The door of the Event Hubs stand-in: TLS to the clients, and frames with all their fields."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress

from ad_stream.errors import SetupError
from ad_stream.simulate.event_hubs.certificate import Certificate
from ad_stream.simulate.event_hubs.frames import ANY_SIZE, Frames, largest_frame, whole

HERE = "127.0.0.1"
SECONDS = 20
CHUNK = 65_536


class TlsProxy:
    """Listens on `port` and hands every connection on to `inner`, which speaks plain AMQP; a thread of its own.

    A side that breaks its connection breaks the other one, without a word of TLS.
    """

    def __init__(self, certificate: Certificate, port: int, inner: int) -> None:
        self.port, self.inner = port, inner
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(certificate.certificate, certificate.key)
        self._loop = asyncio.new_event_loop()
        self._open, self._failure = threading.Event(), ""
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self._thread = threading.Thread(target=self._run, name="event-hubs-door", daemon=True)

    def open(self) -> None:
        """SetupError where the port cannot be had."""
        self._thread.start()
        if not self._open.wait(SECONDS) or self._failure:
            raise SetupError(
                f"the Event Hubs stand-in cannot listen on port {self.port} ({self._failure or 'no answer'}):"
                " end what listens there, the connector knows no other port"
            )

    def close(self) -> None:
        """Break all connections and leave the port."""
        with suppress(RuntimeError):  # it was never open
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            server = self._loop.run_until_complete(
                asyncio.start_server(self._connected, HERE, self.port, ssl=self._tls)
            )
        except OSError as error:
            self._failure = str(error)
        else:
            self._open.set()
            self._loop.run_forever()
            server.close()
            for client in self._connections:
                client.transport.abort()
            self._loop.run_until_complete(asyncio.gather(*filter(None, self._connections.values())))
        self._open.set()
        self._loop.close()

    async def _connected(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self._connections[to_client] = asyncio.current_task()
        with suppress(OSError):  # the server has just been stopped
            server, to_server = await asyncio.open_connection(HERE, self.inner)
            said = Said()
            ways = (
                asyncio.ensure_future(_carry(client, to_server, said.by_client)),
                asyncio.ensure_future(_carry(server, to_client, said.by_server)),
            )
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            to_server.transport.abort()
            to_client.transport.abort()
            await asyncio.wait(ways)
        to_client.transport.abort()
        del self._connections[to_client]


class Said:
    """One connection: what the client takes is known from its `open`, and what the server says is made whole."""

    def __init__(self) -> None:
        self._from_client, self._from_server = Frames(), Frames()
        self._largest: int | None = None

    def by_client(self, data: bytes) -> bytes:
        """Unchanged."""
        if self._largest is None:
            for frame in self._from_client.feed(data):
                self._largest = self._largest or largest_frame(frame)
        return data

    def by_server(self, data: bytes) -> bytes:
        """Whole frames."""
        return b"".join(whole(frame, self._largest or ANY_SIZE) for frame in self._from_server.feed(data))


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter, made: Callable[[bytes], bytes]) -> None:
    with suppress(OSError):
        while data := await source.read(CHUNK):
            target.write(made(data))
            await target.drain()
