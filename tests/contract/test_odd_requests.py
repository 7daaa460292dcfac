"""Odd requests from a seeded generator, against real servers: each is answered, and none with a 500."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import product
from typing import Any

import pytest
import requests

from ad_stream.azure_api.admission import Keys
from ad_stream.azure_api.local_server import listening
from ad_stream.azure_api.server import create_app
from tests.contract import odd_requests
from tests.support.served import Served
from tests.support.written import create, series_rows, sign_of_life, verdict, write

ARROW = {"Content-Type": "application/vnd.apache.arrow.stream"}
TIMEOUT = 120
NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
INFINITE = float("inf")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with listening(create_app(keys=Keys())) as address:
        yield address


def sent(session: requests.Session, address: str, body: bytes, **more: Any) -> int:
    """The status; a refusal has the contract's body, and an answer is JSON without Infinity or NaN."""
    reply = session.post(address, data=body, timeout=TIMEOUT, **more)
    assert reply.status_code in (200, 400, 413), (reply.status_code, reply.text[:200], body[:400])
    if reply.status_code != 200:
        assert {"code", "message"} == set(reply.json())
        assert reply.json()["code"] == reply.headers["x-ms-error-code"]
    return reply.status_code


@pytest.mark.parametrize("operation", odd_requests.OPERATIONS)
def test_no_odd_request_is_a_500(server: str, operation: str) -> None:
    path = f"{server}/anomalydetector/v1.1/timeseries/{operation}/detect"
    with requests.Session() as session:
        found = Counter(sent(session, path, body) for body in odd_requests.json_bodies(1, 250))
    assert found[200] > 10  # or the generator makes nothing but nonsense
    assert found[400] > 60


@pytest.mark.parametrize("operation", odd_requests.OPERATIONS)
def test_no_odd_batch_is_a_500(server: str, operation: str) -> None:
    path = f"{server}/batch/{operation}"
    with requests.Session() as session:
        found = Counter(sent(session, path, body) for body in odd_requests.batches(2, 100))
        assert found.keys() == {200, 400}
        query = {"granularity": "minutely"}
        found = Counter(
            sent(session, path, body, headers=ARROW, params=query) for body in odd_requests.arrow_bodies(3, 100)
        )
    assert found.keys() == {200, 400}


def test_odd_options_in_the_query_of_an_arrow_batch_are_no_500(server: str) -> None:
    body = next(odd_requests.arrow_bodies(4, 1))
    texts = ["", "1e400", "-inf", "nan", "9" * 5000, "1_000", "0x10", "\u0661", "true", "null", "5e-324", "[", "\x00"]
    with requests.Session() as session:
        for name, text in product([*odd_requests.FIELDS, "series", "id"], texts):
            sent(session, f"{server}/batch/last", body, headers=ARROW, params={name: text})


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A dashboard over tables whose writer had infinite and huge numbers, odd names, and times of every century."""
    tables = tmp_path_factory.mktemp("tables")
    create(tables)
    start = NOW - timedelta(minutes=60)
    rows = series_rows("pump", "temperature", start, [20.0, INFINITE, -INFINITE, float("nan"), 1e308, -1e308] * 10, {})
    for row, odd in zip(rows, [INFINITE, float("nan"), 1e308, -1e308, 5e-324] * 12, strict=True):
        row |= dict.fromkeys(("expected", "upper_margin", "lower_margin", "score", "sr_score", "severity"), odd)
    flags = dict.fromkeys(range(0, 60, 3), "above")
    rows += series_rows("\u202e'; DROP TABLE\x00\n", "<b>\ufeffé e\u0301", start, [1e308] * 60, flags)
    rows += [verdict("pump", "ends", datetime(year, 1, 1, tzinfo=timezone.utc), 1.0) for year in (1, 1899, 2300, 9999)]
    write(tables, "detections", rows)
    counts = {"query_id": "q", "minutes_closed": 2**62, "scored": 2**62, "anomalies": -5, "pushed": 2**62}
    write(tables, "batches", [counts | {"batch_id": n, "duration_ms": 2**62} for n in range(3)])
    ends = (datetime(1, 1, 1, tzinfo=timezone.utc), datetime(9999, 12, 31, tzinfo=timezone.utc))
    progress = {"query_id": "q", "events": 2**62, "lag": 2**62}
    write(tables, "progress", [progress | {"batch_id": n, "watermark": ends[n]} for n in (0, 1)])
    sign_of_life(tables, ends[1])
    running = Served(tables, now=NOW)
    yield running
    running.stop()


def paths() -> Iterator[tuple[str, dict[str, str]]]:
    for start, end in product([*odd_requests.TIMES, None], [*odd_requests.TIMES[:9:3], None]):
        stretch = {name: text for name, text in (("from", start), ("to", end)) if text is not None}
        named = {"device": "pump", "signal": "temperature"} | stretch
        yield from (("/api/anomalies", stretch), ("/api/series", named), ("/picture", named), ("/report", named))
    for text in odd_requests.TIMES:
        yield "/api/why", {"device": "pump", "signal": "temperature", "minute": text}
    for number in ("0", "-1", "1e999", "nan", "inf", "9" * 400, "\u0661", "0x10", "", "5e-324", "744", "1000000"):
        yield "/api/overview", {"page": number}
        yield "/api/overview", {"minutes": number}
        yield "/api/anomalies", {"size": number}
        yield "/api/series", {"device": "pump", "signal": "temperature", "hours": number}
    for name in (
        "\u202e'; DROP TABLE\x00\n",
        "<b>\ufeffé e\u0301",
        "pump",
        "",
        "x" * 1001,
        "\x00",
        "'",
        "''\\",
        "%ff",
        "ends",
    ):
        for path in ("/api/overview", "/api/anomalies", "/api/series", "/picture", "/report"):
            yield path, {"device": name, "signal": name, "from": "2026-11-01T11:00Z", "to": "2026-11-01T12:00Z"}
    for path in (
        "/",
        "/api/state",
        "/api/pipeline",
        "/assets/%2e%2e%2fserver.py",
        "/assets/%00",
        "/%ff",
        "//",
        "/api/%f0",
    ):
        yield path, {"x": "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's word on sums of infinite numbers
def test_no_odd_question_to_the_dashboard_is_a_500(hostile: Served) -> None:
    found: Counter[int] = Counter()
    for path, asked in paths():
        reply = hostile.http.get(path, params=asked)
        assert reply.status_code in (200, 400, 404), (reply.status_code, reply.text[:300], path, asked)
        found[reply.status_code] += 1
        if reply.status_code != 200 and reply.headers["content-type"] == "application/json":
            assert set(reply.json()) <= {"error", "detail"}
    assert found[200] > 30
    assert found[400] > 100
