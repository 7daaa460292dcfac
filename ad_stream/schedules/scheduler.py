"""The loop of `ad-stream schedule`: a look at every job a few times a second, until it is told to stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ad_stream import times
from ad_stream.errors import ConfigError
from ad_stream.schedules.commands import PROGRAM, words_of
from ad_stream.schedules.current import AWAY, CurrentSchedules
from ad_stream.schedules.folders import JobFolder, Request, requests, sign_as_scheduler
from ad_stream.schedules.job import ScheduledJob, Typed
from ad_stream.schedules.run_log import CANCELLED, RunLog, RunRow
from ad_stream.secrets import first_line
from ad_stream.tables.names import local_folder

if TYPE_CHECKING:
    from ad_stream.config import Config
    from ad_stream.config.schedules import Schedule

LOOK_EVERY = 0.25
"""Seconds between two looks."""
READ_EVERY = timedelta(seconds=2)
"""Between two looks at the configuration's file."""
STALE = timedelta(minutes=1)
"""A wish to end a run that nobody runs is forgotten after so long."""
log = logging.getLogger(__name__)
Command = Callable[["Schedule", datetime, str], tuple[list[str], list[str]]]


def typed(schedule: Schedule, planned: datetime, config: str) -> tuple[list[str], list[str]]:
    """What a run starts: this Python with the command line of its schedule."""
    return list(PROGRAM), words_of(schedule, planned, config)


class Scheduler:
    """The jobs of a configuration. file: the YAML that their commands read; `now` and `command` are what a test replaces."""

    def __init__(
        self, config: Config, file: str, *, now: Callable[[], datetime] = times.now, command: Command = typed
    ) -> None:
        if not config.schedules and not config.sources:  # with sources a task may come
            raise ConfigError(f"{file!r} has no section schedules: add one (docs/schedules.md)")
        self._tables = tables_of(config)
        self._now, self._log = now, RunLog(self._tables)
        self._command, self._file = command, file
        self._current, self._read = CurrentSchedules(config, file), now()
        self.jobs = {name: self._job(name, schedule) for name, schedule in self._current.schedules.items()}
        self._leaving: dict[str, ScheduledJob] = {}
        self._told: dict[str, str] = {}
        self._sign = sign_as_scheduler(self._tables)

    @property
    def busy(self) -> bool:
        """Does a run go on?"""
        return any(job.current is not None for job in self._every.values())

    @property
    def _every(self) -> dict[str, ScheduledJob]:
        """Those of now, and those that a change left out while they ran."""
        return {**self._leaving, **self.jobs}

    @property
    def next(self) -> datetime | None:
        """The next planned time of all jobs."""
        return min((job.next for job in self.jobs.values() if job.next is not None), default=None)

    def begin(self) -> None:
        """Find out where each job stands; once, before the first look."""
        for job in self.jobs.values():
            job.begin(self._now())

    def _job(self, name: str, schedule: Schedule) -> ScheduledJob:
        typed, version = _bound(self._command, schedule, self._file), self._current.config.version()
        return ScheduledJob(name, schedule, JobFolder(self._tables, name), self._log, command=typed, version=version)

    def look(self) -> None:
        """Start what is due or asked for, follow what runs."""
        now, wishes = self._now(), requests(self._tables)
        if now - self._read >= READ_EVERY:
            self._read = now
            if self._current.changed():
                self._take(self._current.schedules, now)
        asked: dict[str, Request] = {}
        for one in wishes:
            if one.do == "run":
                asked.setdefault(one.job, one)
        for one in wishes:
            if one.do == "cancel":
                self._each(one.job, partial(self._cancel, one, asked, now))
        for name, job in self.jobs.items():
            self._each(name, partial(job.step, now, asked.get(name)))
        for name, job in list(self._leaving.items()):
            self._each(name, partial(job.follow, now))
            if job.current is None:
                del self._leaving[name]

    def _take(self, schedules: Mapping[str, Schedule], now: datetime) -> None:
        """These in place of those before. A run that goes on goes on; times before the change are not caught up."""
        version = self._current.config.version()
        for name, schedule in schedules.items():
            job = self.jobs.get(name) or self._leaving.pop(name, None)
            if job is None:
                job = self._job(name, schedule)
                self._each(name, partial(job.begin, now))
            else:
                job.change(schedule, _bound(self._command, schedule, self._file), version, now)
            self.jobs[name] = job
        for name in self.jobs.keys() - schedules.keys():
            self._leaving[name] = self.jobs.pop(name)
        number = len(self.jobs)
        log.warning("the schedules were read again: %d job%s", number, "s" * (number != 1))

    def run(self, stopped: Callable[[], bool], *, sleep: Callable[[float], None] = time.sleep) -> None:
        """From `begin` on until `stopped`; then what runs is ended, and the rest is for the next start."""
        while not stopped():
            self.look()
            sleep(LOOK_EVERY)
        for name, job in self._every.items():
            self._each(name, partial(job.end, CANCELLED, "the scheduler was stopped", self._now()))
        while self.busy:
            for name, job in self._every.items():
                self._each(name, partial(job.follow, self._now()))
            sleep(LOOK_EVERY / 5)
        self.close()

    def _each(self, name: str, work: Callable[[], None]) -> None:
        """What fails of one job is told once, and tried again at the next look; the others go on."""
        try:
            work()
            self._told.pop(name, None)
        except Exception as error:
            sentence = first_line(f"{type(error).__name__}: {error}")
            if self._told.get(name) != sentence:
                log.warning("%s: %s", name, sentence)
            self._told[name] = sentence

    def close(self) -> None:
        """No longer a scheduler of these tables."""
        if self._sign is not None:
            self._sign.release()

    def _cancel(self, wish: Request, asked: dict[str, Request], now: datetime) -> None:
        job, waiting = self._every.get(wish.job), asked.get(wish.job)
        reason = f"cancelled by {wish.by}"
        if job is not None and job.current is not None and job.current.row.run_id == wish.run_id:
            job.end(CANCELLED, reason, now)
        elif job is not None and waiting is not None and waiting.run_id == wish.run_id:
            command = job.schedule.run
            row = RunRow(wish.run_id, wish.job, command, wish.planned, ended=now, state=CANCELLED, reason=reason)
            self._log.append([row])
            asked.pop(wish.job).done()
        elif now - wish.at < STALE:
            return  # another scheduler may have it
        wish.done()


def tables_of(config: Config) -> Path:
    """The folder that the runs are kept beside; InputError where the tables are not on this machine."""
    return local_folder(config.tables, "runs", AWAY)


def _bound(command: Command, schedule: Schedule, file: str) -> Typed:
    return lambda planned: command(schedule, planned, file)
