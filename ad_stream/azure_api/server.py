"""`ad-stream serve`: the REST API of the retired Azure Anomaly Detector, on this machine; several signals: `multivariate`.

Every request is checked before any work: key, room, size, JSON, fields, points. A bad one gets a 4xx with the code of
the contract; work runs in a few processes that are ended when their time is up or nobody waits any more, so that health
and metrics always answer. docs/limits.md lists what a server takes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ad_stream.azure_api import bulk, openapi, telemetry, wire
from ad_stream.azure_api.admission import (
    AGAIN,
    Admission,
    Keys,
    Limits,
    RefusedError,
    announced_size,
    check_exposure,
    read_body,
)
from ad_stream.azure_api.jobs import Job
from ad_stream.azure_api.metrics import RequestMetrics
from ad_stream.azure_api.multivariate import routes as multivariate_routes
from ad_stream.azure_api.multivariate.operations import Multivariate
from ad_stream.azure_api.paths import PROBES, ForgivingPaths
from ad_stream.azure_api.replies import JSON, HeldResponse, error_response
from ad_stream.azure_api.workers import Workers
from ad_stream.web.connections import ConnectionLimits, server_config
from ad_stream.web.listening import listener, url

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from ad_stream.azure_api.multivariate.settings import MultivariateSettings

VERSIONS = ("v1.0", "v1.1-preview", "v1.1-preview.1", "v1.1")
PORT = 5000


def create_app(
    *,
    keys: Keys | None = None,
    limits: Limits | None = None,
    multivariate: MultivariateSettings | None = None,
    tables: Path | None = None,
    config: str | None = None,
) -> FastAPI:
    """The server as an ASGI application; `keys` None takes them from AD_STREAM_KEYS. Its workers end with its lifespan.

    multivariate: where models live, without it that API is not offered; tables: whose readings `/telemetry` gives;
    config: the file whose `sources` `/detect` reads.
    """
    desk = Desk(Keys.from_environment() if keys is None else keys, limits or Limits())
    several = None if multivariate is None else Multivariate(multivariate)
    app = FastAPI(
        title="ad_stream",
        summary="The API of the retired Azure Anomaly Detector.",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        lifespan=lambda _: _running(desk, several),
    )
    _add_operations(app, desk)
    _add_batches(app, desk)
    if several is not None:
        multivariate_routes.add_to(app, desk, several)
    if tables is not None:
        telemetry.add_to(app, desk, tables)
    if config is not None:
        from ad_stream.azure_api import detect  # with all that judges and draws
        from ad_stream.config import load

        detect.add_to(app, desk, config, load(config).sources)
    _add_rest(app, desk)
    app.add_exception_handler(HTTPException, _unknown_path)
    app.add_middleware(ForgivingPaths)
    _describe_key(app)
    return app


@asynccontextmanager
async def _running(desk: Desk, several: Multivariate | None) -> AsyncIterator[None]:
    desk.workers.start()
    async with nullcontext() if several is None else several.running():
        yield
    await desk.workers.close()


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    limits: Limits | None = None,
    multivariate: MultivariateSettings | None = None,
    tables: Path | None = None,
    config: str | None = None,
    ready: Callable[[str, bool], None] | None = None,
) -> None:
    """Serve until stopped; keys come from AD_STREAM_KEYS, ConfigError if none are set and host is not this machine.

    ready: called once the port is taken, with the address and whether it asks for a key.
    """
    from uvicorn import Server

    keys = Keys.from_environment()
    check_exposure(host, keys)
    app = create_app(keys=keys, limits=limits, multivariate=multivariate, tables=tables, config=config)
    with suppress(KeyboardInterrupt), listener(host, port) as opened:
        if ready is not None:
            ready(url(opened), bool(keys))
        Server(server_config(app, ConnectionLimits(), timeout_graceful_shutdown=10)).run(sockets=[opened])


class Desk:
    """Takes requests one by one through the checks to a worker."""

    def __init__(self, keys: Keys, limits: Limits) -> None:
        self.keys = keys
        self.limits = limits
        self.admission = Admission(limits)
        self.metrics = RequestMetrics()
        self.workers = Workers(limits)

    async def serve(self, request: Request, name: str, job: Job, *, most: int, media: str = JSON) -> Response:
        """The answer of a worker to one request, whatever becomes of it."""
        return await self.guarded(request, name, lambda: self.admitted(request, job, most, media))

    async def guarded(
        self, request: Request, name: str, respond: Callable[[], Awaitable[Response]], *, key: str | None = None
    ) -> Response:
        """What `respond` makes for a caller with a key; refusals in the contract's form, counted like all else."""
        with self.metrics.timing(name) as outcome:
            try:
                self.keys.check(request, key)
                response = await respond()
            except RefusedError as refusal:
                response = error_response(refusal.status, refusal.code, refusal.message, refusal.retry_after)
            except ClientDisconnect:
                response = Response(status_code=499)
            outcome.status = response.status_code
            return response

    async def admitted(self, request: Request, job: Job, most: int, media: str = JSON) -> Response:
        """The answer of a worker, which keeps its place until it is sent."""
        place = self.admission.place(announced_size(request, most))
        try:
            body = await read_body(request, most=most, seconds=self.limits.read_seconds)
            found = await self.work(request, job, body)
            place.resize(len(found))
        except BaseException:
            place.leave()
            raise
        return HeldResponse(found, place, media_type=media)

    async def small(self, request: Request, work: Callable[[bytes], Awaitable[Response]], *, most: int) -> Response:
        """What this process itself makes of a body of at most `most` bytes; it keeps its place until it is sent."""
        place = self.admission.place(announced_size(request, most))
        try:
            body = await read_body(request, most=most, seconds=self.limits.read_seconds)
            made = await work(body)
            place.resize(len(made.body))
        except BaseException:
            place.leave()
            raise
        return HeldResponse(bytes(made.body), place, status_code=made.status_code, headers=dict(made.headers))

    async def work(self, request: Request, job: Job, body: bytes) -> bytes:
        """What a worker makes of it. RefusedError (503) when the time is up and ClientDisconnect when the caller left; the work
        ends with it."""
        working = asyncio.ensure_future(self.workers.run(job, body))
        leaving = asyncio.ensure_future(_left(request))
        try:
            await asyncio.wait(
                (working, leaving), timeout=self.limits.work_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if working.done():
                return working.result()
            if leaving.done():
                raise ClientDisconnect
            raise RefusedError(
                503, "Timeout", f"The answer took more than {self.limits.work_seconds:g} seconds.", retry_after=AGAIN
            )
        finally:
            working.cancel()
            leaving.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    """Returns when the caller hangs up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _add_operations(app: FastAPI, desk: Desk) -> None:
    for operation in wire.OPERATIONS:
        for version in VERSIONS:
            app.add_api_route(
                f"/anomalydetector/{version}/timeseries/{operation}/detect",
                _one_series(desk, operation),
                methods=["POST"],
                operation_id=f"{operation}_{version}",
                responses=openapi.responses(openapi.ANSWERS[operation]),
                openapi_extra=openapi.request_body(openapi.REQUESTS[operation]),
            )


def _one_series(desk: Desk, operation: str) -> Callable[[Request], Awaitable[Response]]:
    job = Job(kind="one", operation=operation)

    async def detect(request: Request) -> Response:
        return await desk.serve(request, operation, job, most=desk.limits.body_bytes)

    return detect


def _add_batches(app: FastAPI, desk: Desk) -> None:
    for operation in wire.OPERATIONS:
        app.add_api_route(
            f"/batch/{operation}",
            _many_series(desk, operation),
            methods=["POST"],
            operation_id=f"batch_{operation}",
            responses=openapi.responses({"type": "object"}),
            openapi_extra=openapi.request_body(openapi.batch_body(operation), **{bulk.ARROW: {"schema": {}}}),
        )


def _many_series(desk: Desk, operation: str) -> Callable[[Request], Awaitable[Response]]:
    async def detect(request: Request) -> Response:
        name = f"batch_{operation}"
        if request.headers.get("content-type", JSON).split(";")[0].strip().lower() != bulk.ARROW:
            job = Job(kind="json", operation=operation)
            return await desk.serve(request, name, job, most=desk.limits.batch_bytes)
        options = {key: bulk.option_from_text(key, text) for key, text in request.query_params.items()}
        job = Job(kind="arrow", operation=operation, options=options)
        return await desk.serve(request, name, job, most=desk.limits.batch_bytes, media=bulk.ARROW)

    return detect


def _add_rest(app: FastAPI, desk: Desk) -> None:
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    async def metrics() -> Response:
        return Response(desk.metrics.text(desk.admission.in_flight), media_type="text/plain; version=0.0.4")

    async def not_offered() -> Response:
        return error_response(
            404,
            "NotOffered",
            "The multivariate API is not offered here: start the server with --state FOLDER, and ask for v1.1, v1.1-preview.1 or"
            " v1.1-preview.",
        )

    for probe in PROBES:
        app.add_api_route(probe, health, methods=["GET"], include_in_schema=probe == PROBES[0])
        app.add_api_route(probe, health, methods=["HEAD"], include_in_schema=False)
    app.add_api_route("/metrics", metrics, methods=["GET"])
    verbs = ["GET", "POST", "DELETE", "PUT", "PATCH"]
    path = "/anomalydetector/{version}/multivariate/{rest:path}"
    app.add_api_route(path, not_offered, methods=verbs, include_in_schema=False)


async def _unknown_path(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        return error_response(405, "MethodNotAllowed", "This path takes another method: detection is a POST.")
    versions = ", ".join(VERSIONS)
    return error_response(
        status, "NotFound", f"There is nothing here: write /anomalydetector/<one of {versions}>/timeseries/last/detect."
    )


def _describe_key(app: FastAPI) -> None:
    plain = app.openapi

    def described() -> dict[str, Any]:
        schema = plain()
        schema.setdefault("components", {})["securitySchemes"] = openapi.SECURITY
        return schema

    app.openapi = described  # type: ignore[method-assign]
