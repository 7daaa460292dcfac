"""`ad-stream dashboard`: a live page over the tables of a stream, and the same answers as JSON and pictures."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse

from ad_stream.config import Config, usual
from ad_stream.dashboard import explanation
from ad_stream.dashboard.access import Token, add_door, check_exposure
from ad_stream.dashboard.answers import add_answers
from ad_stream.dashboard.comparison_strip import comparison_strips
from ad_stream.dashboard.files import add_page, add_pictures
from ad_stream.dashboard.formatting import DRAWN_WINDOWS, MalformedError, span, time_of
from ad_stream.dashboard.incident_answers import add_incidents
from ad_stream.dashboard.job_answers import JobDesk, add_jobs
from ad_stream.dashboard.joint_strip import joint_strip
from ad_stream.dashboard.live_updates import LiveUpdates
from ad_stream.dashboard.muting import Muting, add_muting
from ad_stream.dashboard.overview import Overview
from ad_stream.dashboard.parameters import Text, Time
from ad_stream.dashboard.series_chart import series
from ad_stream.dashboard.source_answers import SourceDesk, add_sources
from ad_stream.dashboard.task_answers import TaskDesk, add_tasks
from ad_stream.dashboard.turns import RETRY_AFTER, CrowdedError, Turns
from ad_stream.dashboard.watcher import Watch
from ad_stream.errors import InputError
from ad_stream.schedules.centre import JobCentre
from ad_stream.web.connections import ConnectionLimits, server_config
from ad_stream.web.listening import listener, url
from ad_stream.web.memory import few_heaps

PORT = 8010
LIMITS = ConnectionLimits(connections=300)


def create_app(
    tables: str | Path,
    *,
    config: str = "conf/local.yaml",
    token: Token | None = None,
    watch: Watch | None = None,
    base: Config | None = None,
    jobs: JobCentre | None = None,
) -> FastAPI:
    """The dashboard as an ASGI application that watches while it runs; `token` None takes it from the environment.

    base: the run's configuration, of which the sites and the settings under a mute are taken; None is the usual one. jobs: the job
    centre of a workspace, None: that of the tables.
    """
    watch = watch or Watch(tables, config=config)
    token = Token.from_environment() if token is None else token
    base = usual(str(tables)) if base is None else base
    updates = LiveUpdates()
    desk = JobDesk(base, config, watch.now, jobs)

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        updates.open()
        watch.on_change = lambda flagged: updates.send(_change(watch, flagged))
        watch.start()
        desk.warm_up()
        yield
        watch.stop()

    app = FastAPI(title="ad_stream dashboard", docs_url=None, redoc_url=None, openapi_url=None, lifespan=running)
    app.state.updates = updates
    add_door(app, token)
    add_page(app)
    _add_health(app)
    add_answers(app, watch, Overview(watch, base.dimensions.site_of))
    turns = Turns()
    _add_series(app, watch, turns)
    add_pictures(app, watch, turns)
    add_muting(app, Muting(watch, base), token, turns)
    add_incidents(app, watch, base, token, turns)
    add_jobs(app, desk, token, turns)
    tasks = TaskDesk(base, config, watch.now)
    add_tasks(app, tasks, token, turns)
    add_sources(app, SourceDesk(tasks.config, watch.now), token, turns)

    @app.get("/api/events")
    async def events() -> Response:
        if updates.full:
            return _again_later("As many pages are open as this dashboard tells of changes: close one.")
        quiet = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(updates.listen(_change(watch, 0)), media_type="text/event-stream", headers=quiet)

    app.add_exception_handler(InputError, _cannot)
    app.add_exception_handler(CrowdedError, _crowded)
    app.add_exception_handler(Exception, _failed)
    app.add_exception_handler(RequestValidationError, _malformed)
    return app


def serve(
    tables: str | Path,
    *,
    config: str = "conf/local.yaml",
    host: str = "127.0.0.1",
    port: int = PORT,
    ready: Callable[[str, bool], None] | None = None,
    base: Config | None = None,
    jobs: JobCentre | None = None,
) -> None:
    """Serve until stopped; ConfigError where host is not this machine and the environment holds no token.

    ready: called once the port is taken, with the address and whether a token is asked for. base, jobs: as for create_app.
    """
    token = Token.from_environment()
    check_exposure(host, token)
    with suppress(KeyboardInterrupt), listener(host, port) as opened:
        if ready is not None:
            ready(url(opened), bool(token))
        few_heaps()
        Server(create_app(tables, config=config, token=token, base=base, jobs=jobs)).run(sockets=[opened])


class Server(uvicorn.Server):
    """uvicorn, but open pages do not keep it from stopping: their streams of changes end first."""

    def __init__(
        self, app: FastAPI, *, host: str = "127.0.0.1", port: int = PORT, limits: ConnectionLimits | None = None
    ) -> None:
        super().__init__(server_config(app, limits or LIMITS, host=host, port=port, timeout_graceful_shutdown=5))
        self._updates: LiveUpdates = app.state.updates

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn once it is told to stop."""
        self._updates.close()
        await super().shutdown(sockets)


