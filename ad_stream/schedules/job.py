"""One job of the scheduler: which of its times is due, its one run at a time, and what becomes of that.

Exactly once: the lock of the job is held from the look at `through` to the end of the run, so that schedulers take turns, and
the folder of a run, which can be made only once, is the claim to it. Killed between the two, the next one finds the folder
without an end in `runs` and writes `failed: its process died`; that time is not run again.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ad_stream import times
from ad_stream.schedules.child import Child
from ad_stream.schedules.commands import counts_of, line
from ad_stream.schedules.due import Due, choose
from ad_stream.schedules.folders import ANSWER, LOG, HeldLock, JobFolder, Request, run_id
from ad_stream.schedules.planned import next_time
from ad_stream.schedules.run_log import FAILED, MISSED, QUEUED, RUNNING, SUCCEEDED, RunLog, RunRow

if TYPE_CHECKING:
    from ad_stream.config.schedules import Schedule

RETRY_AFTER = timedelta(seconds=30)
KILL_AFTER = timedelta(seconds=10)
"""What a run gets to end by itself once it was told to."""
MEASURE_EVERY = timedelta(seconds=1)
BAD_INPUT = 2
"""Exit code of commands that would fail again."""
DIED = "its process died"
MOST_REASON = 500
LAST_CLAIMS = 20
"""Runs of a job that can have begun without a row in `runs`."""
KEPT = timedelta(days=90)
"""For which logs are kept."""


Typed = Callable[[datetime], tuple[Sequence[str], Sequence[str]]]
"""A planned time -> the program that is started, and the words behind it."""


@dataclass
class Current:
    """The run under way. child: None between two attempts. ending: state and reason, once it was told to end."""

    row: RunRow
    place: Path
    lock: HeldLock
    child: Child | None
    deadline: datetime
    measured: datetime
    again_at: datetime | None = None
    ending: tuple[str, str] | None = None
    kill_at: datetime | None = None


class ScheduledJob:
    """command: of a planned time the program and the words behind it; version: `config_version` of the rows."""

    def __init__(
        self, name: str, schedule: Schedule, folder: JobFolder, log: RunLog, *, command: Typed, version: str
    ) -> None:
        self.name, self.schedule, self.folder, self._log = name, schedule, folder, log
        self._command, self._version = command, version
        self.current: Current | None = None
        self.next: datetime | None = None
        self._queued: set[str] = set()
        self._begun = False

    def begin(self, now: datetime) -> None:
        """Called once, before the first step."""
        if self.folder.through() is None:
            self.folder.set_through(now)  # what was due before anybody looked was not missed
        self.next = next_time(self.schedule, self.folder.through() or now)
        self._bury_before(now)

    def _bury_before(self, now: datetime) -> None:
        """What died before this start. Where the job is busy a child may be about to end with its scheduler: look again."""
        held = self.folder.lock()
        if held is not None:
            self.folder.forget(now - KEPT)
            self._bury(now)
            held.release()
            self._begun = True

    def step(self, now: datetime, wanted: Request | None = None) -> None:
        """Looks after the run under way, or starts the one that is due or asked for."""
        if not self._begun:
            self._bury_before(now)
        self.follow(now)
        if self.current is not None:
            self._wait(now, wanted)
        elif wanted is not None or (self.next is not None and self.next <= now):
            self._start_due(now, wanted)

    def follow(self, now: datetime) -> None:
        """Looks after the run under way, and starts none."""
        if self.current is not None:
            self._follow(self.current, now)

    def change(self, schedule: Schedule, command: Typed, version: str, now: datetime) -> None:
        """Another schedule from now on; where its times are others, those before now are not caught up."""
        if schedule != self.schedule and schedule.text() != self.schedule.text():
            self.folder.set_through(max(self.folder.through() or now, now))
        self.schedule, self._command, self._version = schedule, command, version
        self.next = next_time(schedule, self.folder.through() or now)

    def end(self, state: str, reason: str, now: datetime) -> None:
        """Tell the run under way to end."""
        current = self.current
        if current is None or current.ending is not None:
            return
        current.ending, current.kill_at = (state, reason), now + KILL_AFTER
        if current.child is not None:
            current.child.send(signal.SIGTERM)
        else:
            self._over(current, current.row._replace(state=state, reason=reason, ended=now))

    def _start_due(self, now: datetime, wanted: Request | None) -> None:
        held = self.folder.lock()
        if held is None:
            # Another scheduler may have dealt with it.
            self.next = next_time(self.schedule, self.folder.through() or now)
            self._wait(now, wanted)
            return
        try:
            self._start_with(held, now, wanted)
        finally:
            if self.current is None:
                held.release()

    def _start_with(self, held: HeldLock, now: datetime, wanted: Request | None) -> None:
        self._bury(now)
        planned, place = self._claimed(now) if wanted is None else (wanted.planned, self.folder.claim(wanted.planned))
        if wanted is not None:
            wanted.done()
        if planned is None or place is None:
            return
        asked = f"asked for by {wanted.by}" if wanted else None
        name, command = run_id(self.name, planned), self.schedule.run
        row = RunRow(name, self.name, command, planned, reason=asked, config_version=self._version)
        try:
            self._start(Current(row, place, held, None, now, now), now)
        except OSError as error:
            why = f"its process could not be started ({error.strerror})"
            self._log.append([row._replace(state=FAILED, reason=why, started=now, ended=now)])

    def _claimed(self, now: datetime) -> tuple[datetime | None, Path | None]:
        """The time that is to run now, with its folder; those before it are dealt with after this."""
        through = self.folder.through() or now
        found = Due(None, [], now) if self.folder.paused() is not None else choose(self.schedule, through, now)
        # Before `through`: a time that is claimed and not run is found at the next start, one that is neither is lost.
        place = None if found.run is None else self.folder.claim(found.run)
        self._log.append([self._missed(at, now) for at in found.missed])
        self.folder.set_through(found.through)
        self.next = next_time(self.schedule, found.through)
        return found.run, place

    def _missed(self, at: datetime, now: datetime) -> RunRow:
        late = round((now - at).total_seconds() / 60)
        why = f"it was {late} minutes late, and catch_up is {self.schedule.catch_up}"
        return RunRow(run_id(self.name, at), self.name, self.schedule.run, at, ended=now, state=MISSED, reason=why)

    def _wait(self, now: datetime, wanted: Request | None) -> None:
        """The job is busy: what has to wait for it is in the table, once."""
        later = wanted is None and (self.schedule.catch_up == "skip" or self.next is None or self.next > now)
        if later or (wanted is None and self.folder.paused() is not None):
            return
        at = wanted.planned if wanted else self.next
        assert at is not None
        row = RunRow(run_id(self.name, at), self.name, self.schedule.run, at, reason="the run before it goes on")
        if row.run_id not in self._queued and row.run_id not in self._log.look():
            self._queued.add(row.run_id)
            self._log.append([row])

    def _start(self, current: Current, now: datetime) -> None:
        program, words = self._command(current.row.planned)
        with (current.place / LOG).open("a", encoding="utf-8") as log:
            log.write(f"{times.iso(now)} attempt {current.row.attempt}: {line(words)}\n")
        current.row = current.row._replace(state=RUNNING, started=now, ended=None)
        current.child = Child([*program, *words], current.place, current.lock)
        current.deadline, current.measured, current.again_at = now + self.schedule.time_limit, now, None
        self.current = current
        self._log.append([current.row])

    def _follow(self, current: Current, now: datetime) -> None:
        if current.child is None:
            if current.again_at is not None and now >= current.again_at:
                self._start(current, now)
            return
        if now - current.measured >= MEASURE_EVERY:
            current.child.measure()
            current.measured = now
        code = current.child.poll()
        if code is not None:
            self._ended(current, code, now)
        elif now >= current.deadline and current.ending is None:
            limit = self.schedule.model_dump(mode="json")["time_limit"]
            self.end(FAILED, f"it took longer than its time_limit, {limit}", now)
        elif current.kill_at is not None and now >= current.kill_at:
            current.child.send(signal.SIGKILL)

    def _ended(self, current: Current, code: int, now: datetime) -> None:
        assert current.child is not None
        used = round(current.child.cpu_seconds, 3)
        state, reason = current.ending or _outcome(code, current.place)
        counts = counts_of((current.place / ANSWER).read_bytes()) if state == SUCCEEDED else None
        row = current.row._replace(
            state=state, reason=reason or current.row.reason, ended=now, counts=counts, cpu_seconds=used
        )
        if state == FAILED and code != BAD_INPUT and row.attempt <= self.schedule.retries and not current.ending:
            self._say(current, row)
            self._log.append([row])
            current.child, current.again_at = None, now + RETRY_AFTER
            current.row = row._replace(attempt=row.attempt + 1, state=QUEUED, cpu_seconds=None)
        else:
            self._over(current, row)

    def _over(self, current: Current, row: RunRow) -> None:
        self._say(current, row)
        self._log.append([row])
        current.lock.release()
        self.current = None

    def _say(self, current: Current, row: RunRow) -> None:
        """The end of the log, with what the command answered."""
        answer = (current.place / ANSWER).read_text(encoding="utf-8", errors="replace").strip()
        with (current.place / LOG).open("a", encoding="utf-8") as log:
            log.write(f"{answer}\n" * bool(answer))
            log.write(f"{times.iso(row.ended or row.planned)} {row.state}{f': {row.reason}' if row.reason else ''}\n")

    def _bury(self, now: datetime) -> None:
        """What the table has for running, or a folder without a row of its run, though the lock is free: its process died."""
        rows = self._log.look()
        dead = {row.run_id: row for row in rows.values() if row.job == self.name and row.state == RUNNING}
        for at in self.folder.claimed(LAST_CLAIMS):
            name = run_id(self.name, at)
            row = rows.get(name) or RunRow(name, self.name, self.schedule.run, at)
            if not row.over:
                dead[name] = row
        self._log.append([row._replace(state=FAILED, reason=DIED, ended=now) for row in dead.values()])


def _outcome(code: int, place: Path) -> tuple[str, str | None]:
    """Exit code -> state and reason: the last words of the command, an error of ours in a sentence."""
    if code == 0:
        return SUCCEEDED, None
    if code < 0:
        return FAILED, f"{DIED} ({signal.Signals(-code).name})"
    with suppress(OSError):
        said = [one.strip() for one in (place / LOG).read_text("utf-8", "replace").splitlines() if one.strip()]
        return FAILED, said[-1].removeprefix("ad-stream: ")[:MOST_REASON]
    return FAILED, f"it ended with code {code}"
