"""A mute from the page: who may, what it writes, and what the stream makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ad_stream.config import usual
from ad_stream.dashboard.access import Token
from ad_stream.series_config import edit, rows, table
from tests.support.served import Served
from tests.support.written import create, series_rows, write

NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
TOKEN = "open sesame"
MUTE = {"device": "pump[1]*", "signal": "flow", "hours": 2, "owner": "Ada", "note": "new bearing"}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    create(folder)
    for device in ("pump[1]*", "pump1 and more"):
        write(folder, "detections", series_rows(device, "flow", NOW, [20.0] * 3, {}))
    return folder


@pytest.fixture(scope="module")
def guarded(tables: Path) -> Iterator[Served]:
    running = Served(tables, now=NOW, token=Token(TOKEN))
    running.http.headers["Authorization"] = f"Bearer {TOKEN}"
    yield running
    running.stop()


def stored(tables: Path) -> list[dict[str, Any]]:
    return table.read(tables)[0]


def test_a_mute_is_the_row_that_the_command_writes_and_fits_this_series_alone(guarded: Served, tables: Path) -> None:
    answer = guarded.http.post("/api/mute", json=MUTE)
    assert (answer.status_code, answer.json()["says"]) == (200, "muted from 2026-11-01 12:00 to 2026-11-01 14:00")
    rules = rows.rules_of(stored(tables), usual("x").detection)
    held = {
        (device, signal): edit.applied(rules, device, signal)[-1].value
        for device in ("pump[1]*", "pump1 and more")
        for signal in ("flow", "heat")
    }
    assert held.pop(("pump[1]*", "flow")).startswith("muted from")
    assert set(held.values()) == {"no"}
    assert (stored(tables)[-1]["owner"], stored(tables)[-1]["note"]) == ("Ada", "new bearing")
    told = guarded.get("/api/mute", device="pump[1]*", signal="flow")
    assert told["mute"] == {
        "from": "2026-11-01T12:00:00Z", "to": "2026-11-01T14:00:00Z", "whole": False, "owner": "Ada", "note": "new bearing",
    }  # fmt: skip
    assert guarded.http.post("/api/mute", json=MUTE | {"hours": None}).json()["says"] == "gives back mute"
    assert guarded.get("/api/mute", device="pump[1]*", signal="flow")["mute"] is None


def test_a_mute_of_all_signals_ends_by_itself(guarded: Served) -> None:
    guarded.http.post("/api/mute", json=MUTE | {"device": "whole", "signal": None})
    assert guarded.get("/api/mute", device="whole", signal="heat")["mute"]["whole"] is True
    guarded.now = datetime(2026, 11, 1, 14, tzinfo=timezone.utc)
    try:
        assert guarded.get("/api/mute", device="whole", signal="heat")["mute"] is None
    finally:
        guarded.now = NOW


@pytest.mark.parametrize(
    ("headers", "status", "told"),
    [
        ({"Authorization": "Bearer wrong"}, 401, "needs the dashboard's token"),
        ({"Sec-Fetch-Site": "cross-site"}, 403, "comes from a page of another site"),
        ({"Origin": "http://evil.example"}, 403, "comes from a page of another site"),
        ({"Content-Type": "text/plain"}, 400, "a mute is sent as application/json"),
    ],
)
def test_who_may_not_writes_nothing(
    guarded: Served, tables: Path, headers: dict[str, str], status: int, told: str
) -> None:
    before = stored(tables)
    answer = guarded.http.post("/api/mute", json=MUTE, headers=headers)
    assert (answer.status_code, told in answer.text) == (status, True), answer.text
    assert stored(tables) == before


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"hours": 0}, "hours: Input should be greater than 0"),
        ({"hours": 10_000}, "hours: Input should be less than or equal to 744"),
        ({"owner": ""}, "owner: String should have at least 1 character"),
        ({"note": "x" * 501}, "note: String should have at most 500"),
        ({"sensitivity": 1}, "sensitivity: Extra inputs are not permitted"),
        ({"note": "x" * 5000}, "at most 4096 bytes"),
    ],
)
def test_a_wrong_mute_is_a_sentence_and_no_row(
    guarded: Served, tables: Path, changed: dict[str, Any], told: str
) -> None:
    before = stored(tables)
    answer = guarded.http.post("/api/mute", json=MUTE | changed)
    assert (answer.status_code, told in answer.text) == (400, True), answer.text
    assert stored(tables) == before


def test_asking_never_writes(guarded: Served, tables: Path) -> None:
    before = stored(tables)
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        guarded.http.request(method, "/api/mute", params={"device": "a", "signal": "b", "hours": "2", "owner": "x"})
    assert stored(tables) == before


def test_without_a_token_the_page_says_the_command_and_writes_nothing(tables: Path) -> None:
    before = stored(tables)
    running = Served(tables, now=NOW)
    try:
        answer = running.http.post("/api/mute", json=MUTE)
        assert (answer.status_code, "set AD_STREAM_DASHBOARD_TOKEN" in answer.text) == (403, True)
        told = running.get("/api/mute", device="pump[1]*", signal="flow")
        assert told["allowed"] is False
        assert told["command"] == "ad-stream config mute --device 'pump[[]1][*]' --signal flow --for '2 hours'"
    finally:
        running.stop()
    assert stored(tables) == before
