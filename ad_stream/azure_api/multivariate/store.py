"""Models and results as files of one folder, so that they outlive the server.

    models/<id>/record.json   what a client is told, and how to go on after a restart
    models/<id>/model.npz     the model, without pickle; there before the record says READY
    results/<id>/record.json, rows.json and rows.v1.1-preview.json, as they go out
    <either>/source           the address with its secrets, readable by its owner only, gone when the job is done
    files/<name>              uploads

A file is written beside its place, flushed and renamed, so a kill leaves the old one or the new one. A record that says CREATED or
RUNNING after a restart is a job to begin again.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from ad_stream.azure_api.multivariate.questions import PREVIEW
from ad_stream.errors import ConfigError

CREATED, RUNNING, READY, FAILED = "CREATED", "RUNNING", "READY", "FAILED"
UNFINISHED = (CREATED, RUNNING)
Folder = Literal["models", "results"]
MODELS: Folder = "models"
RESULTS: Folder = "results"
Record = Mapping[str, Any]
_RECORD, _SOURCE = "record.json", "source"
MODEL = "model.npz"


def now() -> datetime:
    """The clock of records."""
    return datetime.now(timezone.utc)


def stamp(when: datetime) -> str:
    """As records and answers write times; they sort as text."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class JobStore:
    """The records of a folder, in memory too. One process keeps it; its workers write single jobs by `finish`."""

    def __init__(self, state: Path, clock: Callable[[], datetime] = now) -> None:
        self.state = state
        self._clock = clock
        self._records: dict[Folder, dict[str, Record]] = {MODELS: {}, RESULTS: {}}
        self._lock: Any = None

    def open(self) -> None:
        """Reads what is there and clears away what a kill left; ConfigError where another server keeps the folder."""
        for part in (MODELS, RESULTS, "files", "scratch"):
            (self.state / part).mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = _locked(self.state)
        _empty(self.state / "scratch")
        for folder, records in self._records.items():
            for path in (self.state / folder).iterdir():
                record = read_record(path)
                if record is None:
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    records[path.name] = record

    def close(self) -> None:
        """Gives the folder back."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def add(self, folder: Folder, source: str, **fields: Any) -> Record:
        """A new record, CREATED; its source is kept apart until the job is done."""
        name, when = str(uuid4()), stamp(self._clock())
        path = self.path(folder, name)
        path.mkdir(mode=0o700)
        write_whole(path / _SOURCE, source.encode("utf-8", "surrogatepass"))
        record = {"id": name, "created": when, "updated": when, "status": CREATED, "errors": [], **fields}
        self._put(folder, record)
        return record

    def get(self, folder: Folder, name: str) -> Record | None:
        """The record, None where there is none."""
        return self._records[folder].get(name)

    def all(self, folder: Folder) -> list[Record]:
        """The latest update first."""
        return sorted(self._records[folder].values(), key=lambda one: (one["updated"], one["id"]), reverse=True)

    def unfinished(self, folder: Folder) -> list[Record]:
        """The oldest first."""
        return [one for one in reversed(self.all(folder)) if one["status"] in UNFINISHED]

    def begin(self, folder: Folder, name: str) -> None:
        """The job runs."""
        self._put(folder, {**self._records[folder][name], "status": RUNNING, "updated": stamp(self._clock())})

    def reload(self, folder: Folder, name: str) -> Record:
        """The record as a worker left it."""
        record = read_record(self.path(folder, name)) or self._records[folder][name]
        self._records[folder][name] = record
        return record

    def fail(self, folder: Folder, name: str, error: Mapping[str, str]) -> None:
        """A job that told nothing itself."""
        self._records[folder][name] = finish(self.path(folder, name), FAILED, clock=self._clock, errors=[error])

    def remove(self, folder: Folder, name: str) -> None:
        """Out of the way at once, then away: half a folder is never a model."""
        del self._records[folder][name]
        away = self.state / "scratch" / f"{name}.away"
        with suppress(FileNotFoundError):
            self.path(folder, name).rename(away)
        shutil.rmtree(away, ignore_errors=True)

    def expire(self, days: float, most: int) -> None:
        """Drops results and uploads that are older, and results beyond `most`, the oldest first."""
        limit = self._clock() - timedelta(days=days)
        done = [one for one in self.all(RESULTS) if one["status"] not in UNFINISHED]
        for place, one in enumerate(done):
            if place >= most or one["updated"] < stamp(limit):
                self.remove(RESULTS, one["id"])
        for path in (self.state / "files").iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < limit.timestamp():
                    path.unlink()

    def path(self, folder: Folder, name: str) -> Path:
        """The folder of a record."""
        return self.state / folder / name

    def _put(self, folder: Folder, record: Record) -> None:
        write_whole(self.path(folder, record["id"]) / _RECORD, json.dumps(record).encode())
        self._records[folder][record["id"]] = record


def rows_file(version: str) -> str:
    """The file of a result that has its rows as this version reads them."""
    return "rows.v1.1-preview.json" if version == PREVIEW else "rows.json"


def read_record(path: Path) -> Record | None:
    """The record in a folder, None where it is none."""
    with suppress(OSError, ValueError):
        found = json.loads((path / _RECORD).read_bytes())
        if isinstance(found, dict) and found.get("id") == path.name:
            return found
    return None


def source_in(path: Path) -> str:
    """The address of a job that is not done."""
    return (path / _SOURCE).read_bytes().decode("utf-8", "surrogatepass")


def finish(path: Path, status: str, *, clock: Callable[[], datetime] = now, **fields: Any) -> Record:
    """The record of a job that is done; what it points to must be written before. Its source is forgotten."""
    record = {**(read_record(path) or {"id": path.name}), "status": status, "updated": stamp(clock()), **fields}
    write_whole(path / _RECORD, json.dumps(record).encode())
    (path / _SOURCE).unlink(missing_ok=True)
    return record


def write_whole(path: Path, content: bytes) -> None:
    """All of it or nothing, also where the power goes; readable by the owner only."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _locked(state: Path) -> Any:
    """A file that this process holds locked; where the system has no such locks (Windows), just open."""
    file = (state / "lock").open("a")
    with suppress(ImportError):
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise ConfigError(
                f"the state folder {state} is in use by another server: end that one, or give --state another folder"
            ) from None
    return file
