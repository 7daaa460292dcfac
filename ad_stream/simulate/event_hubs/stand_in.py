"""An Event Hubs stand-in: AMQP 1.0 over TLS on port 5671, for the Spark connector and other AMQP clients.

It answers as the service does where clients look: `$cbs` (tokens are checked against the key), `$management`,
partitions with sequence numbers, offsets and enqueued times, receivers with selector filters, epochs and credit, and
senders. Events live in memory and are never dropped by age; `forget` drops them on request.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from ad_stream.errors import SetupError
from ad_stream.simulate.event_hubs.certificate import Certificate, certificate
from ad_stream.simulate.event_hubs.store import Hub
from ad_stream.simulate.event_hubs.tls_proxy import TlsProxy
from ad_stream.simulate.event_hubs.trouble import Trouble
from ad_stream.simulate.ports import free_port

if TYPE_CHECKING:
    from ad_stream.simulate.event_hubs.server import AmqpServer
    from ad_stream.simulate.send import Event

PORT = 5671
"""The connector knows no other."""


class EventHubsStandIn:
    """One hub on `localhost:5671`; a context manager, its events are gone with it.

    folder       where its certificate lies, made if there is none
    partitions   1 to 32

    connection_string is what a client needs, java_options() let Java trust its certificate. publish() puts events in
    from this process, clients send over the wire; `hub` holds them. stop() and start() again keep them. `trouble` is
    what readers have to bear.
    SetupError where the port is taken or a package is missing.
    """

    def __init__(self, folder: Path, *, name: str = "iot", partitions: int = 4, key: str = "bG9jYWwta2V5") -> None:
        self.hub, self.trouble = Hub(name, partitions), Trouble()
        self._key, self._folder = key, folder
        self._certificate: Certificate | None = None
        self._server: AmqpServer | None = None
        self._thread: threading.Thread | None = None
        self._door: TlsProxy | None = None
        self.connection_string = (
            f"Endpoint=sb://localhost/;SharedAccessKeyName=local;SharedAccessKey={key};EntityPath={name}"
        )

    def __enter__(self) -> EventHubsStandIn:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def certificate(self) -> Certificate:
        """What clients must trust; made at first use."""
        if self._certificate is None:
            self._certificate = certificate(self._folder)
        return self._certificate

    def java_options(self) -> str:
        """For spark.driver.extraJavaOptions and spark.executor.extraJavaOptions."""
        return f"-Djavax.net.ssl.trustStore={self.certificate.java_trust_store()}"

    def start(self) -> None:
        """Listen; after a stop() with the same events and the same certificate."""
        try:
            from ad_stream.simulate.event_hubs.server import AmqpServer
        except ImportError:
            raise SetupError(
                "the package python-qpid-proton is missing: pip install 'ad-stream[simulate-event-hubs]'"
            ) from None
        self._server = AmqpServer(self.hub, self._key, free_port(), self.trouble)
        self._thread = threading.Thread(target=self._server.run, name="event-hubs-stand-in", daemon=True)
        self._thread.start()
        self._server.wait_until_listening()
        door = TlsProxy(self.certificate, PORT, self._server.port)
        try:
            door.open()
        except SetupError:
            self.stop()
            raise
        self._door = door

    def stop(self) -> None:
        """Close all connections and the port."""
        if self._door is not None:
            self._door.close()
        if self._server is not None and self._thread is not None:
            self._server.stop()
            self._thread.join(timeout=20)
        self._server = self._thread = self._door = None

    def publish(self, events: Iterable[Event]) -> int:
        """Put events in with their partitions, enqueued times and system properties; -> how many."""
        count = self.hub.extend(events)
        if self._server is not None:
            self._server.wake()
        return count
