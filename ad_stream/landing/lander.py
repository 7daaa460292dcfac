"""What is read next, and what is looked at once more: a named source into a landing folder.

A range is read once its end is `settle` old, because rows of it may still be on their way: a transaction that began earlier
commits later, with earlier times. What comes later than that is found by a second look, `recheck` after the first could have
been. Rows come into the stream exactly once: a range has one file, and the second look leaves out what files already hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ad_stream.landing.folder import LandedState, LandingFolder
from ad_stream.landing.rows import landed, numbers_of
from ad_stream.readers.contract import RangeReader, TimeRange, us_of
from ad_stream.readers.settings import NamedSource
from ad_stream.times import moment
from ad_stream.times import now as system_clock

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Look:
    """What one look did. rows, again: readings that a first and a second look landed; unseen: those that a count found to have come
    still later; more: whether there is more to do now."""

    rows: int = 0
    again: int = 0
    unseen: int = 0
    more: bool = False


class Lander:
    """Not for several threads; the folder is to be owned."""

    def __init__(
        self,
        reader: RangeReader[NamedSource],
        folder: LandingFolder,
        *,
        start: str = "earliest",
        longest: timedelta = timedelta(days=1),
        clock: Callable[[], datetime] = system_clock,
    ) -> None:
        """start: earliest, latest or a time, of an empty folder. longest: of one range, and so of one file."""
        self._reader, self._folder, self._clock = reader, folder, clock
        self._start, self._longest = start, longest // timedelta(microseconds=1)
        self._settle, self._recheck = (
            one // timedelta(microseconds=1) for one in (reader.settings.settle, reader.settings.recheck)
        )
        audit = reader.settings.audit
        self._audit = None if audit is None else audit // timedelta(microseconds=1)
        self._state: LandedState | None = None

    def look(self) -> Look:
        """The next range that is due for its second look, and the next that may be read, if there are any."""
        ripe = us_of(self._clock()) - self._settle
        state = self._begun(ripe)
        if state is None:
            return Look()
        rows = again = 0
        if state.checked < (
            due := self._due(state, ripe)
        ):  # first: late rows count as come when the stream stands here
            state, again = self._second(state, due)
            self._keep(state)
        if state.position < ripe:
            state, rows = self._first(state, ripe)
            self._keep(state)
        state, unseen = self._counted(state, ripe)
        return Look(rows, again, unseen, state.position < ripe or state.checked < self._due(state, ripe))

    def catch_up(self) -> Look:
        """Looks until there is nothing to do now."""
        total = Look(more=True)
        while total.more:
            one = self.look()
            total = Look(total.rows + one.rows, total.again + one.again, total.unseen + one.unseen, one.more)
        return total

    def _begun(self, ripe: int) -> LandedState | None:
        if self._state is None:
            start = self._start_of(ripe) if self._folder.is_new else ripe
            if start is None:
                return None
            self._state = self._folder.state(start)
        return self._state

    def _start_of(self, ripe: int) -> int | None:
        """Where an empty folder begins; None while the source is empty."""
        if self._start != "earliest":
            return ripe if self._start == "latest" else us_of(moment(self._start))
        oldest = self._reader.earliest()
        # Older rows than the oldest that can be seen now may still be on their way.
        return None if oldest is None else min(oldest, ripe - self._recheck)

    def _due(self, state: LandedState, ripe: int) -> int:
        return min(ripe - self._recheck, state.position)

    def _keep(self, state: LandedState) -> None:
        self._state = state  # first: a range that has its file is never to be read as new again
        self._folder.keep(state)

    def _first(self, state: LandedState, ripe: int) -> tuple[LandedState, int]:
        span = TimeRange(state.position, min(ripe, state.position + self._longest))
        found = (landed(batch, numbers_of(batch), None) for batch in self._reader.read(span))
        rows = self._folder.write_rows(span, found)
        # A range that is read late enough needs no second look.
        is_late = span.end <= ripe - self._recheck and state.checked >= span.start
        checked = span.end if is_late else state.checked
        return replace(state, position=span.end, checked=checked, rows=state.rows + rows), rows

    def _second(self, state: LandedState, due: int) -> tuple[LandedState, int]:
        span = TimeRange(state.checked, min(due, state.checked + self._longest))
        known = self._folder.numbers(span)
        # They come when the stream has come to `position`: later would move the watermark past rows that are still to be read.
        again = self._folder.write_again(span, _new(self._reader.read(span), known, state.position - 1))
        return replace(state, checked=span.end, again=state.again + again), again

    def _counted(self, state: LandedState, ripe: int) -> tuple[LandedState, int]:
        """Rows that came after the second look: counted and not landed. Begins with what is checked when it is first asked for, since
        files of before may have been deleted."""
        if self._audit is None:
            return state, 0
        begun = state.checked if state.audited is None else state.audited
        end = min(ripe - self._recheck - self._audit, state.checked, begun + self._longest)
        unseen = 0
        if end > begun:
            span = TimeRange(begun, end)
            known = self._folder.numbers(span)
            unseen = sum(batch.num_rows for batch in _new(self._reader.read(span), known, 0))
        if (now := max(begun, end)) != state.audited:
            state = replace(state, audited=now, unseen=state.unseen + unseen)
            self._keep(state)
        return state, unseen


def _new(batches: Iterator[pa.RecordBatch], known: NDArray[np.int64], arrived: int) -> Iterator[pa.RecordBatch]:
    """The rows whose numbers are not among `known` (ascending)."""
    for batch in batches:
        numbers = numbers_of(batch)
        place = np.searchsorted(known, numbers)
        is_new = np.ones(len(numbers), dtype=np.bool_)
        inside = place < len(known)
        is_new[inside] = known[place[inside]] != numbers[inside]
        if is_new.any():
            yield landed(batch.filter(pa.array(is_new)), numbers[is_new], arrived)
