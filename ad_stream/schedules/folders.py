"""The folder `_jobs` beside the tables: who may run a job, how far its times are dealt with, what a run wrote.

    _jobs/scheduler.lock              held, shared, by every scheduler that lives
    _jobs/asked/<stamp>-<job>.json    a person wants a run, or the end of one
    _jobs/<job>/lock                  held by the run of the job, by its scheduler and its process: one at a time
    _jobs/<job>/through               the last planned time that is dealt with, UTC
    _jobs/<job>/paused                there while the job is paused; who wanted it
    _jobs/<job>/<stamp>/              a run: made by the one that runs it, so that no second one can; log.txt, answer.json

A lock is the kernel's (flock), which lets go of it when its last holder is gone, however that one ended. It knows processes of
one machine: schedulers of several machines need tables of their own.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ad_stream import times
from ad_stream.config.schedules import JOB_NAME
from ad_stream.errors import InputError, SetupError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

ROOT = "_jobs"
STAMP = "%Y%m%dT%H%M%SZ"
LOG, ANSWER = "log.txt", "answer.json"


def run_id(job: str, planned: datetime) -> str:
    """('train', 02:30) -> 'train@20261130T023000Z': the key of a run."""
    return f"{job}@{planned.astimezone(timezone.utc):{STAMP}}"


def job_and_time(run: str) -> tuple[str, datetime]:
    """The reverse of `run_id`; InputError for what is none."""
    job, _, stamp = run.rpartition("@")
    at = _time_of(stamp)
    if at is None or not JOB_NAME.fullmatch(job):
        raise InputError(
            f"{times.short(run)} is no run: 'ad-stream jobs runs' prints their names, such as train@20261130T023000Z"
        )
    return job, at


def _time_of(stamp: str) -> datetime | None:
    try:
        return datetime.strptime(stamp, STAMP).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


class HeldLock:
    """A lock that is held until `release`, and by processes that got its `number` until they end."""

    def __init__(self, number: int) -> None:
        self.number = number

    def release(self) -> None:
        """Let go; again is fine."""
        if self.number >= 0:
            os.close(self.number)
            self.number = -1


def lock(path: Path, *, shared: bool = False) -> HeldLock | None:
    """Takes the lock of a file at once, None where another holds it; a shared one is waited for, as nobody holds the other kind for
    longer than a look. SetupError where the system has no such locks."""
    if fcntl is None:
        raise SetupError("schedules need Linux or macOS, which end a process with its scheduler: on Windows use WSL")
    path.parent.mkdir(parents=True, exist_ok=True)
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(number, fcntl.LOCK_SH if shared else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(number)
        return None
    return HeldLock(number)


def scheduler_lives(tables: Path) -> bool:
    """Does a scheduler run over these tables?"""
    path = tables / ROOT / "scheduler.lock"
    if not path.exists():
        return False
    held = lock(path)
    if held is not None:
        held.release()
    return held is None


def sign_as_scheduler(tables: Path) -> HeldLock | None:
    """Held as long as a scheduler lives; any number may."""
    return lock(tables / ROOT / "scheduler.lock", shared=True)


@dataclass(frozen=True)
class JobFolder:
    """Of one job."""

    tables: Path
    job: str

    @property
    def place(self) -> Path:
        """Where it lies."""
        return self.tables / ROOT / self.job

    def run_place(self, planned: datetime) -> Path:
        """The folder of a run."""
        return self.place / f"{planned.astimezone(timezone.utc):{STAMP}}"

    def lock(self) -> HeldLock | None:
        """The right to run the job; None while another has it."""
        return lock(self.place / "lock")

    def claim(self, planned: datetime) -> Path | None:
        """The folder of this run, for the first that asks for it; None for all others, for ever."""
        place = self.run_place(planned)
        try:
            place.mkdir(parents=True)
        except FileExistsError:
            return None
        return place

    def claimed(self, most: int) -> list[datetime]:
        """The planned times of the last runs whose folders are there."""
        names = sorted(place.name for place in self.place.iterdir()) if self.place.is_dir() else []
        return [at for name in names[::-1] if (at := _time_of(name)) is not None][:most]

    def forget(self, before: datetime) -> None:
        """Take away the folders of runs that were planned before then."""
        for place in list(self.place.iterdir()) if self.place.is_dir() else []:
            at = _time_of(place.name)
            if at is not None and at < before:
                shutil.rmtree(place, ignore_errors=True)

    def through(self) -> datetime | None:
        """The last planned time that is dealt with; None: nobody has looked at this job yet."""
        try:
            return times.instant((self.place / "through").read_text(encoding="utf-8"))
        except (OSError, InputError):
            return None

    def set_through(self, at: datetime) -> None:
        """All planned times up to this one are dealt with."""
        write_whole(self.place / "through", at.isoformat())

    def paused(self) -> dict[str, str] | None:
        """Who paused the job and when; None: it is not paused."""
        try:
            found: dict[str, str] = json.loads((self.place / "paused").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            return {"by": "", "at": ""}
        return found

    def pause(self, by: str, at: datetime) -> None:
        """No planned time counts from now on."""
        write_whole(self.place / "paused", json.dumps({"by": by, "at": times.iso(at)}))

    def resume(self) -> None:
        """Planned times count again; those of the pause do not."""
        (self.place / "paused").unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """All of it or nothing, also where the process is killed in the middle."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


@dataclass(frozen=True)
class Request:
    """What a person asks of the scheduler: do is `run` or `cancel`; by whom and when."""

    path: Path
    do: str
    run_id: str
    job: str
    planned: datetime
    by: str
    at: datetime

    def done(self) -> None:
        """It was seen to."""
        self.path.unlink(missing_ok=True)


def ask(tables: Path, do: str, run: str, *, by: str, at: datetime) -> None:
    """Leave a request for the schedulers of these tables."""
    said = {"run_id": run, "by": by, "at": times.iso(at)}
    write_whole(tables / ROOT / "asked" / f"{do}-{run}.json", json.dumps(said))


def is_asked(tables: Path, run: str) -> bool:
    """Does the wish for this run wait for a scheduler?"""
    return (tables / ROOT / "asked" / f"run-{run}.json").exists()


def requests(tables: Path) -> list[Request]:
    """What is asked for, the oldest first."""
    place = tables / ROOT / "asked"
    found = []
    for path in place.glob("*.json") if place.is_dir() else ():
        with suppress(OSError, ValueError, KeyError, TypeError, InputError):  # seen to meanwhile, or none of ours
            said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            run, at = str(said["run_id"]), times.instant(said["at"])
            found.append(Request(path, path.name.partition("-")[0], run, *job_and_time(run), str(said["by"]), at))
    return sorted(found, key=lambda one: (one.at, one.run_id))
