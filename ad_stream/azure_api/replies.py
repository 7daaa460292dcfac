"""Answers of the server: those that keep their request's place until they are out, and the contract's errors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fastapi import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from ad_stream.azure_api.admission import Place

JSON = "application/json"
PIECE = 64 * 1024


class HeldResponse(Response):
    """An answer that goes out in pieces, as fast as it is read, and keeps the request's place until it is out."""

    def __init__(self, content: bytes, place: Place, **more: Any) -> None:
        super().__init__(content, **more)
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Called by the server to send it."""
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            for start in range(0, len(self.body), PIECE):
                piece = bytes(self.body[start : start + PIECE])
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._place.leave()


def error_response(status: int, code: str, message: str, retry_after: int | None = None) -> Response:
    """The contract's error: {"code", "message"}, the code in a header as well."""
    headers = {"x-ms-error-code": code}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    body = json.dumps({"code": code, "message": message})
    return Response(body, status_code=status, headers=headers, media_type=JSON)
