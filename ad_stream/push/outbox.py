"""What one target still has to get: whole batches, oldest first, across failures and restarts.

The rows stay where they are, in `detections`; the outbox only knows how far each batch has come. The order within a
batch is (minute, device_id, signal), so that rows arrive in order per series, and one key says where to go on.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, cast

from ad_stream import times
from ad_stream.push.base import SETTLED, Delivery, Row, State, Target, Which, is_flagged

KEEP = timedelta(hours=24)
PAGE = 20_000
"""Rows read at a time: what a driver holds at most, however large the batch."""
FULL = "the rows of this hour are used up"
Key = tuple[datetime, str, str]
"""(minute, device_id, signal)."""
Batch = tuple[str, int]
"""(query_id, batch_id)."""


@dataclass(frozen=True)
class Record:
    """A row of the table `deliveries`.

    attempt  counts the records of a batch at a sink; the last one tells whether the batch waits (`failed`, `not_sent`)
             and with how many rows
    sent     rows that the target's hour was charged with since the record before it, tries that failed included
    minute, device_id, signal  the last row meant, null where the records before it say so
    """

    sink: str
    query_id: str
    batch_id: int
    attempt: int
    rows: int
    state: State
    error: str | None
    at: datetime
    sent: int = 0
    minute: datetime | None = None
    device_id: str | None = None
    signal: str | None = None

    @property
    def key(self) -> Key | None:
        """The last row meant."""
        return None if self.minute is None else (self.minute, str(self.device_id), str(self.signal))


class Store(Protocol):
    """Where the rows of batches are read."""

    def page(self, batch: Batch, which: Which, after: Key | None, one_in: int, limit: int) -> list[Row]:
        """The first rows behind a key, in order; of normal rows one in so many of each series."""
        ...

    def count(self, batch: Batch, which: Which) -> int:
        """All rows of a batch that are wanted."""
        ...


@dataclass
class Waiting:
    """A batch that is not through; rows counts those that are not settled."""

    batch: Batch
    since: datetime
    rows: int
    after: Key | None = None
    attempt: int = 0
    told: tuple[State, str | None] | None = None
    page: list[Row] | None = None
    done: list[tuple[State, int, str | None, Key | None]] = field(default_factory=list)
    """What this turn settled, to be recorded: state, rows, error, the last row."""

    def settle(self, state: State, rows: int, error: str | None, key: Key | None) -> None:
        """These rows are through; rows in a row that fared alike become one record."""
        self.rows -= rows
        self.after = key or self.after
        if self.done and error is None and self.done[-1][0] == state:
            rows += self.done.pop()[1]
        self.done.append((state, rows, error, key))


class Outbox:
    """The waiting batches of one target, and `records`, what is to be appended to `deliveries`.

    counts says how many rows came to which state since the outbox was made.
    """

    def __init__(
        self, target: Target, store: Store, *, keep: timedelta = KEEP, page: int = PAGE, now: Callable[[], datetime] = times.now
    ) -> None:  # fmt: skip
        self.target, self.store = target, store
        self._keep, self._page, self._now = keep, page, now
        self.waiting: list[Waiting] = []
        self.records: list[Record] = []
        self.counts: Counter[State] = Counter()
        self._full, self._charged = False, 0

    @property
    def rows(self) -> int:
        """Rows that wait."""
        return sum(one.rows for one in self.waiting)

    def restore(self, waiting: Iterable[Record], recent: Iterable[Record]) -> None:
        """Go on where earlier runs stopped; records of other sinks are left alone.

        waiting: all records of the batches that wait; recent: those of the last hour, oldest first.
        """
        of: dict[Batch, list[Record]] = {}
        for record in waiting:
            if record.sink == self.target.name:
                of.setdefault((record.query_id, record.batch_id), []).append(record)
        for record in recent:
            if record.sink == self.target.name and self.target.hourly is not None:
                self.target.hourly.remember((self._now() - record.at).total_seconds(), record.sent)
        self.waiting = []
        for batch, own in of.items():
            last = max(own, key=lambda record: record.attempt)
            if last.state not in SETTLED:
                after = max((one.key for one in own if one.state in SETTLED and one.key), default=None)
                since = min(one.at for one in own)
                self.waiting.append(Waiting(batch, since, last.rows, after, last.attempt, (last.state, last.error)))
        self.waiting.sort(key=lambda one: (one.since, one.batch[1]))

    def add(self, batch: Batch) -> int:
        """A batch is in the tables; -> how many of its rows are wanted. One that waits already is not added again."""
        if any(one.batch == batch for one in self.waiting):
            return 0
        page = self.store.page(batch, self.target.rows, None, 1, self._page)
        if not page:
            return 0
        rows = len(page) if len(page) < self._page else self.store.count(batch, self.target.rows)
        self.waiting.append(Waiting(batch, self._now(), rows, page=page))
        return rows

    def turn(self, seconds: float) -> None:
        """Give up what is too old, then push for at most so many seconds.

        The first page is read before they begin, so that slow tables leave time to send it.
        """
        self._expire()
        one_in = self._prepared()
        stopped, self._full = Delivery(0, "not_sent", "the seconds of this push were used up"), False
        handed: deque[tuple[Waiting, Key | None]] = deque()
        try:
            for outcome in self.target.push(self._line(handed, one_in), seconds) if self.waiting else ():
                if outcome.state not in SETTLED:
                    stopped = outcome
                    break
                self._settle(handed, outcome)
            if self._full:
                stopped = Delivery(0, "not_sent", FULL)
        except Exception as error:  # whatever a target does, the batch must not fail for it
            stopped = Delivery(
                0, "failed", f"the push target {self.target.name!r} broke off with {type(error).__name__}"
            )
        finally:
            self._end_batches(handed)
            self._record(stopped)

    def _prepared(self) -> int:
        """Reads the first page; -> how many normal rows stand behind each that is sent."""
        hourly = self.target.hourly
        one_in = 1 if hourly is None else hourly.keep_one_in(self.rows)
        for place, waiting in enumerate(self.waiting):
            if one_in > 1:
                waiting.page = None  # it was read before rows had to be left out
            if place == 0 and waiting.page is None:
                waiting.page = self._read(waiting, waiting.after, one_in)
        return one_in

    def _read(self, waiting: Waiting, after: Key | None, one_in: int) -> list[Row]:
        return self.store.page(waiting.batch, self.target.rows, after, one_in, self._page)

    def _line(self, handed: deque[tuple[Waiting, Key | None]], one_in: int) -> Iterator[Row]:
        """The rows in the order in which they go out; `handed` notes each, and (batch, None) behind its last one."""
        hourly = self.target.hourly
        for waiting in list(self.waiting):
            for row in self._rows_of(waiting, one_in):
                normal = not is_flagged(row)
                if hourly is not None and hourly.room(for_normal=normal) <= len(handed):
                    if normal:
                        continue
                    self._full = True
                    return
                handed.append((waiting, _key(row)))
                yield row
            handed.append((waiting, None))

    def _rows_of(self, waiting: Waiting, one_in: int) -> Iterator[Row]:
        after, page, waiting.page = waiting.after, waiting.page, None
        while True:
            if page is None:
                page = self._read(waiting, after, one_in)
            yield from page
            if len(page) < self._page:
                return
            after, page = _key(page[-1]), None

    def _settle(self, handed: deque[tuple[Waiting, Key | None]], outcome: Delivery) -> None:
        for _ in range(outcome.rows):
            self._end_batches(handed)
            waiting, key = handed.popleft()
            waiting.settle(outcome.state, 1, outcome.error, key)
        self.counts[outcome.state] += outcome.rows

    def _end_batches(self, handed: deque[tuple[Waiting, Key | None]]) -> None:
        """Batches whose last row is settled: what was not handed out was thinned."""
        while handed and handed[0][1] is None:
            waiting = handed.popleft()[0]
            if waiting.rows > 0:
                self.counts["thinned"] += waiting.rows
                if self.target.hourly is not None:
                    self.target.hourly.thin(waiting.rows)
                waiting.settle("thinned", waiting.rows, None, None)

    def _expire(self) -> None:
        for waiting in self.waiting:
            if self._now() - waiting.since >= self._keep:
                self.counts["expired"] += waiting.rows
                why = waiting.told[1] if waiting.told else None
                waiting.settle("expired", waiting.rows, why, None)
        if any(one.rows <= 0 for one in self.waiting):
            self._record(None)

    def _record(self, stopped: Delivery | None) -> None:
        """Note what the turn settled; and of batches that wait, where that is news, why."""
        left = [one for one in self.waiting if one.rows > 0]
        for waiting in self.waiting:
            settled = waiting.done
            for state, rows, error, key in settled:
                self._note(waiting, rows, state, error, key)
            waiting.done = []
            if waiting.rows > 0 and stopped is not None:
                told: tuple[State, str | None] = (stopped.state if waiting is left[0] else "not_sent", stopped.error)
                if settled or told != waiting.told or self._much_uncharged:
                    self._note(waiting, waiting.rows, *told, None)
                    waiting.told = told
            waiting.page = None  # many batches may wait, and their pages must not
        self.waiting = left

    def _note(self, waiting: Waiting, rows: int, state: State, error: str | None, key: Key | None) -> None:
        waiting.attempt += 1
        sent, self._charged = self._uncharged, self._charged + self._uncharged
        row = key or (None, None, None)
        self.records.append(
            Record(self.target.name, *waiting.batch, waiting.attempt, rows, state, error, self._now(), sent, *row)
        )

    @property
    def _uncharged(self) -> int:
        """Rows that the target's hour was charged with and no record tells of yet."""
        return 0 if self.target.hourly is None else self.target.hourly.spent - self._charged

    @property
    def _much_uncharged(self) -> bool:
        """Whether a restart would forget more than a hundredth of the hour; an outage is no reason for more records."""
        return self.target.hourly is not None and 100 * self._uncharged >= self.target.hourly.most


def _key(row: Row) -> Key:
    return cast(datetime, row["minute"]), str(row["device_id"]), str(row["signal"])
