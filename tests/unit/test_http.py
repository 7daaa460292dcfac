"""post(): what is retried, what is not, how long it may take, and what its errors tell."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
import urllib3
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from ad_stream.http import HttpError, Patience, Reply, open_session, post
from ad_stream.secrets import Secret
from tests.support.fake_time import FakeTime
from tests.support.listening import listening, read_request

KEY = "tOpSeCrEtKeY"
QUICK = Patience(timeout=2.0, budget=20.0, retries=3, pause=0.5)


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with open_session() as made:
        yield made


@pytest.fixture
def fake() -> FakeTime:
    return FakeTime()


def ask(
    server: HTTPServer, session: requests.Session, fake: FakeTime, patience: Patience = QUICK, **more: object
) -> Reply:
    url = server.url_for(f"/rows?key={KEY}")
    return post(url, b"[1]", session=session, patience=patience, clock=fake.clock, sleep=fake.sleep, **more)  # type: ignore[arg-type]


def answers(server: HTTPServer, *responses: Response) -> list[Request]:
    """Let the server give these answers in turn, the last one for ever; returns the list of requests it fills."""
    seen: list[Request] = []

    def handle(request: Request) -> Response:
        seen.append(request)
        return responses[min(len(seen), len(responses)) - 1]

    server.expect_request("/rows").respond_with_handler(handle)
    return seen


@contextmanager
def raw_server(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server on a free port that reads a request and then lets `talk` do what it likes with the connection."""

    def answered(connection: socket.socket) -> None:
        read_request(connection)
        talk(connection)

    with listening(answered) as address:
        yield f"http://{address}/rows?key={KEY}"


def test_the_body_arrives_and_the_answer_comes_back(
    httpserver: HTTPServer, session: requests.Session, fake: FakeTime
) -> None:
    seen = answers(httpserver, Response(b"fine", headers={"X-Note": "yes"}))
    reply = ask(httpserver, session, fake, headers={"Ocp-Apim-Subscription-Key": "k"})
    assert (reply.status, reply.body, reply.headers["x-note"], reply.attempts, reply.ok) == (
        200,
        b"fine",
        "yes",
        1,
        True,
    )
    assert seen[0].data == b"[1]"
    assert seen[0].headers["Content-Type"] == "application/json"
    assert seen[0].headers["Ocp-Apim-Subscription-Key"] == "k"


def test_a_secret_address_is_revealed_for_the_request_only(
    httpserver: HTTPServer, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = answers(httpserver, Response(b""))
    monkeypatch.setenv("PUSH", httpserver.url_for(f"/rows?key={KEY}"))
    assert post(Secret("${env:PUSH}"), b"[]", session=session).ok
    assert seen[0].args["key"] == KEY


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_busy_and_broken_servers_are_asked_again(
    status: int, httpserver: HTTPServer, session: requests.Session, fake: FakeTime
) -> None:
    answers(httpserver, Response(status=status), Response(status=status), Response(b"now"))
    reply = ask(httpserver, session, fake)
    assert (reply.body, reply.attempts) == (b"now", 3)
    assert fake.waits == [0.5, 1.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
def test_other_refusals_are_final(
    status: int, httpserver: HTTPServer, session: requests.Session, fake: FakeTime
) -> None:
    seen = answers(httpserver, Response(b"no", status=status))
    reply = ask(httpserver, session, fake)
    assert (reply.status, reply.body, reply.ok) == (status, b"no", False)
    assert (len(seen), fake.waits) == (1, [])


def test_after_the_last_retry_the_last_answer_is_returned(
    httpserver: HTTPServer, session: requests.Session, fake: FakeTime
) -> None:
    seen = answers(httpserver, Response(b"busy", status=503))
    reply = ask(httpserver, session, fake)
    assert (reply.status, reply.attempts, len(seen)) == (503, 4, 4)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Sun, 01 Nov 2020 00:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, 0.5),
        ({"Retry-After": "-3"}, 0.5),
        ({"Retry-After": "99999"}, 12.0),
    ],
)
def test_retry_after_is_obeyed_up_to_the_cap(
    headers: dict[str, str], wait: float, httpserver: HTTPServer, session: requests.Session, fake: FakeTime
) -> None:
    answers(httpserver, Response(status=429, headers=headers), Response(b"now"))
    assert ask(httpserver, session, fake, Patience(budget=20, longest=12)).attempts == 2
    assert fake.waits == [wait]