def _change(watch: Watch, flagged: int) -> dict[str, Any]:
    loaded, incidents = round(watch.loaded, 3), watch.incident_changes
    return {"version": watch.version, "flagged": flagged, "loaded": loaded, "incidents": incidents}


def _add_health(app: FastAPI) -> None:
    @app.get("/healthz")
    def health() -> dict[str, str]:
        return {"status": "ok"}


def _add_series(app: FastAPI, watch: Watch, turns: Turns) -> None:
    @app.get("/api/series")
    async def one(
        device: Text,
        signal: Text,
        start: Annotated[Time, Query(alias="from")] = None,
        end: Annotated[Time, Query(alias="to")] = None,
        hours: Annotated[float, Query(gt=0, le=24 * DRAWN_WINDOWS)] = 3.0,
    ) -> Any:
        first, last = span(start, end, hours, watch.fleet.newest, watch.grid)
        return await turns.take(lambda: series(watch, device=device, signal=signal, first=first, last=last))

    @app.get("/api/joint")
    async def together(
        device: Text,
        start: Annotated[Time, Query(alias="from")] = None,
        end: Annotated[Time, Query(alias="to")] = None,
    ) -> Any:
        first, last = span(start, end, 3.0, watch.fleet.newest, watch.grid)
        return await turns.take(lambda: joint_strip(watch, device=device, first=first, last=last))

    @app.get("/api/comparisons")
    async def beside(
        device: Text,
        signal: Text,
        start: Annotated[Time, Query(alias="from")] = None,
        end: Annotated[Time, Query(alias="to")] = None,
    ) -> Any:
        first, last = span(start, end, 3.0, watch.fleet.newest, watch.grid)
        return await turns.take(lambda: comparison_strips(watch, device=device, signal=signal, first=first, last=last))

    @app.get("/api/why")
    async def reason(device: Text, signal: Text, minute: Annotated[str, Query(max_length=40)]) -> Any:
        asked = time_of(minute)
        return await turns.take(
            lambda: explanation.why(watch.tables, device=device, signal=signal, minute=asked, every=watch.grid.every)
        )


async def _cannot(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, status_code=400 if isinstance(error, MalformedError) else 404)


async def _crowded(_: Request, __: Exception) -> Response:
    return _again_later("Too many pictures and series are asked for at once: come again in a moment.")


async def _failed(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"This could not be answered ({type(error).__name__})."}, status_code=500)


def _again_later(sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status_code=503, headers={"Retry-After": str(RETRY_AFTER)})


async def _malformed(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    return JSONResponse({"error": f"the parameter {place!r} is wrong: {first['msg']}"}, status_code=400)
