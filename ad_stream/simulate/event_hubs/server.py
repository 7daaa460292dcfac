"""The AMQP side of the Event Hubs stand-in: connections, tokens, readers and senders over one Hub.

All of it runs in the thread of run(), but for wake() and stop().
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proton import Condition, Delivery, Endpoint, Link, Message, symbol
from proton._handlers import EndpointStateHandler, FlowController, OutgoingMessageHandler
from proton.handlers import MessagingHandler
from proton.reactor import ApplicationEvent, Container, EventInjector

from ad_stream.errors import SetupError
from ad_stream.simulate.event_hubs.messages import CBS, SharedAccessToken, address, answer, first_wanted, received, wire
from ad_stream.simulate.event_hubs.store import Hub
from ad_stream.simulate.event_hubs.trouble import Trouble

SECONDS = 20
LARGEST = 1_048_576
"""Bytes of one message or batch, as in the service."""
NOT_FOUND, UNAUTHORIZED, STOLEN = "amqp:not-found", "amqp:unauthorized-access", "amqp:link:stolen"
FORCED, BUSY = "amqp:link:detach-forced", "com.microsoft:server-busy"


@dataclass
class HubReader:
    """A client that receives from one partition."""

    link: Link
    partition: int
    group: str
    epoch: int | None
    wanted: int
    waits: bool = False
    """Its next event is on the way already."""


class AmqpServer(MessagingHandler):  # type: ignore[misc]
    """Serves a hub on 127.0.0.1, without TLS, until stop()."""

    def __init__(self, hub: Hub, key: str, port: int, trouble: Trouble | None = None) -> None:
        super().__init__(prefetch=0, auto_accept=False)
        self.handlers = [
            FlowController(300),
            EndpointStateHandler(delegate=self),
            OutgoingMessageHandler(delegate=self),
        ]
        self.hub, self.port, self.trouble = hub, port, trouble or Trouble()
        self._token = SharedAccessToken(key)
        self._container, self._injector = Container(self), EventInjector()
        self._listening, self._failure = threading.Event(), ""
        self._readers: list[HubReader] = []
        self._answers: list[Link] = []
        self._refused: list[tuple[Link, Condition]] = []
        self._connections: list[Any] = []
        self._let_in: list[Any] = []

    def run(self) -> None:
        """Serve; returns after stop()."""
        try:
            self._container.run()
        except OSError as error:
            self._failure = str(error)
        finally:
            self._listening.set()

    def wait_until_listening(self) -> None:
        """SetupError where the port cannot be had."""
        if not self._listening.wait(SECONDS) or self._failure:
            raise SetupError(f"the Event Hubs stand-in did not start ({self._failure or 'no answer'}): try again")

    def wake(self) -> None:
        """Events were added from elsewhere."""
        self._injector.trigger(ApplicationEvent("published"))

    def stop(self) -> None:
        """End run()."""
        self._injector.trigger(ApplicationEvent("closing"))

    def on_start(self, event: Any) -> None:
        self._acceptor = event.container.listen(f"amqp://127.0.0.1:{self.port}")
        event.container.selectable(self._injector)
        self._listening.set()

    def on_published(self, _: Any) -> None:
        for reader in self._readers:
            self._feed(reader)

    def on_closing(self, _: Any) -> None:
        # Without sockets left the container comes to its end; clients see a broken connection, as after a crash.
        self._acceptor.close()
        self._injector.close()
        self.on_cut(None)

    def on_cut(self, _: Any) -> None:
        """All connections break without a word."""
        for connection in self._connections:
            connection.transport.close_tail()
            connection.transport.close_head()

    def on_close(self, _: Any) -> None:
        """All readers are sent away, as the service does when it moves a partition."""
        gone, self._readers = self._readers, []
        for reader in gone:
            _close(reader.link, Condition(FORCED, "The link is force detached by the broker, the partition moves."))

    def on_connection_opening(self, event: Any) -> None:
        self._connections.append(event.connection)
        event.connection.properties = {symbol("product"): "ad-stream stand-in"}

    def on_link_opening(self, event: Any) -> None:
        link = event.link
        link.source.copy(link.remote_source)
        link.target.copy(link.remote_target)
        link.max_message_size = LARGEST
        where = address(link.remote_source.address if link.is_sender else link.remote_target.address)
        if where.service:
            if link.is_sender:
                self._answers.append(link)
            return
        condition = self._wrong(event.connection, where.hub, where.partition)
        if condition is None and link.is_sender:
            condition = self._busy() or self._read(link, where.group, int(where.partition or 0))
        if condition is not None:
            self._refused.append((link, condition))

    def on_link_local_open(self, event: Any) -> None:
        for link, condition in [one for one in self._refused if one[0] == event.link]:
            self._refused.remove((link, condition))
            _close(link, condition)

    def on_sendable(self, event: Any) -> None:
        for reader in [one for one in self._readers if one.link == event.link]:
            self._feed(reader)

    def on_delivery(self, event: Any) -> None:
        delivery, link = event.delivery, event.link
        if not link.is_receiver or not delivery.readable or delivery.partial:
            return
        raw = bytes(link.recv(delivery.pending))
        link.advance()
        where = address(link.remote_target.address)
        if where.service:
            self._ask(event.connection, where.service, raw)
        else:
            self._take(raw, where.partition)
        delivery.update(Delivery.ACCEPTED)
        delivery.settle()

    def on_link_closing(self, event: Any) -> None:
        self._readers = [reader for reader in self._readers if reader.link != event.link]
        self._answers = [link for link in self._answers if link != event.link]

    def on_transport_error(self, event: Any) -> None:
        """Clients come and go, many without a word."""

    def on_transport_closed(self, event: Any) -> None:
        self._readers = [reader for reader in self._readers if reader.link.connection != event.connection]
        self._answers = [link for link in self._answers if link.connection != event.connection]
        self._let_in = [connection for connection in self._let_in if connection != event.connection]
        self._connections = [connection for connection in self._connections if connection != event.connection]

    def _wrong(self, connection: Any, hub: str, partition: str | None) -> Condition | None:
        if hub.lower() != self.hub.name.lower():
            return Condition(NOT_FOUND, f"The messaging entity '{hub}' could not be found.")
        if connection not in self._let_in:
            return Condition(
                UNAUTHORIZED, "Unauthorized access. 'Listen' claim(s) are required to perform this operation."
            )
        if partition is not None and not (partition.isdigit() and int(partition) < len(self.hub.partitions)):
            return Condition("amqp:invalid-field", f"The partition '{partition}' does not exist.")
        return None

    def _busy(self) -> Condition | None:
        if not self.trouble.throttles():
            return None
        return Condition(
            BUSY, "The request was terminated because the entity is being throttled, wait before you try again."
        )

    def _read(self, link: Link, group: str, partition: int) -> Condition | None:
        """Begin a reader; of readers with an epoch the highest stays, as long as it does the others are closed."""
        epoch = (link.remote_properties or {}).get("com.microsoft:epoch")
        same = [one for one in self._readers if (one.group, one.partition) == (group, partition)]
        holder = max((one.epoch for one in same if one.epoch is not None), default=None)
        if holder is not None and (epoch is None or epoch < holder):
            return Condition(STOLEN, f"A receiver with the higher epoch '{holder}' already exists.")
        for other in same if epoch is not None else []:
            self._readers.remove(other)
            _close(other.link, Condition(STOLEN, f"New receiver with higher epoch of '{epoch}' is created."))
        with self.hub.lock:
            wanted = first_wanted(link.remote_source.filter, self.hub.partitions[partition])
        self._readers.append(HubReader(link, partition, group, epoch, wanted))
        return None

    def _feed(self, reader: HubReader) -> None:
        """Send what the reader has credit for."""
        if reader.waits or not reader.link.state & Endpoint.LOCAL_ACTIVE:
            return
        for stored in self._due(reader):
            reader.wanted = stored.sequence + 1
            reader.link.send(wire(stored))
            happens = self.trouble.after_event()
            if happens:
                self._injector.trigger(ApplicationEvent(happens))
            if self.trouble.seconds_per_event:
                reader.waits = True
                self._container.schedule(self.trouble.seconds_per_event, Next(self, reader))
                return

    def feed_on(self, reader: HubReader) -> None:
        """The event that was on its way has arrived."""
        reader.waits = False
        if reader in self._readers:
            self._feed(reader)

    def _due(self, reader: HubReader) -> Iterator[Any]:
        while reader.link.credit > 0:
            with self.hub.lock:
                stored = self.hub.partitions[reader.partition].from_sequence(reader.wanted)
            if stored is None:
                return
            yield stored

    def _ask(self, connection: Any, service: str, raw: bytes) -> None:
        request = Message()
        request.decode(raw)
        if service == CBS:
            good = self._token.is_good(request.body)
            if good and connection not in self._let_in:
                self._let_in.append(connection)
            reply = SharedAccessToken.reply(good)
        else:
            good = connection in self._let_in or self._token.is_good((request.properties or {}).get("security_token"))
            reply = answer(self.hub, request.properties or {}) if good else SharedAccessToken.reply(False)
        reply.correlation_id = request.id
        for link in self._answers:
            if link.connection == connection and _waits_for(link, service, request.reply_to):
                link.send(reply)

    def _take(self, raw: bytes, partition: str | None) -> None:
        for body, properties, system in received(raw):
            self.hub.receive(body, properties, system, None if partition is None else int(partition))
        self.on_published(None)


class Next:
    """Feeds a reader once the time of a slow event is over."""

    def __init__(self, server: AmqpServer, reader: HubReader) -> None:
        self._server, self._reader = server, reader

    def on_timer_task(self, _: Any) -> None:
        self._server.feed_on(self._reader)


def _waits_for(link: Link, service: str, reply_to: str | None) -> bool:
    """Clients name the link that is to get the answer, or have one for all answers of the service."""
    return bool(
        link.remote_target.address == reply_to if reply_to else address(link.remote_source.address).service == service
    )


def _close(link: Link, condition: Condition) -> None:
    link.condition = condition
    link.close()
