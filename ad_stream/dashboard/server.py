"""`ad-stream dashboard`: a live page over the tables of a stream, and the same answers as JSON and pictures."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import uvicorn
from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse

from ad_stream.dashboard import explanation, stream_state
from ad_stream.dashboard.access import Token, add_door, check_exposure
from ad_stream.dashboard.anomalies import anomalies
from ad_stream.dashboard.formatting import DRAWN_WINDOWS, MOST_STORED, Asked, MalformedError, span, time_of, whole_span
from ad_stream.dashboard.live_updates import Bell
from ad_stream.dashboard.overview import Overview
from ad_stream.dashboard.series_chart import series
from ad_stream.dashboard.turns import RETRY_AFTER, CrowdedError, Turns
from ad_stream.dashboard.watcher import Watch
from ad_stream.errors import InputError
from ad_stream.report import pictures_of, plotly, png, read_series, series_page
from ad_stream.report.page import render
from ad_stream.web.connections import ConnectionLimits, server_config
from ad_stream.web.listening import listener, url

PORT = 8010
LIMITS = ConnectionLimits(connections=300)
MOST_PAGE = 1_000_000
SHARED = "picture.js"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
Text = Annotated[str, Query(max_length=1000)]
Time = Annotated[str | None, Query(max_length=40)]


def create_app(
    tables: str | Path, *, config: str = "conf/local.yaml", token: Token | None = None, watch: Watch | None = None
) -> FastAPI:
    """The dashboard as an ASGI application that watches while it runs; `token` None takes it from the environment."""
    watch = watch or Watch(tables, config=config)
    bell = Bell()

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        bell.open()
        watch.on_change = lambda flagged: bell.ring(_change(watch, flagged))
        watch.start()
        yield
        watch.stop()

    app = FastAPI(title="ad_stream dashboard", docs_url=None, redoc_url=None, openapi_url=None, lifespan=running)
    app.state.bell = bell
    add_door(app, Token.from_environment() if token is None else token)
    _add_page(app)
    _add_answers(app, watch)
    turns = Turns()
    _add_series(app, watch, turns)
    _add_pictures(app, watch, turns)

    @app.get("/api/events")
    async def events() -> Response:
        if bell.full:
            return _again_later("As many pages are open as this dashboard tells of changes: close one.")
        quiet = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(bell.listen(_change(watch, 0)), media_type="text/event-stream", headers=quiet)

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
) -> None:
    """Serve until stopped; ConfigError where host is not this machine and the environment holds no token.

    ready: called once the port is taken, with the address and whether a token is asked for.
    """
    token = Token.from_environment()
    check_exposure(host, token)
    with suppress(KeyboardInterrupt), listener(host, port) as opened:
        if ready is not None:
            ready(url(opened), bool(token))
        Server(create_app(tables, config=config, token=token)).run(sockets=[opened])


class Server(uvicorn.Server):
    """uvicorn, but open pages do not keep it from stopping: their streams of changes end first."""

    def __init__(
        self, app: FastAPI, *, host: str = "127.0.0.1", port: int = PORT, limits: ConnectionLimits | None = None
    ) -> None:
        super().__init__(server_config(app, limits or LIMITS, host=host, port=port, timeout_graceful_shutdown=5))
        self._bell: Bell = app.state.bell

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn once it is told to stop."""
        self._bell.close()
        await super().shutdown(sockets)


def _change(watch: Watch, flagged: int) -> dict[str, Any]:
    return {"version": watch.version, "flagged": flagged, "loaded": round(watch.loaded, 3)}


def _add_page(app: FastAPI) -> None:
    @app.get("/")
    def page() -> Response:
        return HTMLResponse(asset("index.html"), headers={"Cache-Control": "no-cache"})

    @app.get("/assets/{name}")
    def assets(name: str, request: Request) -> Response:
        if name == "plotly.js":
            return _plotly_response(request)
        if name == SHARED:
            return Response(shared_script(), media_type=TYPES[".js"], headers={"Cache-Control": "no-cache"})
        if name not in {one.name for one in files("ad_stream.dashboard").joinpath("assets").iterdir()}:
            return JSONResponse({"error": f"there is no file {name!r}"}, status_code=404)
        return Response(asset(name), media_type=TYPES[Path(name).suffix], headers={"Cache-Control": "no-cache"})

    @app.get("/healthz")
    def health() -> dict[str, str]:
        return {"status": "ok"}


