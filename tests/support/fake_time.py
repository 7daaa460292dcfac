"""A clock that only sleeping moves."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

START = datetime(2026, 11, 1, tzinfo=timezone.utc)


class FakeTime:
    """One clock for all that is told to take it; remembers the waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now

    def moment(self) -> datetime:
        return START + timedelta(seconds=self.now)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
