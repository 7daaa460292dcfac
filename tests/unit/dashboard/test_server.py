"""The dashboard's answers over HTTP, from a real server over real tables."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ad_stream.dashboard.access import Token, check_exposure
from ad_stream.errors import ConfigError
from ad_stream.report import series_report
from tests.support.served import Served
from tests.support.written import create, series_rows, sign_of_life, verdict, warming_up, write
from tests.unit.dashboard.conftest import NOON

NOW = NOON


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hours of five series: one in trouble now, one that was an hour ago, one silent, one that warms up."""
    tables = tmp_path_factory.mktemp("tables")
    create(tables)
    calm = [20.0] * 120
    rows = series_rows("pump-1", "temperature", ago(121), [*calm[:-1], 30.0], {119: "above"})
    rows += series_rows("pump-2", "temperature", ago(121), calm, {50: "below", 51: "below"})
    rows += series_rows("PUMP-3", "flow", ago(121), calm, {})
    rows += series_rows("valve-4", "flow", ago(121), calm[:60], {})
    rows[119]["severity"], rows[171]["continuing"] = 0.9, True
    write(tables, "detections", rows)
    write(tables, "detections", [warming_up("valve-5", "flow", ago(2), 5.0)])
    counts = {"query_id": "q", "minutes_closed": 100, "scored": 90, "anomalies": 2, "pushed": 50, "push_failed": 3}
    for batch in range(2):
        write(tables, "batches", [counts | {"batch_id": batch, "duration_ms": 1500}])
        watermark = {"query_id": "q", "batch_id": batch, "events": 10, "watermark": ago(3 - batch), "lag": 7}
        write(tables, "progress", [watermark])
    write(tables, "quarantine", [{"reason": "empty"}, {"reason": "malformed"}, {"reason": "malformed"}])
    sent = {"sink": "power_bi", "query_id": "q", "batch_id": 1}
    states = [
        ("delivered", 50, None),
        ("thinned", 40, None),
        ("failed", 9, "no answer"),
        ("failed", 3, "the target answered 429"),
    ]
    write(tables, "deliveries", [
        sent | {"attempt": n, "state": state, "rows": rows, "error": why} for n, (state, rows, why) in enumerate(states, start=1)
    ])  # fmt: skip
    sign_of_life(tables, ago(0.5))
    return tables


def names(answer: Any) -> list[str]:
    return [f"{row['device']} {row['signal']}" for row in answer["rows"]]


def test_the_worst_series_come_first_and_states_are_counted(served: Served) -> None:
    answer = served.get("/api/overview", minutes=60)
    assert names(answer)[:2] == ["valve-4 flow", "pump-1 temperature"], "a silent device comes first"
    assert answer["counts"] == {"all": 5, "flagged": 1, "warming_up": 1, "declined": 0, "silent": 1}
    first = answer["rows"][1]
    assert (first["flags"], first["severity"], first["flagged"], first["why"]) == (
        1, 0.9, "2026-11-01T11:58Z", "above the expected band",
    )  # fmt: skip
    assert (first["spark"][-1], first["marks"]) == (30.0, [59])
    assert names(served.get("/api/overview", minutes=1440))[1:3] == ["pump-1 temperature", "pump-2 temperature"]
    assert names(served.get("/api/overview", minutes=1440, order="flags"))[0] == "pump-2 temperature"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"device": "pump-3"}, ["PUMP-3 flow"]),
        ({"signal": "flow", "order": "name"}, ["PUMP-3 flow", "valve-4 flow", "valve-5 flow"]),
        ({"state": "silent"}, ["valve-4 flow"]),
        ({"state": "warming_up"}, ["valve-5 flow"]),
        ({"device": "pump", "signal": "temperature", "order": "latest", "minutes": 1440},
         ["pump-1 temperature", "pump-2 temperature"]),
        ({"order": "name", "size": 2, "page": 1}, ["pump-2 temperature", "valve-4 flow"]),
        ({"device": "nobody"}, []),
    ],
)  # fmt: skip
def test_the_fleet_is_filtered_and_paged_by_the_server(served: Served, asked: dict[str, Any], found: list[str]) -> None:
    assert names(served.get("/api/overview", **asked)) == found


