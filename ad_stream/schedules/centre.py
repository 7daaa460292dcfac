"""The job centre: what a person sees of the jobs and may do to them, the same whoever runs them.

The commands and the page speak to a `JobCentre`; `LocalCentre` is that of `ad-stream schedule` on this machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from ad_stream import times
from ad_stream.errors import InputError, RunError, did_you_mean
from ad_stream.schedules.current import CurrentSchedules
from ad_stream.schedules.folders import LOG, JobFolder, ask, is_asked, job_and_time, run_id, scheduler_lives
from ad_stream.schedules.planned import next_time
from ad_stream.schedules.run_log import MISSED, RunLog, RunRow
from ad_stream.schedules.scheduler import tables_of

if TYPE_CHECKING:
    from ad_stream.config import Config
    from ad_stream.config.schedules import Schedule

MOST_LOG = 64 * 1024
"""Bytes of a log that are handed out at once."""


@dataclass(frozen=True)
class LogPart:
    """Text of a log from a byte on. end: where the next part begins; over: the run has ended, no more comes; state, reason: of
    the run, as in the table `runs`."""

    text: str
    end: int
    over: bool
    state: str
    reason: str | None


class JobCentre(Protocol):
    """Jobs and their runs, of this machine (`LocalCentre`) or of a workspace (databricks/centre.py).

    Those who write say who wants it (`by`); InputError where there is no such job or run.
    """

    @property
    def lives(self) -> bool:
        """Does somebody see to these jobs?"""
        ...

    def jobs(self) -> list[dict[str, Any]]:
        """Each job: job, command, model, catch_up, when, next, paused, last (its last run, None before the first), running (a run_id)."""
        ...

    def runs(self, job: str, most: int) -> list[dict[str, Any]]:
        """The last runs of a job, the latest planned first: the columns of the table `runs`."""
        ...

    def log(self, run: str, start: int) -> LogPart:
        """The log of a run from a byte on, negative: so many of its last."""
        ...

    def run_now(self, job: str, by: str) -> str:
        """Asks for a run -> its id; RunError where nobody would hear it."""
        ...

    def pause(self, job: str, by: str) -> None:
        """No planned time counts from now on."""
        ...

    def resume(self, job: str) -> None:
        """Planned times count again."""
        ...

    def cancel(self, run: str, by: str) -> None:
        """Asks for the end of a run."""
        ...


class LocalCentre:
    """That of a folder of tables. file: the configuration as a person names it, for hints."""

    def __init__(self, config: Config, file: str, *, now: Callable[[], datetime] = times.now) -> None:
        self._current = CurrentSchedules(config, file)
        self._tables, self._file, self._now = tables_of(config), file, now
        self._log = RunLog(self._tables)
        self._seen: dict[str, RunRow] | None = None
        self._last: dict[str, RunRow] = {}
        self._running: dict[str, str] = {}
        self._next: dict[str, datetime | None] = {}

    @property
    def lives(self) -> bool:
        """Does a scheduler see to these jobs?"""
        return scheduler_lives(self._tables)

    @property
    def _schedules(self) -> Mapping[str, Schedule]:
        return self._current.schedules

    def jobs(self) -> list[dict[str, Any]]:
        """As `JobCentre`."""
        if self._current.changed():
            self._next.clear()
        last, running = self._standing()
        return [self._job(name, last.get(name), running.get(name)) for name in self._schedules]

    def _standing(self) -> tuple[dict[str, RunRow], dict[str, str]]:
        """Of each job the last run, and the run that goes on or waits."""
        rows = self._log.look()
        if rows is not self._seen:
            last: dict[str, RunRow] = {}
            running: dict[str, str] = {}
            for row in rows.values():
                if not row.over:
                    running[row.job] = row.run_id
                if row.state != MISSED and (row.job not in last or row.planned >= last[row.job].planned):
                    last[row.job] = row
            self._seen, self._last, self._running = rows, last, running
        return self._last, self._running

    def runs(self, job: str, most: int) -> list[dict[str, Any]]:
        """As `JobCentre`."""
        self._known(job)
        return [row.as_dict() for row in self._log.of_job(job)[:most]]

    def log(self, run: str, start: int) -> LogPart:
        """As `JobCentre`."""
        row = self._run(run)
        path = JobFolder(self._tables, row.job).run_place(row.planned) / LOG
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size + start) if start < 0 else min(start, size))
                first, content = file.tell(), file.read(MOST_LOG)
        except FileNotFoundError:
            return LogPart("", 0, row.over, row.state, row.reason)
        end = first + len(content)
        text = content.decode("utf-8", "replace")
        return LogPart(text, end, row.over and end >= size, row.state, row.reason)

    def run_now(self, job: str, by: str) -> str:
        """As `JobCentre`."""
        self._known(job)
        if not self.lives:
            raise RunError(f"no scheduler runs over these tables: start one with 'ad-stream schedule {self._file}'")
        now = self._now()
        name = run_id(job, now)
        ask(self._tables, "run", name, by=by, at=now)
        return name

    def pause(self, job: str, by: str) -> None:
        """As `JobCentre`."""
        self._known(job)
        JobFolder(self._tables, job).pause(by, self._now())

    def resume(self, job: str) -> None:
        """As `JobCentre`."""
        self._known(job)
        folder = JobFolder(self._tables, job)
        if folder.paused() is not None and (folder.through() or self._now()) < self._now():
            folder.set_through(self._now())  # the times of the pause are not caught up, with or without a scheduler
        folder.resume()

    def cancel(self, run: str, by: str) -> None:
        """As `JobCentre`."""
        row = self._run(run)
        if row.over:
            raise InputError(f"the run {run} has ended ({row.state}): only one that runs or waits can be cancelled")
        ask(self._tables, "cancel", run, by=by, at=self._now())

    def _job(self, name: str, last: RunRow | None, running: str | None) -> dict[str, Any]:
        schedule, folder = self._schedules[name], JobFolder(self._tables, name)
        paused = folder.paused()
        return {
            "job": name, "command": schedule.run, "model": schedule.model, "when": schedule.text(), "catch_up": schedule.catch_up,
            "next": None if paused is not None else times.iso_or_none(self._next_of(name)), "paused": paused,
            "last": None if last is None else last.as_dict(), "running": running,
        }  # fmt: skip

    def _next_of(self, name: str) -> datetime | None:
        """The next planned time; kept until it has come, for a trigger takes its time over a rare one."""
        now = self._now()
        known = self._next.get(name, now)
        if known is not None and known <= now:
            known = self._next[name] = next_time(self._schedules[name], now)
        return known

    def _known(self, job: str) -> Schedule:
        if job not in self._schedules:
            raise InputError(f"there is no job {times.short(job)}: {did_you_mean(job, sorted(self._schedules))}")
        return self._schedules[job]

    def _run(self, run: str) -> RunRow:
        found = self._log.look().get(run)
        if found is None:
            job, planned = job_and_time(run)
            command = self._known(job).run
            # In this order: the folder is there before the wish is gone.
            if not is_asked(self._tables, run) and not JobFolder(self._tables, job).run_place(planned).exists():
                raise InputError(f"there is no run {times.short(run)}: 'ad-stream jobs runs {job}' lists them")
            found = RunRow(run, job, command, planned)
        return found
