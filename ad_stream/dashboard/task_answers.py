"""`/api/tasks` and what belongs to it: what is set up, the form's answer field by field, predictions as CSV."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import Field

from ad_stream import times
from ad_stream.config.task import Task, TaskError, schedules_of, source_of, task_of
from ad_stream.config.task_yaml import yaml_of
from ad_stream.dashboard.changes import add_change, refusal, told, wanted
from ad_stream.dashboard.parameters import Text
from ad_stream.detectors import names as detectors
from ad_stream.errors import AdStreamError, InputError
from ad_stream.readers.registry import reader_of
from ad_stream.schedules import tasks as stored
from ad_stream.schedules.current import CurrentSchedules
from ad_stream.schedules.scheduler import tables_of
from ad_stream.schedules.task_export import csv_parts
from ad_stream.settings import Section
from ad_stream.tables.names import is_address

if TYPE_CHECKING:
    from ad_stream.config import Config
    from ad_stream.dashboard.access import Token
    from ad_stream.dashboard.turns import Turns

FIELD = {"dimensions": "dimensions", "device": "dimensions", "time": "time", "values": "feature"}
"""Setting of a source -> the field of the form that says it."""


class TaskRequest(Section):
    """What the form sends. task: what `config.task.Task` takes; owner: who wants it."""

    task: dict[str, Any]
    owner: str = Field(min_length=1, max_length=100)


class RetireRequest(Section):
    """Which task is to run no more; owner: who wants it."""

    name: str = Field(min_length=1, max_length=60)
    owner: str = Field(min_length=1, max_length=100)


class TaskDesk:
    """base: the run's configuration as it was at the start, file: where it is read again when it changes."""

    def __init__(self, base: Config, file: str, now: Callable[[], datetime]) -> None:
        self._first, self._file, self._now = base, file, now
        self._made: CurrentSchedules | None = None

    @property
    def _current(self) -> CurrentSchedules:
        if self._made is None:
            self._made = CurrentSchedules(self._first, self._file)
        self._made.changed()
        return self._made

    def config(self) -> Config:
        """As it is now; where the tables are elsewhere, as it was at the start."""
        return self._first if self._elsewhere else self._current.config

    @property
    def _elsewhere(self) -> bool:
        return self._first.tables.path is None or is_address(self._first.tables.path)

    @property
    def _tables(self) -> Path:
        return tables_of(self._first)

    def overview(self) -> dict[str, Any]:
        """Tasks that run, with the YAML of each, and what the form can choose from; none where the tables are elsewhere."""
        if self._elsewhere:
            return {"tasks": [], "sources": [], "detectors": []}
        current = self._current
        base, read = current.config, current.tasks
        tasks, wrong, rows = read.tasks, read.wrong, read.rows
        told = [
            {
                "name": name, "version": rows[name]["version"], "owner": rows[name]["owner"], "said": rows[name]["said"],
                "changed": times.iso(rows[name]["changed"]), "wrong": wrong.get(name),
                "yaml": yaml_of(tasks[name], base) if name in tasks else None,
            }
            for name in sorted([*tasks, *wrong])
        ]  # fmt: skip
        kinds = [{"name": name, "kind": source.kind} for name, source in base.sources.items()]
        return {"tasks": told, "sources": kinds, "detectors": list(detectors())}

    def columns(self, source: str) -> list[str]:
        """Of a named source, as it has them now."""
        return [one.name for one in reader_of(source, self._current.config.sources).columns()]

    def save(self, said: TaskRequest) -> dict[str, Any]:
        """The next version of a task, once its source was looked at; TaskError names each wrong field."""
        base = self._current.config
        task = task_of(said.task, base)
        _look_at(task, base)
        version = stored.save(self._tables, base, said.task, owner=said.owner, now=self._now())
        return {"version": version, "yaml": yaml_of(task, base), "jobs": list(schedules_of(task))}

    def retire(self, said: RetireRequest) -> dict[str, Any]:
        """It runs no more."""
        return {"version": stored.retire(self._tables, said.name, owner=said.owner, now=self._now())}

    def csv(self, name: str) -> Iterator[str]:
        """The predictions, the first line already read, so that what is wrong is told before anything is sent."""
        base = self._current.config
        parts = csv_parts(stored.task_named(self._tables, base, name), base)
        first = next(parts)

        def every() -> Iterator[str]:
            yield first
            yield from parts

        return every()


def _look_at(task: Task, base: Config) -> None:
    """TaskError where the source cannot be read by these columns."""
    try:
        reader_of(task.source, {task.source: source_of(task, base)}).check()
    except AdStreamError as error:
        sentence = str(error)
        setting = re.match(rf"sources\.{re.escape(task.source)}\.(\w+)", sentence)
        column = re.search(r"has no column '([^']*)'", sentence)
        field = FIELD.get(setting[1]) if setting else None
        if field is None and column:
            by_column: dict[str | None, str] = {
                task.feature: "feature",
                task.time: "time",
                **dict.fromkeys(task.dimensions, "dimensions"),
            }
            field = by_column.get(column[1])
        raise TaskError({field or "source": sentence}) from None


def add_tasks(app: FastAPI, desk: TaskDesk, token: Token, turns: Turns) -> None:
    """GET tells; POST changes, and a source is asked, where a token says who may."""

    @app.get("/api/tasks")
    async def tasks() -> Any:
        return await turns.take(lambda: told(desk.overview) | {"allowed": bool(token)})

    @app.get("/api/tasks/columns")
    async def columns(source: Text) -> Any:
        if refused := refusal(token, "A look at a source"):
            return refused
        return await turns.take(lambda: {"columns": told(lambda: desk.columns(source))})

    @app.get("/api/tasks/csv")
    async def csv(task: Text) -> Response:
        parts = await turns.take(lambda: told(lambda: desk.csv(task)))
        name = {"Content-Disposition": f'attachment; filename="{re.sub(r"[^A-Za-z0-9_-]", "_", task)}.csv"'}
        return StreamingResponse(parts, media_type="text/csv", headers=name)

    _add_changes(app, desk, token, turns)


def _add_changes(app: FastAPI, desk: TaskDesk, token: Token, turns: Turns) -> None:
    @app.post("/api/tasks")
    async def save(request: Request) -> Response:
        if refused := refusal(token, "A task"):
            return refused
        said = await wanted(request, TaskRequest, "a task")
        try:
            return JSONResponse(await turns.take(lambda: desk.save(said)))
        except TaskError as error:  # an answer as any: browsers tell of other states on their console
            return JSONResponse({"errors": error.errors})
        except AdStreamError as error:
            raise InputError(str(error)) from None

    add_change(app, "/api/tasks/retire", "The end of a task", RetireRequest, desk.retire, token, turns)
