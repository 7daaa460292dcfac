"""`ad-stream serve`: the univariate REST API of the retired Azure Anomaly Detector, on this machine.

Every request is checked before any work: key, room, size, JSON, fields, points. A bad one gets a 4xx with the code of
the contract; work runs in a few threads with a time limit, so that health and metrics always answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio
from anyio.to_thread import run_sync
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ad_stream.azure_api import bulk, openapi, wire
from ad_stream.azure_api.admission import (
    Admission,
    Keys,
    Limits,
    RefusedError,
    announced_size,
    check_exposure,
    read_body,
)
from ad_stream.azure_api.answer import REFUSALS, answer
from ad_stream.azure_api.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Awaitable

VERSIONS = ("v1.0", "v1.1-preview", "v1.1-preview.1", "v1.1")
PORT = 5000
JSON = "application/json"
log = logging.getLogger(__name__)


def create_app(*, keys: Keys | None = None, limits: Limits | None = None) -> FastAPI:
    """The server as an ASGI application; `keys` None takes them from AD_STREAM_KEYS."""
    app = FastAPI(
        title="ad_stream",
        summary="The univariate API of the retired Azure Anomaly Detector.",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    desk = Desk(Keys.from_environment() if keys is None else keys, limits or Limits())
    _add_operations(app, desk)
    _add_batches(app, desk)
    _add_rest(app, desk)
    app.add_exception_handler(HTTPException, _unknown_path)
    _describe_key(app)
    return app


def serve(*, host: str = "127.0.0.1", port: int = PORT, limits: Limits | None = None) -> None:
    """Serve until stopped; keys come from AD_STREAM_KEYS, ConfigError if none are set and host is not this machine."""
    import uvicorn

    keys = Keys.from_environment()
    check_exposure(host, keys)
    uvicorn.run(
        create_app(keys=keys, limits=limits), host=host, port=port, access_log=False, log_level="warning",
        server_header=False, timeout_keep_alive=75, timeout_graceful_shutdown=10,
    )  # fmt: skip


class Desk:
    """Takes requests one by one through the checks to a worker."""

    def __init__(self, keys: Keys, limits: Limits) -> None:
        self.keys = keys
        self.limits = limits
        self.admission = Admission(limits)
        self.metrics = Metrics()
        self._workers: anyio.CapacityLimiter | None = None

    async def serve(
        self, request: Request, name: str, work: Callable[[bytes], bytes], *, most: int, media: str = JSON
    ) -> Response:
        """The answer to one request, whatever becomes of it."""
        with self.metrics.timing(name) as outcome:
            try:
                self.keys.check(request)
                with self.admission.place(announced_size(request, most)):
                    body = await read_body(request, most=most, seconds=self.limits.read_seconds)
                    response = Response(await self._work(work, body), media_type=media)
            except RefusedError as refusal:
                response = error_response(refusal.status, refusal.code, refusal.message, refusal.retry_after)
            except REFUSALS as error:
                response = error_response(400, error.code, error.message)
            except ClientDisconnect:
                response = Response(status_code=499)
            outcome.status = response.status_code
            return response

    async def _work(self, work: Callable[[bytes], bytes], body: bytes) -> bytes:
        if self._workers is None:
            self._workers = anyio.CapacityLimiter(self.limits.workers)
        running = run_sync(work, body, limiter=self._workers, abandon_on_cancel=True)
        try:
            return await asyncio.wait_for(running, self.limits.work_seconds)
        except (TimeoutError, asyncio.TimeoutError):
            raise RefusedError(
                503, "Timeout", f"The answer took more than {self.limits.work_seconds:g} seconds.", retry_after=5
            ) from None


def error_response(status: int, code: str, message: str, retry_after: int | None = None) -> Response:
    """The contract's error: {"code", "message"}, the code in a header as well."""
    headers = {"x-ms-error-code": code}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    body = json.dumps({"code": code, "message": message})
    return Response(body, status_code=status, headers=headers, media_type=JSON)


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
    def work(body: bytes) -> bytes:
        return json.dumps(answer(wire.read_json(body), operation), allow_nan=False).encode()

    async def detect(request: Request) -> Response:
        return await desk.serve(request, operation, work, most=desk.limits.body_bytes)

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
            return await desk.serve(
                request, name, lambda body: bulk.answer_json(body, operation), most=desk.limits.batch_bytes
            )
        options = {key: bulk.option_from_text(key, text) for key, text in request.query_params.items()}
        return await desk.serve(
            request, name, lambda body: bulk.answer_arrow(body, operation, options),
            most=desk.limits.batch_bytes, media=bulk.ARROW,
        )  # fmt: skip

    return detect


def _add_rest(app: FastAPI, desk: Desk) -> None:
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    async def metrics() -> Response:
        return Response(desk.metrics.text(desk.admission.in_flight), media_type="text/plain; version=0.0.4")

    async def not_offered() -> Response:
        return error_response(
            404, "NotOffered", "The multivariate API is not offered by this server: use the univariate one per signal."
        )

    app.add_api_route("/healthz", health, methods=["GET"])
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