def _add_answers(app: FastAPI, watch: Watch) -> None:
    overview = Overview(watch)

    @app.get("/api/state")
    def state() -> dict[str, Any]:
        return stream_state.state(watch)

    @app.get("/api/pipeline")
    def stream() -> dict[str, Any]:
        return stream_state.pipeline(watch)

    @app.get("/api/overview")
    def fleet(
        device: Text = "",
        signal: Text = "",
        state: Literal["all", "flagged", "warming_up", "declined", "silent"] = "all",
        order: Literal["worst", "latest", "flags", "name"] = "worst",
        minutes: Annotated[int, Query(ge=1, le=30 * 1440)] = 60,
        page: Annotated[int, Query(ge=0, le=MOST_PAGE)] = 0,
        size: Annotated[int, Query(ge=1, le=200)] = 25,
    ) -> dict[str, Any]:
        return overview.page(
            Asked(device=device, signal=signal, state=state, order=order, minutes=minutes, page=page, size=size)
        )

    @app.get("/api/anomalies")
    def events(
        device: Text = "",
        signal: Text = "",
        start: Annotated[Time, Query(alias="from")] = None,
        end: Annotated[Time, Query(alias="to")] = None,
        page: Annotated[int, Query(ge=0, le=MOST_PAGE)] = 0,
        size: Annotated[int, Query(ge=1, le=200)] = 25,
    ) -> dict[str, Any]:
        first = watch.grid.step(time_of(start)) if start else 0
        last = watch.grid.step(time_of(end)) - 1 if end else None
        return anomalies(
            watch, overview, Asked(device=device, signal=signal, page=page, size=size), first=first, last=last
        )


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

    @app.get("/api/why")
    async def reason(device: Text, signal: Text, minute: Annotated[str, Query(max_length=40)]) -> Any:
        asked = time_of(minute)
        return await turns.take(
            lambda: explanation.why(watch.tables, device=device, signal=signal, minute=asked, every=watch.grid.every)
        )


def _add_pictures(app: FastAPI, watch: Watch, turns: Turns) -> None:
    def rows(device: str, signal: str | None, stretch: tuple[datetime, datetime]) -> Any:
        first, last = stretch
        return read_series(watch.tables, device=device, signal=signal, start=first, end=last, most=MOST_STORED)

    @app.get("/picture")
    async def picture(
        device: Text,
        signal: Text,
        start: Annotated[Time, Query(alias="from")] = None,
        end: Annotated[Time, Query(alias="to")] = None,
        theme: Literal["light", "dark"] = "light",
    ) -> Response:
        stretch = whole_span(start, end, watch.grid)

        def draw() -> bytes:
            (drawn,) = pictures_of(device, rows(device, signal, stretch), watch.grid)
            return png(drawn, theme=theme)

        return Response(await turns.take(draw), media_type="image/png")

    @app.get("/report")
    async def report(
        device: Text,
        signal: Annotated[str | None, Query(max_length=1000)] = None,
        start: Annotated[Time, Query(alias="from")] = None,
        end: Annotated[Time, Query(alias="to")] = None,
    ) -> Response:
        stretch = whole_span(start, end, watch.grid)

        def write() -> str:
            found = rows(device, signal, stretch)
            return render(series_page(device, found, pictures_of(device, found, watch.grid), watch.grid))

        # The page's own script is inline, so it is handed over as a file and never runs under this address.
        headers = {"Content-Disposition": 'attachment; filename="report.html"'}
        return HTMLResponse(await turns.take(write), headers=headers)


def shared_script() -> str:
    """What the report draws with, too."""
    return (files("ad_stream.report") / "assets" / SHARED).read_text(encoding="utf-8")


def asset(name: str) -> str:
    """The text of one of the page's own files."""
    return (files("ad_stream.dashboard") / "assets" / name).read_text(encoding="utf-8")


def _plotly_response(request: Request) -> Response:
    tag = f'"plotly-{plotly.VERSION}"'
    headers = {"ETag": tag, "Cache-Control": "max-age=86400", "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(plotly.packed(), media_type=TYPES[".js"], headers=headers | {"Content-Encoding": "gzip"})
    return Response(plotly.script(), media_type=TYPES[".js"], headers=headers)


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
