"""The grid: windows of one length, aligned to midnight UTC, numbered from 1970. The one place that knows how they lie.

A window is named by its start, which is what the column `minute` of every table holds, and inside the package by its
number, its step: unix seconds div length. Whatever counts windows (history, gaps, alarms, charts) counts steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from math import gcd

SHORTEST, LONGEST = timedelta(seconds=10), timedelta(days=1)
DEFAULT = timedelta(minutes=1)
PROPERTY = "ad_stream.every"
"""Property of the table `minutes`: seconds of a window. A table without it was written in windows of one minute."""
HOUR = 3_600
CROWDED, FEWEST_OF_AN_HOUR = 0.8, 12
SILENT = 10
"""Windows behind the newest of the fleet after which a device counts as silent."""


@dataclass(frozen=True)
class Grid:
    """Windows of `seconds` each."""

    seconds: int = 60

    @classmethod
    def of(cls, every: timedelta) -> Grid:
        """ValueError where a day is not made of whole windows of that length."""
        seconds = every.total_seconds()
        if not SHORTEST <= every <= LONGEST or seconds % 1 or LONGEST % every:
            raise ValueError(
                f"every is {length(every)}: give 10 seconds to 1 day of which a day holds a whole number, such as "
                "'10 seconds', '5 minutes' or '1 hour'"
            )
        return cls(int(seconds))

    @property
    def every(self) -> timedelta:
        """The length of a window."""
        return timedelta(seconds=self.seconds)

    @property
    def text(self) -> str:
        """'5 minutes'."""
        return length(self.every)

    @property
    def plural(self) -> str:
        """What people call the windows: 'minutes' where they are minutes, 'windows' elsewhere."""
        return "minutes" if self == MINUTE else "windows"

    def step(self, moment: datetime) -> int:
        """The number of the window that a time (aware) lies in."""
        return int(moment.timestamp() // self.seconds)

    def start(self, step: int) -> datetime:
        """The start of a window, UTC."""
        return datetime.fromtimestamp(step * self.seconds, timezone.utc)

    def next_start(self, moment: datetime) -> datetime:
        """The first start of a window at or after a time (aware)."""
        start = self.start(self.step(moment))
        return start if start == moment else start + self.every

    def steps(self, span: timedelta) -> int:
        """How many whole windows a stretch of time holds."""
        return span // self.every

    def refractory(self, span: timedelta) -> int:
        """`detection.refractory` in windows: never less than one, so that flags in a row are one alarm, unless it is 0."""
        return max(self.steps(span), 1 if span else 0)

    def tick(self, delay: timedelta) -> int:
        """Seconds: the longest step in which both a window and a delay are whole."""
        return gcd(self.seconds, int(delay.total_seconds()))

    def format(self, *, date: bool = True) -> str:
        """strftime of a window's start: seconds only where windows begin between minutes."""
        return ("%Y-%m-%d " if date else "") + ("%H:%M:%S" if self.seconds % 60 else "%H:%M")


MINUTE = Grid()


def most_of_an_hour(per_hour: float) -> int | None:
    """Windows in which a series may come in an hour of so many that lies further back than `detection.points` windows, to count
    there: only slow series are judged from such hours. None: hours of few windows count whole."""
    return None if per_hour < FEWEST_OF_AN_HOUR else int(CROWDED * per_hour)


def length(span: timedelta) -> str:
    """'10 seconds', '1 minute', '5 minutes', '1 hour', '1 day'."""
    seconds = span.total_seconds()
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds / size:g} {unit}{'' if seconds == size else 's'}"
    return f"{seconds:g} second{'' if seconds == 1 else 's'}"
