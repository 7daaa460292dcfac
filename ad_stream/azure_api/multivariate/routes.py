"""The paths of the multivariate API for the three versions; each only unpacks its request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response

from ad_stream.azure_api.admission import AGAIN, RefusedError
from ad_stream.azure_api.jobs import Job
from ad_stream.azure_api.multivariate import documents, uploads
from ad_stream.azure_api.multivariate.faults import ContractError
from ad_stream.azure_api.multivariate.questions import GENERAL, PREVIEW, VERSIONS
from ad_stream.azure_api.multivariate.store import MODELS

if TYPE_CHECKING:
    from ad_stream.azure_api.multivariate.operations import Found, Multivariate
    from ad_stream.azure_api.server import Desk

Ask = Callable[[Request, bytes], Awaitable["Found"]]
Handler = Callable[[Request], Awaitable[Response]]
SMALL = 64 * 1024
"""Bytes of a request that names its data."""
"""Seconds, for one that finds all places taken."""


def add_to(app: FastAPI, desk: Desk, models: Multivariate) -> None:
    """All paths, on an app whose lifespan runs `models`."""
    for version in VERSIONS:
        for name, method, path, handler in _handlers(desk, models, version):
            app.add_api_route(
                f"/anomalydetector/{version}/multivariate{path}",
                handler,
                methods=[method],
                operation_id=f"{name}_{version}",
                responses=documents.responses(name),
                openapi_extra=documents.request(name, version),
            )


def _handlers(desk: Desk, models: Multivariate, version: str) -> Iterator[tuple[str, str, str, Handler]]:
    """Name, method, path and handler."""
    for name, method, path, ask in _operations(models, version):
        yield name, method, path, _small(desk, name, ask)
    if version != PREVIEW:
        path = "/models/{model_id}:detect-last" if version == GENERAL else "/models/{model_id}/last/detect"
        yield "last_rows", "POST", path, _last(desk, version, models)
    yield "upload", "PUT", "/files/{name}", uploads.handler(desk, models.settings)


def _operations(models: Multivariate, version: str) -> Iterator[tuple[str, str, str, Ask]]:
    """Name, method, path and what it does, of all but the last rows."""

    def base(request: Request) -> str:
        return f"{request.base_url}anomalydetector/{version}/multivariate"

    def of(request: Request) -> str:
        return str(next(iter(request.path_params.values())))

    yield "train", "POST", "/models", lambda r, body: models.train(body, version, base(r))
    yield "models", "GET", "/models", lambda r, _: models.models(r.query_params, version, base(r))
    yield "model", "GET", "/models/{model_id}", lambda r, _: models.model(of(r), version)
    yield "delete", "DELETE", "/models/{model_id}", lambda r, _: models.delete(of(r))
    general = version == GENERAL
    detect, result = (":detect-batch", "/detect-batch") if general else ("/detect", "/results")
    yield "detect", "POST", "/models/{model_id}" + detect, lambda r, body: models.detect(of(r), body, version, base(r))
    yield "result", "GET", result + "/{result_id}", lambda r, _: models.result(of(r), version)
    if not general:
        yield "export", "GET", "/models/{model_id}/export", lambda r, _: models.export(of(r))


def _small(desk: Desk, name: str, ask: Ask) -> Handler:
    async def handler(request: Request) -> Response:
        async def work(body: bytes) -> Response:
            with refusals():
                found = await ask(request, body)
            return Response(
                found.body, found.status, dict(found.headers), media_type=found.media if found.body else None
            )

        most = SMALL if request.method == "POST" else 0
        return await desk.guarded(request, f"multivariate_{name}", lambda: desk.small(request, work, most=most))

    return handler


def _last(desk: Desk, version: str, models: Multivariate) -> Handler:
    async def handler(request: Request) -> Response:
        async def judged() -> Response:
            with refusals():
                name = models.ready(request.path_params["model_id"])["id"]
            options = {"model": str(models.store.path(MODELS, name))}
            job = Job(kind="last_rows", operation=version, options=options)
            return await desk.admitted(request, job, models.settings.last_bytes)

        return await desk.guarded(request, "multivariate_last_rows", judged)

    return handler


@contextmanager
def refusals() -> Iterator[None]:
    """The contract's errors as refusals of this server."""
    try:
        yield
    except ContractError as error:
        again = AGAIN if error.status == 429 else None
        raise RefusedError(error.status, error.code, error.message, retry_after=again) from None
