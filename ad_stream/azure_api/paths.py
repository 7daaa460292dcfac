"""Paths as clients write them: Azure's gateway ignored case, and endpoints are pasted together with a slash too many.

The official clients say `changePoint` (azure-cognitiveservices-anomalydetector 0.3.0) and `changepoint` (azure-ai-anomalydetector);
Kubernetes manifests of the container this server replaces probe `/ready` and `/status`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

PROBES = ("/healthz", "/ready", "/readyz", "/status", "/livez", "/health")
"""All answer alike: a server that answers is ready, its workers come with it."""


def as_served(path: str) -> str:
    """The path under which the server knows what a client asks for: lower case, single slashes, none at the end."""
    return re.sub(r"/+", "/", path).rstrip("/").lower() or "/"


class ForgivingPaths:
    """ASGI middleware: routes see `as_served` of every path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server, once a request."""
        if scope["type"] == "http":
            scope = {**scope, "path": as_served(scope["path"])}
        await self.app(scope, receive, send)