def test_a_retry_date_counts_from_the_server_s_own_clock(session: requests.Session, fake: FakeTime) -> None:
    busy = (
        b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n"
        b"Date: Sun, 01 Nov 2026 00:00:00 GMT\r\nRetry-After: Sun, 01 Nov 2026 00:00:09 GMT\r\n\r\n"
    )
    texts = iter([busy, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
    with raw_server(lambda connection: connection.sendall(next(texts))) as url:
        assert post(url, b"[]", session=session, clock=fake.clock, sleep=fake.sleep).ok
    assert fake.waits == [9.0]


def test_a_wait_that_would_pass_the_budget_is_not_begun(
    httpserver: HTTPServer, session: requests.Session, fake: FakeTime
) -> None:
    answers(httpserver, Response(status=429, headers={"Retry-After": "21"}), Response(b"now"))
    assert ask(httpserver, session, fake).status == 429
    assert fake.waits == []


def test_a_hanging_server_is_left_when_the_timeout_is_over(session: requests.Session) -> None:
    def hang(connection: socket.socket) -> None:
        free.wait()

    free = threading.Event()
    patience = Patience(timeout=0.2, budget=5, retries=1, pause=0.01)
    with raw_server(hang) as url:
        with pytest.raises(HttpError, match=r"^127\.0\.0\.1 \(asked 2 times\) did not answer in time") as caught:
            post(url, b"[]", session=session, patience=patience)
        free.set()
    assert (caught.value.kind, caught.value.attempts) == ("timeout", 2)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(urllib3.HTTPResponse, "read1"), reason="urllib3 before 2.2 waits for whole pieces")
def test_a_dripping_server_is_left_when_the_budget_is_over(session: requests.Session) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while not free.wait(0.05):  # for years
            connection.sendall(b".")

    free = threading.Event()
    with raw_server(drip) as url:
        with pytest.raises(HttpError, match="did not answer in time"):
            post(url, b"[]", session=session, patience=Patience(timeout=1.0, budget=0.5, retries=3))
        free.set()


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "truncated"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf", "truncated"),
        (b"SMTP ready\r\n\r\n", "connection"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + b"x" * 4000, "too_large"),
    ],
)
def test_answers_that_are_none_become_one_typed_error(raw: bytes, kind: str, session: requests.Session) -> None:
    with raw_server(lambda connection: connection.sendall(raw)) as url, pytest.raises(HttpError) as caught:
        post(url, b"[]", session=session, patience=Patience(retries=1, pause=0.01), max_answer=1000)
    assert caught.value.kind == kind
    assert caught.value.attempts == (1 if kind == "too_large" else 2)


def test_a_broken_answer_is_asked_for_again(session: requests.Session) -> None:
    texts = iter(
        [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfull"]
    )
    with raw_server(lambda connection: connection.sendall(next(texts))) as url:
        reply = post(url, b"[]", session=session, patience=Patience(pause=0.01))
    assert (reply.body, reply.attempts) == (b"full", 2)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(
    status: int, httpserver: HTTPServer, session: requests.Session, fake: FakeTime
) -> None:
    seen = answers(httpserver, Response(status=status, headers={"Location": f"http://127.0.0.1:9/?key={KEY}"}))
    with pytest.raises(HttpError, match="redirects to another address: use that address") as caught:
        ask(httpserver, session, fake)
    assert (caught.value.kind, len(seen)) == ("redirect", 1)


@pytest.mark.parametrize("url", ["", "host/path", "ftp://host/x", "http://", "http://[::1/x", f"file:///x?key={KEY}"])
def test_an_address_that_is_none_is_not_asked(url: str, session: requests.Session) -> None:
    with pytest.raises(HttpError, match=r"is no address that can be asked: write https://host/path$") as caught:
        post(url, b"[]", session=session)
    assert KEY not in str(caught.value)


def test_plain_http_behind_an_https_address_is_a_tls_error(session: requests.Session) -> None:
    plain = raw_server(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n"))
    with plain as url, pytest.raises(HttpError, match="certificate that is not trusted") as caught:
        post(url.replace("http:", "https:"), b"[]", session=session)
    assert caught.value.attempts == 1


def test_no_error_and_no_chained_cause_holds_the_key(session: requests.Session) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://user:{KEY}@127.0.0.1:{listener.getsockname()[1]}/{KEY}?key={KEY}"
    with pytest.raises(
        HttpError, match=r"^127\.0\.0\.1 cannot be reached: check the address and the network$"
    ) as caught:
        post(url, b"[]", session=session, patience=Patience(retries=0))
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_the_log_of_urllib3_at_level_debug_shows_no_key(
    httpserver: HTTPServer, session: requests.Session, fake: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    answers(httpserver, Response(b""))
    with caplog.at_level(logging.DEBUG, logger="urllib3"):
        ask(httpserver, session, fake)
    logged = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("urllib3"))
    assert "POST /rows" in logged
    assert KEY not in logged


@pytest.mark.slow
def test_the_connection_is_kept_alive(session: requests.Session) -> None:
    served: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            served.append(0)  # a connection

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            served[-1] += 1
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            """Not to stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for _ in range(3):
            assert post(f"http://127.0.0.1:{server.server_port}/rows", b"[]", session=session).body == b"ok"
        session.close()
        server.shutdown()
    assert served == [3]


def test_proxy_variables_and_netrc_are_not_obeyed(
    httpserver: HTTPServer, session: requests.Session, fake: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    answers(httpserver, Response(b"direct"))
    assert ask(httpserver, session, fake).body == b"direct"


def test_a_named_proxy_is_used(httpserver: HTTPServer) -> None:
    answers(httpserver, Response(b"through"))
    with open_session(proxy=httpserver.url_for("")) as session:
        assert post("http://hub.invalid/rows", b"[]", session=session).body == b"through"
