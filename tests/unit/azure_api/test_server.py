"""The server over real sockets: the protocol, its refusals, its limits, and that nothing bad becomes a 500."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pytest
import requests

from ad_stream.azure_api.admission import Keys, Limits, check_exposure, is_loopback
from ad_stream.azure_api.answer import answer
from ad_stream.azure_api.server import VERSIONS
from ad_stream.errors import ConfigError
from tests.unit.azure_api.conftest import KEY
from tests.unit.azure_api.test_answer import REFUSED
from tests.unit.detectors.azure.requests import noise, request, times

HEADERS = {"Ocp-Apim-Subscription-Key": KEY, "Content-Type": "application/json"}


def head(length: int) -> bytes:
    """The head of a request whose body is still to come."""
    lines = [
        f"POST {path('last')} HTTP/1.1",
        "Host: x",
        f"Ocp-Apim-Subscription-Key: {KEY}",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def path(operation: str, version: str = "v1.1") -> str:
    return f"/anomalydetector/{version}/timeseries/{operation}/detect"


def address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname is not None and parts.port is not None
    return parts.hostname, parts.port


def ask(served: str, body: Any, operation: str = "last", **more: Any) -> requests.Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    options: dict[str, Any] = {"headers": HEADERS, "timeout": 30} | more
    return requests.post(served + path(operation), data=data, **options)


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("operation", ["last", "entire", "changepoint"])
def test_every_version_answers_like_the_plain_function(served: str, version: str, operation: str) -> None:
    body = request(noise(1, 60), "daily")
    reply = requests.post(served + path(operation, version), json=body, headers=HEADERS, timeout=30)
    assert reply.status_code == 200
    assert reply.json() == answer(body, operation)


@pytest.mark.parametrize("name", list(REFUSED))
def test_every_error_code_is_a_400_with_the_contracts_body(served: str, name: str) -> None:
    body, operation, code = REFUSED[name]
    if name == "NaN value":
        code = "InvalidJsonFormat"  # as JSON it is not even a number
    reply = ask(served, body, operation)
    assert reply.status_code == 400
    assert set(reply.json()) == {"code", "message"}
    assert reply.json()["code"] == code
    assert reply.headers["x-ms-error-code"] == code


@pytest.mark.parametrize("key", ["", "wrong", KEY + "x", KEY[:-1], "schlüssel".encode()])
def test_a_wrong_key_is_a_401_before_anything_is_read(served: str, key: str | bytes) -> None:
    reply = ask(served, b"\xff" * 100, headers={"Ocp-Apim-Subscription-Key": key})
    assert reply.status_code == 401
    assert reply.json()["code"] == "Unauthorized"
    assert KEY not in reply.text


def test_each_of_several_keys_is_good(served: str) -> None:
    reply = ask(served, request(noise(1, 20)), headers={"Ocp-Apim-Subscription-Key": "another"})
    assert reply.status_code == 200


@pytest.mark.slow
def test_without_keys_this_machine_may_ask_and_no_other(serving: Callable[..., str]) -> None:
    assert ask(serving(keys=[]), request(noise(1, 20)), headers={}).status_code == 200
    assert is_loopback("127.0.0.1")
    assert is_loopback("::1")
    assert not is_loopback("192.0.2.7")
    check_exposure("127.0.0.1", Keys())
    check_exposure("0.0.0.0", Keys(["x"]))
    with pytest.raises(ConfigError, match="a server without keys listens on 127.0.0.1 only, not on 0.0.0.0"):
        check_exposure("0.0.0.0", Keys())


def test_a_key_shows_in_no_repr() -> None:
    assert KEY not in repr(Keys([KEY]))
    assert KEY not in str(vars(Keys([KEY])))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"3",
        b'"x"',
        b"[" * 500_000,
        b'{"a":' * 300_000,
        b'{"series":[{"value":1e999}]}',
        b"\x00",
        b"{}" * 9,
    ],
    ids=["empty", "null", "number", "text", "deep lists", "deep objects", "infinite", "zero", "two"],
)
def test_body_bombs_get_a_400(served: str, body: bytes) -> None:
    assert ask(served, body).status_code == 400


def test_a_body_beyond_the_limit_is_a_413_whether_it_says_so_or_not(served: str) -> None:
    assert ask(served, b" " * (2 * 1024 * 1024 + 1)).status_code == 413
    pieces = (b" " * 65536 for _ in range(64))
    reply = requests.post(served + path("last"), data=pieces, headers=HEADERS, timeout=30)
    assert reply.status_code == 413


def test_a_gigabyte_is_refused_by_its_announcement_alone(served: str) -> None:
    place = address_of(served)
    with socket.create_connection(place, timeout=10) as connection:
        connection.sendall(head(1073741824))
        assert b"413" in connection.recv(100)


@pytest.mark.slow
def test_a_body_that_trickles_is_cut_off(served: str) -> None:
    place = address_of(served)
    with socket.create_connection(place, timeout=10) as connection:
        connection.sendall(head(100) + b"{")
        assert b"408" in connection.recv(100)


def test_a_compressed_body_is_a_415(served: str) -> None:
    assert ask(served, b"x", headers=HEADERS | {"Content-Encoding": "gzip"}).status_code == 415


@pytest.mark.slow
def test_beyond_the_room_a_request_is_told_to_come_again(serving: Callable[..., str]) -> None:
    address = serving(keys=[KEY], limits=Limits(in_flight=1, read_seconds=5))
    place = address_of(address)
    with socket.create_connection(place, timeout=10) as connection:
        connection.sendall(head(9))
        while "in_flight 1" not in requests.get(address + "/metrics", timeout=5).text:
            time.sleep(0.01)
        reply = ask(address, request(noise(1, 20)))
        assert reply.status_code == 429
        assert reply.headers["Retry-After"] == "1"
        assert requests.get(address + "/healthz", timeout=5).status_code == 200
    while "in_flight 0" not in requests.get(address + "/metrics", timeout=5).text:
        time.sleep(0.01)
    assert ask(address, request(noise(1, 20))).status_code == 200


@pytest.mark.slow
def test_bodies_beyond_the_memory_set_aside_for_them_have_to_wait(serving: Callable[..., str]) -> None:
    address = serving(keys=[KEY], limits=Limits(held_bytes=100_000))
    assert ask(address, request(noise(1, 20))).status_code == 200
    assert ask(address, b" " * 100_001).status_code == 429
    unsaid = requests.post(address + path("last"), data=iter([b"{}"]), headers=HEADERS, timeout=30)
    assert unsaid.status_code == 429  # it might be as long as the limit


def test_an_answer_that_takes_too_long_is_a_503_with_retry_after(serving: Callable[..., str]) -> None:
    address = serving(keys=[KEY], limits=Limits(work_seconds=0.02, workers=1))
    values = np.sin(np.arange(8640) / 90) + noise(1, 8640)
    reply = ask(address, request(values), "entire")
    assert reply.status_code == 503
    assert int(reply.headers["Retry-After"]) > 0


def test_health_metrics_and_openapi_answer_without_a_key(served: str) -> None:
    ask(served, request(noise(1, 20)))
    ask(served, b"")
    assert requests.get(served + "/healthz", timeout=5).json() == {"status": "ok"}
    text = requests.get(served + "/metrics", timeout=5).text
    assert 'ad_stream_requests_total{operation="last",status="200"}' in text
    assert 'ad_stream_requests_total{operation="last",status="400"}' in text
    paths = requests.get(served + "/openapi.json", timeout=5).json()["paths"]
    assert {path(operation, version) for operation in ("last", "entire", "changepoint") for version in VERSIONS} <= set(
        paths
    )


@pytest.mark.parametrize("verb", ["GET", "POST", "DELETE"])
def test_the_multivariate_api_is_clearly_not_offered(served: str, verb: str) -> None:
    reply = requests.request(verb, served + "/anomalydetector/v1.1/multivariate/models/7", timeout=5)
    assert reply.status_code == 404
    assert reply.json()["code"] == "NotOffered"


def test_a_wrong_path_or_method_is_told_the_right_one(served: str) -> None:
    reply = requests.post(served + "/anomalydetector/v2/timeseries/last/detect", timeout=5)
    assert reply.status_code == 404
    assert "timeseries/last/detect" in reply.json()["message"]
    assert requests.get(served + path("last"), timeout=5).status_code == 405


def test_a_batch_answers_each_series_and_one_bad_one_spoils_none(served: str) -> None:
    good = request(noise(1, 40))
    batch = {
        "defaults": {"granularity": "minutely", "sensitivity": 90},
        "requests": [{"id": "a", "series": good["series"]}, {"id": "b", "series": good["series"][:5]}, 7],
    }
    reply = requests.post(served + "/batch/last", json=batch, headers=HEADERS, timeout=30)
    assert reply.status_code == 200
    first, second, third = reply.json()["answers"]
    assert first == {"id": "a", "answer": answer(good | {"sensitivity": 90}, "last")}
    assert (second["id"], second["error"]["code"]) == ("b", "InvalidSeries")
    assert third["error"]["code"] == "InvalidJsonFormat"


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"requests": {}}', b'{"requests": [], "defaults": 3}', b"x"])
def test_a_batch_that_is_none_is_a_400(served: str, body: bytes) -> None:
    assert requests.post(served + "/batch/last", data=body, headers=HEADERS, timeout=5).status_code == 400


def arrow(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def fleet(*rows: np.ndarray) -> pa.Table:
    return pa.table(
        {
            "id": [f"device-{i}" for i, row in enumerate(rows) for _ in row],
            "timestamp": np.concatenate([times(len(row)) for row in rows]),
            "value": np.concatenate(rows),
        }
    )


@pytest.mark.parametrize("operation", ["last", "entire", "changepoint"])
def test_an_arrow_batch_gives_the_answers_of_single_requests(served: str, operation: str) -> None:
    rows = [noise(1, 30), noise(2, 45), noise(3, 7)]
    headers = HEADERS | {"Content-Type": "application/vnd.apache.arrow.stream"}
    query = {"granularity": "minutely", "period": "0"}
    reply = requests.post(
        f"{served}/batch/{operation}", params=query, data=arrow(fleet(*rows)), headers=headers, timeout=30
    )
    assert reply.status_code == 200
    table = pa.ipc.open_stream(reply.content).read_all()
    for i, row in enumerate(rows[:2]):
        alone = answer(request(row, period=0), operation)
        mine = table.filter(pa.compute.equal(table["id"], f"device-{i}"))
        for key, value in alone.items():
            listed = value if isinstance(value, list) else [value] * len(mine)
            assert mine[key].to_pylist() == listed
    bad = table.filter(pa.compute.equal(table["id"], "device-2"))
    assert bad["code"].to_pylist() == ["InvalidSeries"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"garbage" * 100,
        arrow(fleet(noise(1, 30)))[:-60],
        arrow(fleet(np.zeros(200_000)), compression="zstd"),
        arrow(pa.table({"id": ["a"] * 20})),
        arrow(pa.table({"id": ["a"] * 20, "value": ["x"] * 20})),
        arrow(pa.table({"id": ["a", None], "value": [1.0, 2.0]})),
        arrow(pa.table({"id": pa.array(["a"] * 20).dictionary_encode(), "value": [1.0] * 20})),
    ],
    ids=["empty", "garbage", "cut off", "compressed", "no value", "text value", "null", "dictionary"],
)
def test_a_bad_arrow_body_is_a_400(served: str, body: bytes) -> None:
    headers = HEADERS | {"Content-Type": "application/vnd.apache.arrow.stream"}
    assert requests.post(served + "/batch/last", data=body, headers=headers, timeout=30).status_code == 400


@pytest.mark.slow
def test_two_hundred_clients_at_once_all_get_their_answer(served: str) -> None:
    body = json.dumps(request(noise(1, 120))).encode()
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(ask(served, body).status_code)) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 200
