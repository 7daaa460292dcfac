"""Who may look: this machine without further ado, others with a token from the environment.

The token comes in by a form and stays in a cookie that scripts cannot read, or as `Authorization: Bearer` for
programs; never in an address, where histories and logs would keep it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.datastructures import MutableHeaders

from ad_stream.errors import ConfigError
from ad_stream.web.bodies import BodyTooLargeError, BodyTooSlowError, announced, read_body
from ad_stream.web.callers import comes_from_elsewhere, is_loopback, names_this_machine

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOKEN_VARIABLE = "AD_STREAM_DASHBOARD_TOKEN"
COOKIE = "ad_stream_dashboard"
MOST_FORM_BYTES = 4096
FORM_SECONDS = 10.0
YEAR = 365 * 86_400
OPEN_PATHS = ("/login", "/healthz", "/assets/style.css")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""plotly writes style elements; nothing else may be inline, and nothing may come from elsewhere."""


class Token:
    """The dashboard's token, kept as a digest; none means that only this machine may look."""

    def __init__(self, text: str | None = None) -> None:
        self._digest = _digest(text) if text else None

    def __repr__(self) -> str:
        return f"Token({'set' if self else 'none'})"

    def __bool__(self) -> bool:
        return self._digest is not None

    @classmethod
    def from_environment(cls) -> Token:
        """AD_STREAM_DASHBOARD_TOKEN."""
        return cls(os.environ.get(TOKEN_VARIABLE, "").strip() or None)

    def opens(self, text: str) -> bool:
        """Is this the token? Compared in constant time."""
        return self._digest is not None and hmac.compare_digest(self._digest, _digest(text))


def check_exposure(host: str, token: Token) -> None:
    """Raises ConfigError where a dashboard without a token would be seen beyond its own machine."""
    if not token and not is_loopback(host):
        raise ConfigError(f"a dashboard without a token listens on 127.0.0.1 only, not on {host}: set {TOKEN_VARIABLE}")


class Door:
    """ASGI: checks every request before the app sees it, and adds HEADERS to every answer."""

    def __init__(self, app: ASGIApp, token: Token) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server for each connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await (_refusal(Request(scope), self._token) or self._app)(scope, receive, with_headers)


def add_door(app: FastAPI, token: Token) -> None:
    """Checks every request of the app, and adds the form that takes the token."""
    app.add_middleware(Door, token=token)

    @app.post("/login")
    async def login(request: Request) -> Response:
        try:
            announced(request.headers, MOST_FORM_BYTES)
            body = await read_body(request, most=MOST_FORM_BYTES, seconds=FORM_SECONDS)
            given = parse_qs(body.decode("utf-8", "replace"), max_num_fields=10).get("token", [""])[0]
        except (BodyTooLargeError, BodyTooSlowError, ValueError) as error:
            return JSONResponse({"error": f"This is no form with a token. {error}"}, status_code=_status(error))
        if not token.opens(given):
            return HTMLResponse(LOGIN.format(note="That is not the token."), status_code=401)
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(
            COOKIE, given, max_age=YEAR, httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return answer


def _status(error: Exception) -> int:
    return 413 if isinstance(error, BodyTooLargeError) else 408 if isinstance(error, BodyTooSlowError) else 400


def _refusal(request: Request, token: Token) -> Response | None:
    """None where the request may go on."""
    if comes_from_elsewhere(request.method, request.headers):
        return JSONResponse({"error": "This comes from a page of another site, which may not do it."}, status_code=403)
    if request.url.path in OPEN_PATHS:
        return None
    if not token:
        # Another site's page could reach this machine under a name of its own (DNS rebinding).
        if names_this_machine(request.headers) and is_loopback(request.client.host if request.client else ""):
            return None
        sentence = f"This dashboard has no token and answers its own machine only: set {TOKEN_VARIABLE}."
        return JSONResponse({"error": sentence}, status_code=403)
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if token.opens(request.cookies.get(COOKIE, "")) or (scheme.lower() == "bearer" and token.opens(given.strip())):
        return None
    if request.url.path == "/":
        return HTMLResponse(LOGIN.format(note=""), status_code=401)
    return JSONResponse(
        {"error": "This needs the dashboard's token: send it as Authorization: Bearer."}, status_code=401
    )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


LOGIN = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ad_stream</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/style.css">
</head>
<body>
<form method="post" action="/login" class="login">
<h1>ad_stream</h1>
<label for="token">Token of this dashboard</label>
<input id="token" name="token" type="password" autocomplete="current-password" autofocus required>
<p role="alert">{note}</p>
<button type="submit">Look</button>
</form>
</body>
</html>
"""