def test_flags_that_continue_one_another_are_one_anomaly(served: Served) -> None:
    answer = served.get("/api/anomalies")
    assert names(answer) == ["pump-1 temperature", "pump-2 temperature"]
    older = answer["rows"][1]
    assert (older["first"], older["last"], older["minutes"], older["open"]) == (
        "2026-11-01T10:49Z", "2026-11-01T10:50Z", 2, False,
    )  # fmt: skip
    assert names(served.get("/api/anomalies", to="2026-11-01T11:00Z")) == ["pump-2 temperature"]
    assert served.get("/api/anomalies", from_="2026-11-01T11:59Z")["total"] == 0


def test_memory_and_table_draw_the_same_series(served: Served) -> None:
    asked = {"device": "pump-1", "signal": "temperature", "from": "2026-11-01T11:00Z", "to": "2026-11-01T11:59Z"}
    recent = served.get("/api/series", **asked)
    width, served.watch.fleet.width = served.watch.fleet.width, 1
    try:
        assert served.get("/api/series", **asked) == recent
    finally:
        served.watch.fleet.width = width
    assert (recent["times"][-1], recent["value"][-1], recent["flags"][-1]) == ("2026-11-01 11:58", 30.0, "above")
    assert (recent["lower"][-1], recent["upper"][-1]) == (18.0, 22.0)


def test_the_pipeline_tells_lag_quarantine_silent_devices_and_pushes(served: Served) -> None:
    answer = served.get("/api/pipeline")
    assert (answer["batches"]["scored"], answer["progress"]["events"], answer["waiting"]) == (180, 20, 7)
    assert answer["watermark"] == "2026-11-01T11:58:00Z"
    assert {row["reason"]: row["count"] for row in answer["quarantine"]} == {"malformed": 2, "empty": 1}
    assert answer["silent"] == [{"device": "valve-4", "since": "2026-11-01T10:58Z"}]
    assert answer["pushes"]["by_target"] == {"power_bi delivered": 50, "power_bi thinned": 40, "power_bi waiting": 3}
    assert (answer["pushes"]["thinned"], answer["pushes"]["error"]) == (40, "the target answered 429")
    assert [(row["batch_id"], row["events"], row["duration_ms"]) for row in answer["recent"]] == [
        (0, 10, 1500),
        (1, 10, 1500),
    ]


@pytest.mark.parametrize(
    ("hours", "kind", "words"), [(0, "live", "running"), (0.04, "live", "running"), (1, "stopped", "stopped since")]
)
def test_a_stream_without_a_sign_of_life_is_called_stopped(served: Served, hours: float, kind: str, words: str) -> None:
    served.now = NOW + timedelta(hours=hours)
    try:
        state = served.get("/api/state")
    finally:
        served.now = NOW
    assert state["kind"] == kind
    assert words in state["sentence"]
    assert (state["command"] == "ad-stream run --config conf/local.yaml") == (kind == "stopped")


@pytest.mark.slow
def test_the_picture_is_the_one_that_the_report_writes(served: Served, filled: Path, tmp_path: Path) -> None:
    start, end = ago(30), ago(0)
    written = series_report(
        filled, tmp_path / "r.html", device="pump-1", signal="temperature", start=start, end=end, pictures=tmp_path
    )
    asked = {"device": "pump-1", "signal": "temperature", "from": "2026-11-01T11:30Z", "to": "2026-11-01T12:00Z"}
    answer = served.http.get("/picture", params=asked)
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == written[1].read_bytes()
    assert served.http.get("/report", params=asked).content == written[0].read_bytes()


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/api/series?device=x&signal=y", 404, "there is no series x y in the last day"),
        ("/api/series?device=pump-1&signal=y", 404, "its signals are temperature"),
        ("/api/series?device=pump-1&signal=temperature&from=noon", 400, "'noon' is no time"),
        ("/api/series?device=p&signal=t&from=2026-01-01&to=2026-11-01", 400, "ask for 31 or less"),
        (
            "/picture?device=x&signal=y&from=2026-11-01&to=2026-11-02",
            404,
            "holds no verdicts on device 'x', signal 'y'",
        ),
        ("/api/overview?order=best", 400, "the parameter 'order' is wrong"),
        ("/api/overview?size=100000", 400, "the parameter 'size' is wrong"),
        ("/assets/..%2fserver.py", 404, "Not Found"),
        ("/assets/server.py", 404, "there is no file"),
    ],
)
def test_a_wrong_question_is_answered_by_a_sentence(served: Served, path: str, status: int, told: str) -> None:
    answer = served.http.get(path)
    assert (answer.status_code, told in answer.text) == (status, True), answer.text


