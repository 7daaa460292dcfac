"""`/api/jobs` and what belongs to it: jobs, runs, logs, models, and what people do to them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from fastapi import FastAPI, Query
from pydantic import Field, model_validator

from ad_stream.dashboard.access import Token
from ad_stream.dashboard.changes import add_change, told
from ad_stream.dashboard.parameters import Text
from ad_stream.errors import AdStreamError
from ad_stream.models import stored
from ad_stream.schedules.centre import JobCentre, LocalCentre
from ad_stream.schedules.scheduler import tables_of
from ad_stream.settings import Section
from ad_stream.tables.catalog import MODELS
from ad_stream.tables.follow import TableLog
from ad_stream.tables.names import is_address

if TYPE_CHECKING:
    from ad_stream.config import Config
    from ad_stream.dashboard.turns import Turns

MOST_RUNS = 200
MOST_BYTE = 1 << 53
SHARED_FOR = timedelta(seconds=3)
LONG_AGO = datetime.min.replace(tzinfo=timezone.utc)
Answer = TypeVar("Answer")


class JobRequest(Section):
    """What the page sends about a job or a run. run: of cancel; owner: who wants it."""

    action: Literal["run", "pause", "resume", "cancel"]
    job: str = Field(min_length=1, max_length=60)
    run: str | None = Field(default=None, max_length=100)
    owner: str = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _names_a_run(self) -> JobRequest:
        if (self.action == "cancel") != (self.run is not None):
            raise ValueError("cancel names a run, and nothing else does")
        return self


class ModelRequest(Section):
    """What the page sends about a model. version: the one to use; None: go on without."""

    name: str = Field(min_length=1, max_length=60)
    version: int | None = Field(default=None, ge=1)


class JobDesk:
    """base: the run's configuration, file: as a person names it; workspace: the job centre that is shown in place of that of this
    machine, None: none. What cannot be answered is an InputError, in a sentence."""

    def __init__(
        self, base: Config, file: str, now: Callable[[], datetime], workspace: JobCentre | None = None
    ) -> None:
        self._base, self._file, self._now = base, file, now
        self._workspace, self._asked = workspace, LONG_AGO
        self._made = workspace
        self._lock = threading.Lock()
        self._table: TableLog | None = None
        self._jobs: list[dict[str, Any]] = []
        self._models: list[dict[str, Any]] = []

    @property
    def centre(self) -> JobCentre:
        """That of a workspace, else of the tables in their folder; InputError where these are elsewhere."""
        if self._made is None:
            self._made = LocalCentre(self._base, self._file, now=self._now)
        return self._made

    def warm_up(self) -> None:
        """Read the runs before the first page asks for them, from a thread of its own."""

        def read() -> None:
            with suppress(AdStreamError):  # the page tells it
                self.centre.jobs()

        if self._base.schedules and self._workspace is None:
            threading.Thread(target=read, name="dashboard-jobs", daemon=True).start()

    def overview(self) -> dict[str, Any]:
        """Jobs, whether a scheduler sees to them, and models."""
        start, jobs = f"ad-stream schedule {self._file}", self._listed()
        told = {"jobs": jobs, "lives": bool(jobs) and self.centre.lives, "command": start}
        return told | {"models": self._versions()}

    def _listed(self) -> list[dict[str, Any]]:
        """The jobs; a workspace takes a request for each, so that several pages share what it answered a moment ago."""
        if self._workspace is None:
            return self.centre.jobs()
        with self._lock:
            if self._now() - self._asked >= SHARED_FOR:
                self._jobs, self._asked = self._workspace.jobs(), self._now()
            return self._jobs

    def _versions(self) -> list[dict[str, Any]]:
        """Of all models; read again only when the table has changed, for it holds what was learned, too."""
        if self._workspace is not None and is_address(str(self._base.tables.path)):
            return []  # the workspace's own pages show them
        tables = tables_of(self._base)
        with self._lock:
            if self._table is None:
                self._table = TableLog(tables, MODELS.name)
            if self._table.news() is not None:
                self._models = stored.versions(tables)
            return self._models

    def change(self, said: JobRequest) -> dict[str, Any]:
        """Does what was asked -> the run that it is about, where there is one."""
        centre, self._asked = self.centre, LONG_AGO
        if said.action == "run":
            return {"run": centre.run_now(said.job, said.owner)}
        if said.action == "pause":
            centre.pause(said.job, said.owner)
        elif said.action == "resume":
            centre.resume(said.job)
        else:
            centre.cancel(str(said.run), said.owner)
        return {"run": said.run}

    def use(self, said: ModelRequest) -> dict[str, Any]:
        """Makes the version live."""
        stored.activate(tables_of(self._base), said.name, said.version)
        return {"name": said.name, "version": said.version}


def add_jobs(app: FastAPI, desk: JobDesk, token: Token, turns: Turns) -> None:
    """GET tells, POST changes, where a token says who may."""

    @app.get("/api/jobs")
    async def jobs() -> Any:
        return await turns.take(lambda: told(desk.overview) | {"allowed": bool(token)})

    @app.get("/api/runs")
    async def runs(job: Text, size: Annotated[int, Query(ge=1, le=MOST_RUNS)] = 50) -> Any:
        return await turns.take(lambda: {"rows": told(lambda: desk.centre.runs(job, size))})

    @app.get("/api/log")
    async def log(
        run: Text, start: Annotated[int, Query(alias="from", ge=-MOST_BYTE, le=MOST_BYTE)] = 0
    ) -> dict[str, Any]:
        part = await turns.take(lambda: told(lambda: desk.centre.log(run, start)))
        return {"text": part.text, "end": part.end, "over": part.over}

    add_change(app, "/api/jobs", "What is done to a job", JobRequest, desk.change, token, turns)
    add_change(app, "/api/models", "The choice of a model", ModelRequest, desk.use, token, turns)
