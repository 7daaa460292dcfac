"""The client against real sockets: a good server, and one for each way a server can be bad."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ad_stream.azure_api.answer import answer
from ad_stream.azure_api.client import AnswerError, Breaker, Client, last_request
from ad_stream.errors import ConfigError
from ad_stream.http import Patience
from ad_stream.secrets import Secret
from tests.support.listening import listening, read_request
from tests.unit.azure_api.conftest import KEY
from tests.unit.detectors.azure.requests import noise, times

QUICK = Patience(timeout=0.5, budget=2.0, retries=0)
GOOD = json.dumps(
    {
        "isAnomaly": True, "isPositiveAnomaly": True, "isNegativeAnomaly": False, "period": 0, "suggestedWindow": 1441,
        "expectedValue": 1.5, "upperMargin": 0.5, "lowerMargin": 0.25,
    }
).encode()  # fmt: skip


def reply(status: str, body: bytes = b"", *headers: str) -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""])
    return head.encode() + body


@contextmanager
def saying(*answers: bytes, hold: float = 0.0, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives the answers one after the other, the last one for ever; -> address, what it was asked."""
    asked: list[bytes] = []
    done = threading.Event()

    def talk(connection: socket.socket) -> None:
        if tls is not None:
            connection = tls.wrap_socket(connection, server_side=True)
        with connection:
            asked.append(read_request(connection))
            done.wait(hold)
            connection.sendall(answers[min(len(asked), len(answers)) - 1])

    with listening(talk) as address:
        yield f"{'https' if tls else 'http'}://{address}", asked
        done.set()


def ask(address: str, **options: object) -> AnswerError:
    client = Client(address, Secret(KEY), **({"patience": QUICK} | options))  # type: ignore[arg-type]
    with pytest.raises(AnswerError) as caught:
        client.last(noise(1, 20), times(20))
    assert KEY not in str(caught.value)
    assert KEY not in repr(client)
    assert str(caught.value).count("\n") == 0
    return caught.value


@pytest.mark.slow
def test_a_verdict_comes_back_as_the_server_gave_it(served: str) -> None:
    values = noise(1, 60)
    values[-1] += 20
    client = Client(served, Secret(KEY))
    verdict = client.last(values, times(60), sensitivity=90)
    wanted = answer(json.loads(last_request(values, times(60), granularity="minutely", sensitivity=90)), "last")
    assert verdict.is_anomaly
    assert verdict.expected == wanted["expectedValue"]
    assert verdict.severity == wanted["severity"]
    assert (verdict.period, verdict.suggested_window) == (0, 1441)


def test_a_v1_0_answer_without_severity_is_good_enough() -> None:
    with saying(reply("200 OK", GOOD)) as (address, asked):
        verdict = Client(address, Secret(KEY), version="v1.0").last(noise(1, 20), times(20))
    assert verdict.expected == 1.5
    assert verdict.severity != verdict.severity
    assert asked[0].startswith(b"POST /anomalydetector/v1.0/timeseries/last/detect ")
    assert f"Ocp-Apim-Subscription-Key: {KEY}".encode() in asked[0]


def test_a_refused_series_carries_its_code(served: str) -> None:
    with pytest.raises(AnswerError, match="the server answered 400") as caught:
        Client(served, Secret(KEY)).last(noise(1, 5), times(5))
    assert (caught.value.reason, caught.value.code, caught.value.again) == ("refused", "InvalidSeries", False)