def test_nothing_comes_from_elsewhere(served: Served) -> None:
    page = served.http.get("/")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "://" not in page.text
    files = [part.split('"')[0] for part in page.text.split('"/assets/')[1:]]
    assert files
    assert all(served.http.get(f"/assets/{name}").status_code == 200 for name in [*files, "plotly.js"])


def test_another_name_for_this_machine_is_refused(served: Served) -> None:
    answer = served.http.get("/api/state", headers={"Host": "evil.example"})
    assert (answer.status_code, "AD_STREAM_DASHBOARD_TOKEN" in answer.text) == (403, True)


def test_beyond_this_machine_a_token_is_needed(filled: Path) -> None:
    with pytest.raises(ConfigError, match="listens on 127.0.0.1 only, not on 0.0.0.0: set AD_STREAM_DASHBOARD_TOKEN"):
        check_exposure("0.0.0.0", Token())
    check_exposure("0.0.0.0", Token("t"))
    check_exposure("::1", Token())
    assert "secret" not in repr(Token("secret"))


@pytest.mark.slow
def test_the_token_opens_by_form_and_by_header_and_shows_nothing_before(filled: Path) -> None:
    guarded = Served(filled, now=NOW, token=Token("open sesame"))
    try:
        asked = guarded.http.get("/")
        assert (asked.status_code, "Token of this dashboard" in asked.text) == (401, True)
        for path in ("/api/overview", "/picture?device=pump-1&signal=temperature", "/api/events", "/assets/app.js"):
            assert guarded.http.get(path).status_code == 401
        bearer = {"Authorization": "Bearer open sesame"}
        assert guarded.http.get("/api/state", headers=bearer).status_code == 200
        assert guarded.http.post("/login", content="token=wrong").status_code == 401
        opened = guarded.http.post("/login", content="token=open+sesame")
        assert (opened.status_code, opened.headers["location"]) == (303, "/")
        assert {"HttpOnly", "SameSite=strict"} <= set(opened.headers["set-cookie"].split("; "))
        assert guarded.http.get("/api/state").status_code == 200
    finally:
        guarded.stop()


@pytest.mark.slow
def test_no_tables_then_no_rows_then_a_flag_are_told_as_they_come(tmp_path: Path) -> None:
    running = Served(tmp_path, now=NOW)
    try:
        with running.http.stream("GET", "/api/events") as stream:
            messages = (json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))
            next(messages)
            assert running.get("/api/state")["kind"] == "no_tables"
            create(tmp_path)
            while running.get("/api/state")["kind"] != "no_rows":
                next(messages)
            sign_of_life(tmp_path, NOW)
            write(tmp_path, "detections", [verdict("new", "t", ago(2), 30.0, reason="above")])
            flagged = next(message["flagged"] for message in messages if message["flagged"])
            assert flagged == 1
            assert names(running.get("/api/anomalies")) == ["new t"]
            assert running.get("/api/state")["kind"] == "live"
    finally:
        running.stop()


def test_a_stream_that_runs_without_new_minutes_is_called_stalled(tmp_path: Path) -> None:
    create(tmp_path)
    write(tmp_path, "detections", [verdict("old", "t", ago(45), 20.0)])
    sign_of_life(tmp_path, NOW)
    running = Served(tmp_path, now=NOW)
    try:
        state = running.get("/api/state")
        assert (state["kind"], "44 minutes old" in state["sentence"]) == ("stalled", True)
    finally:
        running.stop()


def test_the_page_names_every_module_so_that_a_browser_fetches_them_at_once(served: Served) -> None:
    named = re.findall(r'<link rel="modulepreload" href="/assets/([^"]+)">', served.http.get("/").text)
    imported = set()
    for name in named:
        answer = served.http.get(f"/assets/{name}")
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/javascript")
        imported |= set(re.findall(r'from "\./([^"]+)"', answer.text))
    assert imported <= set(named) and "app.js" in named
