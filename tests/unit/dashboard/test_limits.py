"""What the dashboard takes on: each line of its table in docs/limits.md, from a real server over real tables."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ad_stream.dashboard import access, changes, incident_rows, live_updates, turns
from ad_stream.dashboard.access import Token
from ad_stream.dashboard.formatting import Asked
from ad_stream.dashboard.incident_list import IncidentFilter, incidents
from ad_stream.dashboard.incident_rows import IncidentRows
from ad_stream.dashboard.watcher import Watch
from ad_stream.errors import InputError
from ad_stream.tables.reader import read_rows
from benchmarks.serve_abuse import resident
from tests.support.served import Served
from tests.support.written import create, series_rows, write

NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
ASKED = {"device": "pump", "signal": "t"}
HOUR = {"from": "2026-11-01T11:00Z", "to": "2026-11-01T12:00Z"}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    create(folder)
    write(folder, "detections", series_rows("pump", "t", NOW - timedelta(hours=2), [20.0] * 120, {}))
    return folder


@pytest.fixture
def served(tables: Path) -> Iterator[Served]:
    running = Served(tables, now=NOW)
    yield running
    running.stop()


@pytest.fixture
def guarded(tables: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    running = Served(tables, now=NOW, token=Token("open sesame"))
    yield running
    running.stop()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_body_before_the_login_is_not_taken_in(guarded: Served) -> None:
    before = resident(os.getpid())
    pieces = (b"x" * 65536 for _ in range(4800))  # 300 MiB
    with ThreadPoolExecutor(1) as pool, socket.create_connection(("127.0.0.1", guarded.port), timeout=60) as connection:
        connection.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")

        def send() -> None:
            for piece in pieces:
                connection.sendall(b"10000\r\n" + piece + b"\r\n")

        sending = pool.submit(send)
        assert connection.recv(12) == b"HTTP/1.1 413"
        most = before
        while not sending.done():
            most = max(most, resident(os.getpid()))
            time.sleep(0.02)
    assert most < before + 60  # 351 MiB more before there was a limit


def test_a_login_beyond_its_bytes_is_refused_by_its_announcement(guarded: Served) -> None:
    answer = guarded.http.post("/login", content=b"token=" + b"x" * access.MOST_FORM_BYTES)
    assert (answer.status_code, "at most 4096 bytes" in answer.text) == (413, True)
    assert guarded.http.post("/login", content="&".join(["token=a"] * 500)).status_code == 400


def test_a_login_from_another_sites_page_is_refused(guarded: Served) -> None:
    for header in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        answer = guarded.http.post("/login", content="token=open+sesame", headers=header)
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    own = {"Sec-Fetch-Site": "same-origin", "Origin": guarded.address}
    assert guarded.http.post("/login", content="token=open+sesame", headers=own).status_code == 303


def test_pages_beyond_those_that_may_listen_are_told_so_and_one_that_leaves_makes_room(served: Served) -> None:
    with ExitStack() as stack:
        for _ in range(live_updates.MOST_PAGES):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=60))
            connection.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
            while b"data:" not in connection.recv(65536):
                pass
        refused = served.http.get("/api/events")
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
        assert served.http.get("/api/state").status_code == 200
    while not opens(served):
        time.sleep(0.05)


def opens(served: Served) -> bool:
    with served.http.stream("GET", "/api/events") as answer:
        return answer.status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/picture", "/report"])
@pytest.mark.parametrize(
    ("stretch", "told"),
    [
        ({}, "needs 'from' and 'to', at most 31 days apart"),
        ({"from": HOUR["from"]}, "needs 'from' and 'to'"),
        ({"to": HOUR["to"]}, "needs 'from' and 'to'"),
        ({"from": "1900-01-01", "to": "2200-01-01"}, "are more than a picture can show: ask for 31 or less"),
        ({"from": "0001-01-01", "to": "9999-01-01"}, "lies outside the years 1900 to 2200"),
        ({"from": HOUR["to"], "to": HOUR["from"]}, "is no stretch of time: swap them"),
    ],
)
def test_a_picture_or_report_of_unbounded_span_is_refused(
    served: Served, path: str, stretch: dict[str, str], told: str
) -> None:
    answer = served.http.get(path, params=ASKED | stretch)
    assert (answer.status_code, told in answer.json()["error"]) == (400, True), answer.text
    assert served.http.get(path, params=ASKED | HOUR).status_code == 200


def test_more_stored_rows_than_an_answer_may_read_are_refused(tables: Path) -> None:
    where = [("device_id", "=", "pump")]
    assert len(read_rows(tables, "detections", ["minute"], where, 120)) == 120
    with pytest.raises(InputError, match=r"more than 119 rows of 'detections' lie in that time: ask for fewer signals"):
        read_rows(tables, "detections", ["minute"], where, 119)


def incident_row(n: int, seq: int, event: str, **more: Any) -> dict[str, Any]:
    start = NOW - timedelta(days=n)
    same = {
        "revision": 0,
        "kind": "value",
        "signal": "t",
        "reason": "above",
        "level": "low",
        "severity": 0.4,
        "notify": False,
    }
    times = dict.fromkeys(("minute", "started", "opened", "last"), start)
    named = {"incident_id": f"{start:%Y%m%d-%H%M}-{n:010x}", "seq": seq, "event": event, "device_id": f"pump-{seq}"}
    return same | times | named | more


def test_of_an_incident_so_many_snapshots_and_members_are_told_and_how_many_there_are(tmp_path: Path) -> None:
    create(tmp_path)
    write(tmp_path, "detections", series_rows("pump", "t", NOW, [20.0], {}))
    rows = [incident_row(0, seq, "joined") for seq in range(1, 251)]
    rows += [incident_row(0, seq, "worsened", device_id="pump-0") for seq in range(251, 501)]
    write(tmp_path, "incident_events", [incident_row(0, 0, "opened"), *rows])
    running = Served(tmp_path, now=NOW)
    try:
        found = running.get("/api/incident", id=rows[0]["incident_id"])
    finally:
        running.stop()
    assert (len(found["events"]), found["events_total"]) == (200, 251)
    assert (len(found["members"]), found["members_total"]) == (200, 251)
    assert found["members"][0]["device"] == "pump-0"


def test_incidents_are_held_up_to_their_number_and_age_and_the_page_says_what_was_dropped(tmp_path: Path) -> None:
    create(tmp_path)
    write(tmp_path, "detections", series_rows("pump", "t", NOW, [20.0], {}))
    for n in (40, 3, 2, 1):
        write(tmp_path, "incident_events", [incident_row(n, 0, "closed", ended=NOW - timedelta(days=n))])
    log = sorted((tmp_path / "incident_events" / "_delta_log").glob("*.json"))[0]
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        if "add" in action:
            action["add"]["modificationTime"] -= 40 * 86_400_000
    log.write_text("\n".join(json.dumps(action) for action in actions) + "\n")
    watch = Watch(tmp_path, incidents=lambda: IncidentRows(most=2))
    while watch.look():
        pass
    assert (len(watch.incidents), watch.incidents.dropped) == (2, 1), "what changed 40 days before is not even read"
    wanted = IncidentFilter(asked=Asked())
    listed = incidents(watch, wanted)
    assert (listed["total"], listed["dropped"], incident_rows.MOST_INCIDENTS) == (2, 1, 100_000)


@pytest.mark.slow
def test_what_is_said_of_an_incident_is_short_and_for_a_month(guarded: Served) -> None:
    said = {"action": "ack", "incident": "20261101-1130-0123456789", "owner": "Ada"}
    headers = {"Authorization": "Bearer open sesame"}
    for more, told in (
        ({"note": "x" * 4096}, "at most 4096 bytes"),
        ({"hours": 31 * 24 + 1}, "less than or equal to 744"),
    ):
        answer = guarded.http.post("/api/feedback", json=said | more, headers=headers)
        assert (answer.status_code, told in answer.text) == (400, True), answer.text
    with socket.create_connection(("127.0.0.1", guarded.port), timeout=60) as connection:
        connection.sendall(
            b"POST /api/feedback HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer open sesame\r\n"
            b"Connection: close\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        ended = connection.makefile("rb").read().decode()
    assert ended.startswith("HTTP/1.1 400")
    assert f"did not arrive within {changes.BODY_SECONDS:g} seconds" in ended


@pytest.mark.slow
def test_so_many_pictures_are_drawn_or_wait_and_the_page_still_answers(served: Served) -> None:
    with ThreadPoolExecutor(60) as pool:
        asked = [pool.submit(served.http.get, "/picture", params=ASKED | HOUR, timeout=120) for _ in range(60)]
        assert served.http.get("/api/state", timeout=120).status_code == 200
        found = [one.result() for one in asked]
    statuses = {answer.status_code for answer in found}
    assert statuses <= {200, 503}
    assert sum(answer.status_code == 200 for answer in found) >= turns.AT_ONCE + turns.WAITING
    assert all(answer.headers["Retry-After"] for answer in found if answer.status_code == 503)
