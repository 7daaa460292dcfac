"""Uploaded files, for those without any storage: `PUT …/multivariate/files/<name>`, then `files/<name>` as the source."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import Request, Response

from ad_stream.azure_api.admission import AGAIN, RefusedError, announced_size
from ad_stream.azure_api.multivariate.faults import fault
from ad_stream.azure_api.multivariate.sources import UPLOAD_NAME, UPLOADED

if TYPE_CHECKING:
    from ad_stream.azure_api.multivariate.settings import MultivariateSettings
    from ad_stream.azure_api.server import Desk

SECONDS = 900.0
AT_ONCE = 4
"""Uploads."""


def handler(desk: Desk, settings: MultivariateSettings) -> Callable[[Request], Awaitable[Response]]:
    """Takes a file in pieces to the disk, whole or not at all; one of that name is replaced."""
    taking: set[object] = set()

    async def upload(request: Request) -> Response:
        async def take() -> Response:
            name = _name(request)
            if len(taking) >= AT_ONCE:
                told = "Other files are on their way: come again."
                raise RefusedError(429, "TooManyRequests", told, retry_after=AGAIN)
            mine = object()
            taking.add(mine)
            try:
                return await _within_time(request, settings, name)
            finally:
                taking.discard(mine)

        return await desk.guarded(request, "multivariate_upload", take)

    return upload


def _name(request: Request) -> str:
    name = str(request.path_params["name"])
    if not UPLOAD_NAME.fullmatch(name):
        told = "Name the file in a-z, 0-9, '.', '_' and '-', 100 at most."
        raise RefusedError(400, "InvalidRequestParameterError", told)
    return name


async def _within_time(request: Request, settings: MultivariateSettings, name: str) -> Response:
    announced_size(request, settings.source_bytes)
    try:
        size = await asyncio.wait_for(_taken(request, settings, name), SECONDS)
    except (TimeoutError, asyncio.TimeoutError):
        raise RefusedError(408, "RequestTimeout", f"The file did not arrive within {SECONDS:g} seconds.") from None
    body = {"source": UPLOADED + name, "dataSource": UPLOADED + name, "bytes": size}
    return Response(json.dumps(body), status_code=201, media_type="application/json")


async def _taken(request: Request, settings: MultivariateSettings, name: str) -> int:
    """Bytes of the file; raises RefusedError (413)."""
    folder = settings.state / UPLOADED
    with tempfile.NamedTemporaryFile(dir=settings.state / "scratch", delete=False) as file:
        part = Path(file.name)
        try:
            left = min(settings.source_bytes, settings.uploads_bytes - _held(folder, name))
            size = await _received(request, file.write, left)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    part.replace(folder / name)
    return size


async def _received(request: Request, write: Callable[[bytes], int], most: int) -> int:
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > most:
            told = fault("InvalidFileSize", "Uploads go after a week.", file="of the body", most=max(most, 0))
            raise RefusedError(told.status, told.code, told.message)
        await asyncio.to_thread(write, piece)
    return size


def _held(folder: Path, name: str) -> int:
    """Bytes of the other uploads."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.name != name)
