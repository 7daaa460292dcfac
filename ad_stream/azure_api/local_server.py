"""The server inside this process, on a free port of 127.0.0.1: for the demo and the tests."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ad_stream.azure_api.admission import Keys
from ad_stream.azure_api.server import create_app

if TYPE_CHECKING:
    from fastapi import FastAPI

    from ad_stream.web.connections import ConnectionLimits


@dataclass(frozen=True)
class Local:
    """Where the server listens, and the key that it asks for."""

    endpoint: str
    key: str = field(repr=False)


@contextmanager
def local_server() -> Iterator[Local]:
    """`ad-stream serve` with a key of its own until the block ends."""
    key = secrets.token_urlsafe(24)
    with listening(create_app(keys=Keys([key]))) as endpoint:
        yield Local(endpoint, key)


@contextmanager
def listening(app: FastAPI, *, port: int = 0, limits: ConnectionLimits | None = None) -> Iterator[str]:
    """The address of the app, which runs in a thread until the block ends; port 0 takes a free one."""
    import uvicorn

    from ad_stream.web.connections import ConnectionLimits, server_config

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        server = uvicorn.Server(server_config(app, limits or ConnectionLimits(), timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the server did not start")
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)
