"""Real servers on free ports of 127.0.0.1."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import uvicorn
from fastapi import FastAPI

from ad_stream.azure_api.gate import Keys, Limits
from ad_stream.azure_api.server import create_app

KEY = "a-key-for-the-tests"


def start(app: FastAPI) -> tuple[str, Callable[[], None]]:
    """Serves the app; -> its address and what stops it."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the server did not start")

    def stop() -> None:
        server.should_exit = True
        thread.join(10)
        listener.close()

    return f"http://127.0.0.1:{listener.getsockname()[1]}", stop


@pytest.fixture(scope="session")
def served() -> Iterator[str]:
    """A server that knows KEY."""
    address, stop = start(create_app(keys=Keys([KEY, "another"]), limits=Limits(read_seconds=1.0)))
    yield address
    stop()


@pytest.fixture
def serving() -> Iterator[Callable[..., str]]:
    """A server with its own keys and limits: serving(keys=[...], limits=Limits(...))."""
    stops = []

    def begin(*, keys: list[str], limits: Limits | None = None) -> str:
        address, stop = start(create_app(keys=Keys(keys), limits=limits))
        stops.append(stop)
        return address

    yield begin
    for stop in stops:
        stop()
