"""How many requests and rows a target takes in a time; seconds are those of a clock that never goes back."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

Clock = Callable[[], float]
HOUR = 3600.0
_MARGIN = 0.002
"""Seconds that a limit is kept beyond its window: clocks differ, and sums of floats do."""
_FOR_NORMAL = 0.95
"""Share of the hour that normal rows may fill: an anomaly must not wait until their hour is over."""


class Pace:
    """When the next request may go: for each limit (count, seconds), at most `count` within any `seconds`.

    A request counts from its end: whenever it reached the other side, that was before.
    """

    def __init__(self, *limits: tuple[int, float], clock: Clock = time.monotonic) -> None:
        self._limits, self._clock = limits, clock
        self._ends: deque[float] = deque(maxlen=max(count for count, _ in limits))

    def wait(self) -> float:
        """Seconds until the next request may go, 0 if it may go now."""
        now = self._clock()
        waits = (self._ends[-n] + span + _MARGIN - now for n, span in self._limits if len(self._ends) >= n)
        return max(0.0, *waits, 0.0)

    def done(self) -> None:
        """A request is over."""
        self._ends.append(self._clock())

    @property
    def per_hour(self) -> float:
        """The most requests that an hour has room for."""
        return min(count * HOUR / span for count, span in self._limits)


class HourlyRows:
    """A budget of rows for any 3,600 seconds in a row.

    most  rows; lowered by whoever finds that its requests cannot carry as many
    spent  rows of all requests so far that were taken or may have been
    """

    def __init__(self, most: int, *, clock: Clock = time.monotonic) -> None:
        self.most, self._clock = most, clock
        self._sent, self._thinned = _LastHour(clock), _LastHour(clock)
        self._open = self.spent = 0

    def claim(self, rows: int) -> bool:
        """Take room for a request; False if there is none. Then call `spend` or `release`."""
        if rows > self.room():
            return False
        self._open = rows
        return True

    def spend(self) -> None:
        """The request is over and its rows may have been taken."""
        self._sent.add(self._open)
        self.spent += self._open
        self._open = 0

    def release(self) -> None:
        """The request is over and its rows were certainly not taken."""
        self._open = 0

    def remember(self, seconds_ago: float, rows: int) -> None:
        """Rows that were sent before this process; oldest first."""
        # A clock that was set back since must not keep them longer than an hour.
        self._sent.add(rows, max(0.0, seconds_ago))

    def thin(self, rows: int) -> None:
        """Rows were left out."""
        self._thinned.add(rows)

    def room(self, *, for_normal: bool = False) -> int:
        """Rows that may go now; `for_normal` leaves the rest of the hour to anomalies."""
        return (int(self.most * _FOR_NORMAL) if for_normal else self.most) - self._open - self._sent.rows()

    def keep_one_in(self, waiting: int) -> int:
        """How many normal rows stand behind each that is to be sent; 1 = all fit into the hour.

        Follows from all rows of the last hour, so that those that are sent spread over the hour and the series.
        """
        offered = self._sent.rows() + self._thinned.rows() + waiting
        return max(1, math.ceil(offered / int(self.most * _FOR_NORMAL)))


class _LastHour:
    """Rows of the last 3,600 seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._sum = clock, 0
        self._entries: deque[tuple[float, int]] = deque()

    def add(self, rows: int, seconds_ago: float = 0.0) -> None:
        self._entries.append((self._clock() - seconds_ago, rows))
        self._sum += rows

    def rows(self) -> int:
        since = self._clock() - HOUR - _MARGIN
        while self._entries and self._entries[0][0] <= since:
            self._sum -= self._entries.popleft()[1]
        return self._sum
