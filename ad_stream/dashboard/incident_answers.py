"""`/api/incidents` and what belongs to it: lists, lanes, one incident, and what people say of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field, model_validator

from ad_stream.dashboard import incident_story
from ad_stream.dashboard.access import Token
from ad_stream.dashboard.changes import MOST_HOURS, refusal, wanted
from ad_stream.dashboard.formatting import MOST_ROWS, Asked, time_of
from ad_stream.dashboard.groups import By
from ad_stream.dashboard.inbox import Inbox
from ad_stream.dashboard.incident_lanes import lanes
from ad_stream.dashboard.incident_list import IncidentFilter, IncidentState, Level, incidents
from ad_stream.dashboard.parameters import MOST_PAGE, Text, Time
from ad_stream.incidents.acts import LABELS
from ad_stream.monitoring.incidents import say
from ad_stream.settings import Section
from ad_stream.tables import people
from ad_stream.tables.incidents import FEEDBACK
from ad_stream.tables.names import local_folder

if TYPE_CHECKING:
    from ad_stream.config import Config
    from ad_stream.dashboard.turns import Turns
    from ad_stream.dashboard.watcher import Watch


class FeedbackRequest(Section):
    """What the page sends about an incident. hours: how long an ack holds, None: to the end; asked, weight: as the inbox
    told; owner: who says so."""

    action: Literal["ack", "unack", "close", "label", "comment"]
    incident: str = Field(min_length=1, max_length=40)
    label: str | None = Field(default=None, max_length=20)
    hours: float | None = Field(default=None, gt=0, le=MOST_HOURS)
    asked: Literal["proposal", "random"] | None = None
    weight: float | None = Field(default=None, gt=0, le=1e9)
    owner: str = Field(min_length=1, max_length=100)
    note: str = Field(default="", max_length=500)

    @model_validator(mode="after")
    def _says_something(self) -> FeedbackRequest:
        if self.action == "label" and self.label not in LABELS:
            raise ValueError(f"a label is one of {', '.join(LABELS)}")
        if self.action == "comment" and not self.note:
            raise ValueError("a comment needs a note")
        return self


def add_incidents(app: FastAPI, watch: Watch, base: Config, token: Token, turns: Turns) -> None:
    """The answers; only `POST /api/feedback` changes anything."""

    @app.get("/api/incidents")
    def listed(question: IncidentQuestion) -> dict[str, Any]:
        return incidents(watch, question)

    @app.get("/api/lanes")
    def over_time(question: IncidentQuestion, by: Annotated[By, Query()] = "site") -> dict[str, Any]:
        return lanes(watch, question, by=by)

    @app.get("/api/incident")
    async def one(name: Annotated[str, Query(alias="id", max_length=40)]) -> Any:
        return await turns.take(lambda: incident_story.incident(watch, name) | {"allowed": bool(token)})

    inbox = Inbox(watch, base)

    @app.get("/api/inbox")
    def questions() -> dict[str, Any]:
        return inbox.questions() | {"allowed": bool(token)}

    @app.post("/api/feedback")
    async def feedback(request: Request) -> Response:
        if refused := refusal(token, "What is said of an incident"):
            return refused
        said = await wanted(request, FeedbackRequest, "what is said of an incident")
        return JSONResponse(await turns.take(lambda: {"version": _append(watch, base, said)}))


def _append(watch: Watch, base: Config, said: FeedbackRequest) -> int:
    """As `ad-stream ack`, `close` and `label` do; -> the version of the table."""
    now = watch.now()
    row: dict[str, Any] = {
        "action": said.action,
        "incident_id": said.incident,
        "owner": said.owner,
        "note": said.note or None,
    }
    if said.action == "label":
        row |= {"label": said.label, "asked": said.asked, "weight": said.weight}
    if said.action == "ack" and said.hours is not None:
        row |= {"until": now + timedelta(hours=said.hours)}
    folder = local_folder(base.tables, FEEDBACK.name, f"run there {people.insert_sql(FEEDBACK.name, row)}")
    return say(folder, row, now=now)


def _question(
    device: Text = "",
    signal: Text = "",
    site: Text = "",
    level: Level = "low",
    state: IncidentState = "all",
    start: Annotated[Time, Query(alias="from")] = None,
    end: Annotated[Time, Query(alias="to")] = None,
    minutes: Annotated[int, Query(ge=1, le=31 * 1440)] = 1440,
    page: Annotated[int, Query(ge=0, le=MOST_PAGE)] = 0,
    size: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 25,
) -> IncidentFilter:
    return IncidentFilter(
        asked=Asked(device=device, signal=signal, site=site, minutes=minutes, page=page, size=size),
        level=level, state=state,
        first=int(time_of(start).timestamp()) if start else None, last=int(time_of(end).timestamp()) if end else None,
    )  # fmt: skip


IncidentQuestion = Annotated[IncidentFilter, Depends(_question)]
