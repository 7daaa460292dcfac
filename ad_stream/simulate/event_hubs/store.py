"""What an event hub holds: partitions of numbered events."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from ad_stream import times

if TYPE_CHECKING:
    from ad_stream.simulate.send import Event


@dataclass(frozen=True)
class Stored:
    """An event in its partition; offset grows with the bytes before it, as in the service, and is no sequence number."""

    sequence: int
    offset: int
    enqueued_ms: int
    body: bytes
    properties: Mapping[str, object]
    system: Mapping[str, str]


@dataclass
class Partition:
    """Events in order; those before `first` have been dropped."""

    events: list[Stored] = field(default_factory=list)
    first: int = 0
    size: int = 0

    @property
    def next(self) -> int:
        """The sequence number of the next event."""
        return self.first + len(self.events)

    def append(
        self, enqueued_ms: int, body: bytes, properties: Mapping[str, object], system: Mapping[str, str]
    ) -> None:
        self.events.append(Stored(self.next, self.size, enqueued_ms, body, properties, system))
        self.size += len(body) + 64

    def from_sequence(self, sequence: int) -> Stored | None:
        """The first event with this sequence number or a later one."""
        at = max(sequence - self.first, 0)
        return self.events[at] if at < len(self.events) else None

    def forget(self, sequence: int) -> None:
        """Drop the events before `sequence`, as retention does."""
        dropped = min(max(sequence - self.first, 0), len(self.events))
        del self.events[:dropped]
        self.first += dropped


class Hub:
    """A named hub; all methods may be called from any thread."""

    def __init__(self, name: str, partitions: int, now: Callable[[], datetime] = times.now) -> None:
        self.name = name
        self.now = now
        self.created = now()
        self.lock = threading.RLock()
        self.partitions = [Partition() for _ in range(partitions)]
        self._turn = 0

    def extend(self, events: Iterable[Event]) -> int:
        """Add events with what they bring; -> how many."""
        added = list(events)
        for event in added:
            with self.lock:
                partition = self.partitions[event.partition]
                partition.append(round(event.enqueued.timestamp() * 1000), event.body, event.properties, event.system)
        return len(added)

    def receive(
        self, body: bytes, properties: Mapping[str, object], system: Mapping[str, str], partition: int | None
    ) -> None:
        """Add an event that a client sent; without a partition the next in turn takes it."""
        with self.lock:
            if partition is None:
                partition, self._turn = self._turn, (self._turn + 1) % len(self.partitions)
            self.partitions[partition].append(round(self.now().timestamp() * 1000), body, properties, system)

    def forget(self, partition: int, before: int) -> None:
        """Drop the events of a partition before a sequence number."""
        with self.lock:
            self.partitions[partition].forget(before)
