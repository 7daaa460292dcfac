"""What a connection may cost before and after its request, on both servers, over real sockets."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests

from ad_stream.azure_api.admission import Keys
from ad_stream.azure_api.local_server import listening
from ad_stream.azure_api.server import create_app
from ad_stream.web.connections import FULL, ConnectionLimits
from tests.support.served import Served
from tests.support.waiting import wait_for

SECONDS = 60
QUICK = ConnectionLimits(connections=4, head_bytes=4096, head_seconds=1, idle_seconds=1)
Serving = Callable[[], str]


@pytest.fixture(params=["serve", "dashboard"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Each of the two servers with QUICK limits, no key and no token."""
    with ExitStack() as stack:
        if request.param == "serve":
            yield stack.enter_context(listening(create_app(keys=Keys()), limits=QUICK))
        else:
            running = Served(tmp_path, limits=QUICK)
            stack.callback(running.stop)
            yield running.address


@contextmanager
def connected(address: str) -> Iterator[socket.socket]:
    port = int(address.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        yield connection


def until_closed(connection: socket.socket) -> bytes:
    """All that comes until the server ends the connection."""
    pieces = []
    try:
        while piece := connection.recv(65536):
            pieces.append(piece)
    except ConnectionResetError:
        pass
    return b"".join(pieces)


@pytest.mark.slow
def test_a_connection_that_sends_nothing_ends(address: str) -> None:
    with connected(address) as connection:
        assert until_closed(connection) == b""


@pytest.mark.slow
def test_a_head_that_trickles_ends_however_often_a_byte_comes(address: str) -> None:
    with connected(address) as connection, pytest.raises(OSError):
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ")
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            connection.sendall(b"x")
            time.sleep(0.1)


@pytest.mark.slow
def test_a_second_head_that_trickles_ends_as_well(address: str) -> None:
    with connected(address) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost:")
        assert b"200" not in until_closed(connection)


@pytest.mark.slow
def test_an_idle_connection_ends_after_its_answer(address: str) -> None:
    with connected(address) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert until_closed(connection).startswith(b"HTTP/1.1 200 OK")


def test_a_head_beyond_its_bytes_is_refused(address: str) -> None:
    with connected(address) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 200_000)
        assert until_closed(connection).startswith((b"HTTP/1.1 400", b"HTTP/1.1 431", b""))
    assert requests.get(f"{address}/healthz", timeout=SECONDS).status_code == 200


def test_beyond_the_connections_a_further_one_is_told_so_and_closed(address: str) -> None:
    with ExitStack() as stack:
        taken = [stack.enter_context(connected(address)) for _ in range(QUICK.connections)]
        for connection in taken:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
        with connected(address) as further:
            assert until_closed(further) == FULL
    wait_for(
        "no place is given back",
        lambda: requests.get(f"{address}/healthz", timeout=SECONDS).status_code == 200,
        SECONDS,
    )


@pytest.mark.slow
def test_the_rest_of_a_refused_body_is_read_for_a_while_only(address: str) -> None:
    head = b"POST /nothing/here HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"
    with connected(address) as connection:
        connection.sendall(head)
        assert connection.recv(9) == b"HTTP/1.1 "
        with pytest.raises(OSError):
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                connection.sendall(b"x" * 1000)
                time.sleep(0.05)


def test_the_refusal_is_a_whole_answer() -> None:
    head, _, body = FULL.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}" in head.decode().split("\r\n")
