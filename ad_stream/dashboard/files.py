"""The page's own files, and the pictures and reports that the report writes too."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from ad_stream.dashboard.formatting import MOST_STORED, whole_span
from ad_stream.dashboard.parameters import Text, Time
from ad_stream.dashboard.turns import Turns
from ad_stream.dashboard.watcher import Watch
from ad_stream.report import pictures_of, plotly, png, read_series, series_page
from ad_stream.report.comparisons import comparison_table_of
from ad_stream.report.joint import joint_table_of
from ad_stream.report.page import render

SHARED = "picture.js"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def add_page(app: FastAPI) -> None:
    """`/` and what it loads."""

    # Small files from memory: a turn in the pool of threads would cost each of the page's thirty more than its content does.
    @app.get("/")
    async def page() -> Response:
        return HTMLResponse(whole_page(), headers={"Cache-Control": "no-cache"})

    @app.get("/assets/{name}")
    async def assets(name: str, request: Request) -> Response:
        if name == "plotly.js":
            return _plotly_response(request)
        if name == SHARED:
            return Response(shared_script(), media_type=TYPES[".js"], headers={"Cache-Control": "no-cache"})
        if name not in names():
            return JSONResponse({"error": f"there is no file {name!r}"}, status_code=404)
        return Response(asset(name), media_type=TYPES[Path(name).suffix], headers={"Cache-Control": "no-cache"})


def add_pictures(app: FastAPI, watch: Watch, turns: Turns) -> None:
    """`/picture` and `/report`: the bytes that `ad-stream report` writes."""

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
            more = [
                table_of(watch.tables, device, found, watch.grid, MOST_STORED)
                for table_of in (joint_table_of, comparison_table_of)
            ]
            return render(series_page(device, found, pictures_of(device, found, watch.grid), watch.grid, more))

        # The page's own script is inline, so it is handed over as a file and never runs under this address.
        headers = {"Content-Disposition": 'attachment; filename="report.html"'}
        return HTMLResponse(await turns.take(write), headers=headers)


@cache
def names() -> frozenset[str]:
    """The page's own files."""
    return frozenset(one.name for one in files("ad_stream.dashboard").joinpath("assets").iterdir())


@cache
def whole_page() -> str:
    """index.html, which names every module, so that a browser need not read one to learn of the next."""
    modules = sorted({name for name in names() if name.endswith(".js")} - {"theme.js"} | {SHARED})
    links = "\n".join(f'<link rel="modulepreload" href="/assets/{name}">' for name in modules)
    return asset("index.html").replace("<!-- modules -->", links)


@cache
def shared_script() -> str:
    """What the report draws with, too."""
    return (files("ad_stream.report") / "assets" / SHARED).read_text(encoding="utf-8")


@cache
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
