"""Schedulers over empty tables, with a clock that the test sets; the processes are real and do little."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ad_stream import config as settings
from ad_stream.config.schedules import Schedule
from ad_stream.schedules.run_log import RunLog, RunRow
from ad_stream.schedules.scheduler import Scheduler

NOON = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)
PATIENCE = 60.0
QUICK = "exit 0"


class SetClock:
    """The time of a scheduler."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


class Plant:
    """A scheduler with its clock, or that of the machine. script: what every run does, in the words of a shell."""

    def __init__(
        self, tables: Path, schedules: Mapping[str, Any], now: datetime = NOON, script: str = QUICK,
        scheduler_clock: Callable[[], datetime] | None = None, file: str = "plant.yaml",
    ) -> None:  # fmt: skip
        self.tables, self.clock = tables, SetClock(now)
        self._scheduler_clock = scheduler_clock or self.clock
        self.config = settings.usual(str(tables), {"schedules": schedules})
        self.script, self.file = script, file
        self.scheduler = self.started()

    def started(self) -> Scheduler:
        """One more scheduler of the same tables."""
        made = Scheduler(self.config, self.file, now=self._scheduler_clock, command=self._command)
        made.begin()
        return made

    def _command(self, schedule: Schedule, planned: datetime, config: str) -> tuple[list[str], list[str]]:
        return ["/bin/sh", "-c", self.script, schedule.run], [config, planned.isoformat()]

    def look(self, at: datetime | None = None) -> None:
        """One look, at a time, and all that it started goes to its end."""
        self.clock.now = at or self.clock.now
        self.scheduler.look()
        self.settle()

    def settle(self) -> None:
        self.until(lambda: not self.scheduler.busy)

    def until(self, there: Callable[[], bool]) -> None:
        """Looks until it is there; the clock stands still."""
        patience = time.monotonic() + PATIENCE
        while not there():
            assert time.monotonic() < patience, self.rows()
            self.scheduler.look()
            time.sleep(0.002)

    def rows(self) -> list[RunRow]:
        """The last row of every run, in the order of the planned times."""
        return sorted(RunLog(self.tables).look().values(), key=lambda row: row.planned)

    def told(self) -> list[tuple[str, str]]:
        return [(f"{row.planned:%m-%d %H:%M}", row.state) for row in self.rows()]
