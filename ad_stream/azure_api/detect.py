"""`GET | POST /detect`: a device of a named source over a range of time, read and judged now; JSON, PNG, SVG or HTML.

Sources are named in the server's configuration; neither an address nor a query comes from a caller. The reading and judging run in
a worker, bounded in readings, seconds, memory and how many at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response

from ad_stream.azure_api.admission import AGAIN, RefusedError, announced_size, read_body
from ad_stream.azure_api.jobs import Job
from ad_stream.azure_api.replies import HeldResponse
from ad_stream.config import load
from ad_stream.errors import AdStreamError, ConfigError, InputError, did_you_mean
from ad_stream.own_data.on_demand import NothingThereError, answer, ask, etag_of, is_ripe
from ad_stream.own_data.question import SourceQuestion, value_of
from ad_stream.readers.contract import SourceAwayError, us_of
from ad_stream.readers.registry import reader_of
from ad_stream.times import now as system_clock

if TYPE_CHECKING:
    from ad_stream.azure_api.server import Desk
    from ad_stream.readers.settings import NamedSource

MOST_BODY = 64 * 1024
LOADED = (__name__, "matplotlib.figure", "matplotlib.backends.backend_agg")
"""By workers before their first job: it takes seconds."""
MEDIA = {"json": "application/json", "png": "image/png", "svg": "image/svg+xml", "html": "text/html; charset=utf-8"}


def add_to(
    app: FastAPI,
    desk: Desk,
    config: str,
    sources: Mapping[str, NamedSource],
    *,
    clock: Callable[[], datetime] = system_clock,
) -> None:
    """The path; config: the file that names the sources, which the workers read for themselves, secrets included."""
    running = 0
    desk.workers.modules = LOADED

    async def detect(request: Request) -> Response:
        return await desk.guarded(request, "detect", lambda: answered(request))

    async def answered(request: Request) -> Response:
        nonlocal running
        question = _question(request, await _body(request, desk), sources)
        source = sources[question.source]
        headers = {"Cache-Control": "private, no-cache", "Vary": "Accept"}
        if is_ripe(question, source, us_of(clock())):
            headers["ETag"] = etag_of(question, source)
            if headers["ETag"] in request.headers.get("if-none-match", ""):
                return Response(status_code=304, headers=headers)
        if running >= desk.limits.detections:
            raise RefusedError(503, "Busy", f"{running} detections run already: come again.", retry_after=AGAIN)
        running += 1
        try:
            job = Job(kind="detect", operation=config, options=question.as_parameters())
            return await _held(request, desk, job, MEDIA[question.form], headers)
        finally:
            running -= 1

    app.add_api_route("/detect", detect, methods=["GET", "POST"], operation_id="detect", include_in_schema=False)


async def _held(request: Request, desk: Desk, job: Job, media: str, headers: dict[str, str]) -> Response:
    place = desk.admission.place(0)
    try:
        found = await desk.work(request, job, b"")
        place.resize(len(found))
    except BaseException:
        place.leave()
        raise
    return HeldResponse(found, place, media_type=media, headers=headers)


async def _body(request: Request, desk: Desk) -> bytes:
    if request.method != "POST":
        return b""
    announced_size(request, MOST_BODY)
    return await read_body(request, most=MOST_BODY, seconds=desk.limits.read_seconds)


def _question(request: Request, body: bytes, sources: Mapping[str, NamedSource]) -> SourceQuestion:
    """RefusedError: 404 for a source that the configuration does not name, 422 for parameters that are missing or wrong."""
    try:
        asked = _parameters(request, body)
        question = SourceQuestion.of({"format": _form(request), **asked})
        question.judged_by()
    except AdStreamError as error:
        raise RefusedError(422, "BadArgument", f"{error}.") from None
    if question.source not in sources:
        way = did_you_mean(question.source, list(sources)) if sources else "the configuration names none"
        raise RefusedError(404, "NoSource", f"There is no source {question.source!r}: {way}.")
    return question


def _parameters(request: Request, body: bytes) -> dict[str, Any]:
    if request.method != "POST":
        return {name: value_of(name, text) for name, text in request.query_params.items()}
    try:
        asked = json.loads(body)
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise InputError("the body is no JSON object: write its members as the parameters of GET /detect")
    if odd := next((name for name, value in asked.items() if isinstance(value, (dict, list))), None):
        raise InputError(f"the member {odd[:40]!r} is no plain value: write a text, a number, true or false")
    return asked


def _form(request: Request) -> str:
    """By the header Accept, where the first of our forms stands."""
    accepted = [one.split(";")[0].strip().lower() for one in request.headers.get("accept", "").split(",")]
    known = {media.split(";")[0]: form for form, media in MEDIA.items()}
    return next((known[one] for one in accepted if one in known), "json")


def answer_of(job: Job) -> bytes:
    """In a worker: the configuration read anew, the source read, judged and drawn."""
    question = SourceQuestion.of(job.options)
    reader = reader_of(question.source, load(job.operation).sources)
    return answer(ask(reader, question, question.judged_by()), question)


def status_of(error: AdStreamError) -> tuple[int, str]:
    """Status and code for an error of ours."""
    if isinstance(error, NothingThereError):
        return 404, "NoData"
    if isinstance(error, SourceAwayError):
        return 503, "SourceAway"
    return (422, "BadArgument") if isinstance(error, (ConfigError, InputError)) else (503, "SourceAway")