BAD: dict[str, tuple[bytes, str, str]] = {
    "gone with an empty body": (reply("410 Gone"), "gone", "this service is retired"),
    "wrong key": (reply("401 Unauthorized", b'{"error":{"code":"401"}}'), "refused", "check the key"),
    "html": (reply("200 OK", b"<html>sign in</html>"), "malformed", "no verdict"),
    "empty 200": (reply("200 OK"), "malformed", "no verdict"),
    "null": (reply("200 OK", b"null"), "malformed", "no verdict"),
    "half a verdict": (reply("200 OK", b'{"isAnomaly": true}'), "malformed", "no verdict"),
    "text for a number": (reply("200 OK", GOOD.replace(b"1.5", b'"a"')), "malformed", "no verdict"),
    "NaN": (reply("200 OK", GOOD.replace(b"1.5", b"NaN")), "malformed", "no verdict"),
    "text for a flag": (reply("200 OK", GOOD.replace(b"true", b'"no"', 1)), "malformed", "no verdict"),
    "cut off": (reply("200 OK", GOOD)[:-20], "truncated", "broke its answer off"),
    "redirect": (reply("302 Found", b"", "Location: http://192.0.2.1/"), "redirect", "redirects"),
    "server error": (reply("500 Internal Server Error", b"<html>"), "failed", "look at the server"),
    "busy": (reply("429 Too Many Requests", b"", "Retry-After: 0"), "busy", "ask less often"),
    "too long": (reply("200 OK", b" " * (4 * 1024 * 1024 + 1)), "too_large", "longer answer"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_every_bad_answer_is_one_error_with_the_way_out(name: str) -> None:
    content, reason, words = BAD[name]
    with saying(content) as (address, asked):
        error = ask(address)
    assert error.reason == reason
    assert words in str(error)
    assert len(asked) == 1


@pytest.mark.slow
def test_a_server_that_is_not_there_or_never_answers_is_an_error_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert ask(f"http://127.0.0.1:{port}").reason == "connection"
    with saying(reply("200 OK", GOOD), hold=3.0) as (address, _):
        assert ask(address).reason == "timeout"


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    files = [tmp_path / "key.pem", tmp_path / "cert.pem"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1"]
    try:
        subprocess.run([*command, "-keyout", files[0], "-out", files[1]], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1], files[0])
    with saying(reply("200 OK", GOOD), tls=context) as (address, asked):
        assert ask(address).reason == "tls"
    assert asked == []


def test_the_key_is_cut_out_of_what_a_server_echoes() -> None:
    echo = json.dumps({"code": "x", "message": f"your key {KEY} is bad"}).encode()
    with saying(reply("403 Forbidden", echo)) as (address, _):
        assert "***" in str(ask(address))


@pytest.mark.parametrize("first", ["429 Too Many Requests", "503 Service Unavailable"])
def test_busy_and_failing_servers_are_asked_again_when_they_say(first: str) -> None:
    waits: list[float] = []
    with saying(reply(first, b"", "Retry-After: 7"), reply("200 OK", GOOD)) as (address, asked):
        client = Client(address, Secret(KEY), patience=Patience(retries=2, budget=60), sleep=waits.append)
        assert client.last(noise(1, 20), times(20)).is_anomaly
    assert waits == [7.0]
    assert len(asked) == 2


def test_a_refusal_is_never_asked_again() -> None:
    with saying(reply("400 Bad Request", b'{"code": "BadArgument", "message": "no"}')) as (address, asked):
        ask(address, patience=Patience(retries=5))
    assert len(asked) == 1


def test_what_is_left_of_a_batchs_seconds_bounds_the_waits() -> None:
    with saying(reply("503 Service Unavailable", b"", "Retry-After: 7")) as (address, asked):
        client = Client(address, Secret(KEY), patience=Patience(retries=5, budget=60), sleep=lambda _: None)
        with pytest.raises(AnswerError):
            client.last(noise(1, 20), times(20), budget=5.0)
    assert len(asked) == 1  # a wait of seven seconds does not fit into five


def test_after_three_failures_the_server_is_left_alone_and_then_tried_once() -> None:
    now = [0.0]

    def clock() -> float:
        return now[0]

    with saying(reply("500 Oops")) as (address, asked):
        client = Client(address, Secret(KEY), patience=QUICK, breaker=Breaker(failures=3, pause=60, clock=clock))
        reasons = [failure(client) for _ in range(5)]
        assert reasons == ["failed", "failed", "failed", "open", "open"]
        assert len(asked) == 3
        now[0] = 61.0
        assert failure(client) == "failed"
        assert failure(client) == "open"
        assert len(asked) == 4


def failure(client: Client) -> str:
    with pytest.raises(AnswerError) as caught:
        client.last(noise(1, 20), times(20))
    return caught.value.reason


def test_a_good_answer_or_a_refused_series_closes_the_breaker() -> None:
    refused = reply("400 Bad Request", b'{"code": "InvalidSeries", "message": "no"}')
    with saying(reply("500 A"), reply("500 B"), refused, reply("500 C"), reply("500 D"), reply("200 OK", GOOD)) as (
        address,
        asked,
    ):
        client = Client(address, Secret(KEY), patience=QUICK)
        assert [failure(client) for _ in range(5)] == ["failed", "failed", "refused", "failed", "failed"]
        assert client.last(noise(1, 20), times(20)).is_anomaly
    assert len(asked) == 6


def test_the_connection_is_kept_alive(served: str, serving: Callable[..., str]) -> None:
    client = Client(served, Secret(KEY))
    for _ in range(3):
        client.last(noise(1, 20), times(20))
    pools = client.session.adapters["http://"].poolmanager.pools  # type: ignore[attr-defined]
    assert sum(pools[key].num_connections for key in pools.keys()) == 1  # noqa: SIM118


def test_an_endpoint_that_is_no_address_is_a_setting_error() -> None:
    with pytest.raises(ConfigError, match="is no address: write https://host"):
        Client("westus2")
