"""The answers that memory gives: state of the stream, fleet, sites, heat map, anomalies."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query

from ad_stream.dashboard import groups, stream_state
from ad_stream.dashboard.anomalies import anomalies
from ad_stream.dashboard.formatting import time_of
from ad_stream.dashboard.overview import Overview
from ad_stream.dashboard.parameters import Question, Time
from ad_stream.dashboard.watcher import Watch


def add_answers(app: FastAPI, watch: Watch, overview: Overview) -> None:
    """`/api/state`, `/api/pipeline` and the lists."""

    @app.get("/api/state")
    def state() -> dict[str, Any]:
        return stream_state.state(watch) | {"sites": overview.known_sites()}

    @app.get("/api/pipeline")
    def stream() -> dict[str, Any]:
        return stream_state.pipeline(watch)

    @app.get("/api/overview")
    def fleet(asked: Question) -> dict[str, Any]:
        return overview.page(asked)

    @app.get("/api/sites")
    def sites(asked: Question) -> dict[str, Any]:
        return groups.sites(watch, overview, asked)

    @app.get("/api/heat")
    def heat(asked: Question, by: Annotated[Literal["site", "device"], Query()] = "device") -> dict[str, Any]:
        return groups.heat(watch, overview, asked, by=by)

    @app.get("/api/anomalies")
    def events(
        asked: Question,
        start: Annotated[Time, Query(alias="from")] = None,
        end: Annotated[Time, Query(alias="to")] = None,
    ) -> dict[str, Any]:
        first = watch.grid.step(time_of(start)) if start else 0
        last = watch.grid.step(time_of(end)) - 1 if end else None
        return anomalies(watch, overview, asked, first=first, last=last)
