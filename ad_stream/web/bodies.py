"""Bodies of requests: as long as allowed and not a byte longer, within seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request


class BodyTooLargeError(Exception):
    """The body is, or says it is, longer than `most` bytes."""

    def __init__(self, most: int) -> None:
        super().__init__(f"The body must be at most {most} bytes.")
        self.most = most


class BodyTooSlowError(Exception):
    """The body did not arrive in `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The body did not arrive within {seconds:g} seconds.")
        self.seconds = seconds


def announced(headers: Mapping[str, str], most: int) -> int:
    """How long the body will be, `most` where it does not say; raises BodyTooLargeError."""
    text = headers.get("content-length", "")
    size = int(text[:20]) if text.isdecimal() else most
    if size > most:
        raise BodyTooLargeError(most)
    return size


async def read_body(request: Request, *, most: int, seconds: float) -> bytes:
    """The body, never more than `most` bytes of it in memory; raises BodyTooLargeError, BodyTooSlowError."""
    try:
        return await asyncio.wait_for(_collect(request, most), seconds)
    except (TimeoutError, asyncio.TimeoutError):
        raise BodyTooSlowError(seconds) from None


async def _collect(request: Request, most: int) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        if len(body) + len(piece) > most:
            raise BodyTooLargeError(most)
        body += piece
    return bytes(body)
