"""Incidents on the page, from a real server over tables that the fold made, against the command's list and counting by hand."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ad_stream.config import parse
from ad_stream.dashboard import inbox
from ad_stream.dashboard.access import Token
from ad_stream.dashboard.feedback_rows import FeedbackRows
from ad_stream.dashboard.incident_rows import COLUMNS, IncidentRows
from ad_stream.monitoring import incidents as stored
from ad_stream.tables import people
from ad_stream.tables.incidents import FEEDBACK, INCIDENT_EVENTS
from ad_stream.tables.schema import arrow
from ad_stream.whatif.ask import ask
from tests.support.incident_tables import START, run_of, spikes, write_tables
from tests.support.served import Served
from tests.support.written import write

SITES = {"dimensions": {"device": "(?P<site>[^/]+)/"}}
MINUTES = 700
NOW = START + timedelta(minutes=MINUTES + 2)
TOKEN = "open sesame"
SAME = (
    "state",
    "level",
    "kind",
    "site",
    "signal",
    "direction",
    "devices",
    "out_minutes",
    "lower",
    "upper",
    "peak_value",
)


def at(minute: int) -> str:
    return f"{START + timedelta(minutes=minute):%Y-%m-%dT%H:%MZ}"


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site whose two devices spike together and one of which spikes later; one that is out to the end; a device of no site."""
    folder = tmp_path_factory.mktemp("tables")
    rows = [
        *spikes("a/1", {30: 30.0, 200: 40.0}, MINUTES),
        *spikes("a/2", {31: 30.0}, MINUTES, severity=0.65),
        *spikes("b/1", {MINUTES - 5: 10.0}, MINUTES, severity=0.65),
        *spikes("c/1", {MINUTES - 9: 10.0}, MINUTES, severity=0.4),
        *spikes("alone", {400: 30.0}, MINUTES),
    ]
    write_tables(folder, rows, run_of(folder, **SITES))
    return folder


@pytest.fixture(scope="module")
def served(tables: Path) -> Iterator[Served]:
    running = Served(tables, now=NOW, base=run_of(tables, **SITES))
    yield running
    running.stop()


@pytest.fixture(scope="module")
def guarded(tables: Path) -> Iterator[Served]:
    running = Served(tables, now=NOW, token=Token(TOKEN), base=run_of(tables, **SITES))
    running.http.headers["Authorization"] = f"Bearer {TOKEN}"
    yield running
    running.stop()


def ids(served: Served, **asked: Any) -> list[str]:
    """'a/1 30', device and first minute of each incident of an answer, in its order."""
    rows = served.get("/api/incidents", **asked)["rows"]
    moments = [datetime.fromisoformat(row["started"].replace("Z", "+00:00")) for row in rows]
    return [
        f"{row['device']} {(moment - START) // timedelta(minutes=1)}" for row, moment in zip(rows, moments, strict=True)
    ]


def test_open_ones_come_first_by_level_then_the_newest_and_each_is_what_the_command_lists(
    served: Served, tables: Path
) -> None:
    assert ids(served) == ["b/1 695", "c/1 691", "alone 400", "a/1 200", "a/1 30"]
    answer = served.get("/api/incidents")
    listed = {one["incident_id"]: one for one in stored.incidents(tables)}
    assert {row["id"] for row in answer["rows"]} == listed.keys()
    for row in answer["rows"]:
        one = listed[row["id"]]
        for name in SAME:
            assert row[name] == one[name], name
        for name in ("started", "opened", "last", "ended"):
            assert row[name] == (one[name] and f"{one[name]:%Y-%m-%dT%H:%MZ}"), name
    assert answer["counts"] == {
        "all": 5, "open": 2, "closed": 3, "withdrawn": 0, "low": 1, "medium": 0, "high": 1, "acked": 0,
    }  # fmt: skip
    assert answer["sites"] == ["a", "b", "c", "(no site)"]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"site": "a"}, ["a/1 200", "a/1 30"]),
        ({"site": "(no site)"}, ["alone 400"]),
        ({"device": "A/2"}, ["a/1 30"]),
        ({"device": '"a/1"', "level": "high"}, ["a/1 30"]),
        ({"device": '"A/1"'}, []),
        ({"device": "nowhere"}, []),
        ({"signal": "u"}, []),
        ({"level": "medium"}, ["b/1 695", "alone 400", "a/1 200", "a/1 30"]),
        ({"state": "open"}, ["b/1 695", "c/1 691"]),
        ({"state": "closed", "level": "high"}, ["a/1 30"]),
        ({"from": at(31), "to": at(32)}, ["a/1 30"]),
        ({"from": at(32), "to": at(200)}, []),
        ({"from": at(201)}, ["b/1 695", "c/1 691", "alone 400"]),
        ({"to": at(31)}, ["a/1 30"]),
        ({"size": 2, "page": 1}, ["alone 400", "a/1 200"]),
        ({"size": 2, "page": 9}, []),
    ],
)
def test_filters_and_pages_leave_what_they_say(served: Served, asked: dict[str, Any], wanted: list[str]) -> None:
    assert ids(served, **asked) == wanted


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"size": 201}, "'size'"),
        ({"state": "muted"}, "'state'"),
        ({"level": "huge"}, "'level'"),
        ({"from": "yesterday"}, "is no time"),
        ({"from": "0001-01-01"}, "outside the years"),
    ],
)
def test_a_question_that_makes_no_sense_is_a_sentence(served: Served, asked: dict[str, Any], told: str) -> None:
    answer = served.http.get("/api/incidents", params=asked)
    assert (answer.status_code, told in answer.json()["error"]) == (400, True), answer.text


def test_one_incident_has_its_snapshots_in_order_its_members_and_its_leader(served: Served) -> None:
    name = next(row["id"] for row in served.get("/api/incidents")["rows"] if row["devices"] == 2)
    found = served.get("/api/incident", id=name)
    assert [(one["event"], one["minute"], one["notify"]) for one in found["events"]] == [
        ("opened", at(30), True), ("worsened", at(31), True), ("closed", at(41), True),
    ]  # fmt: skip
    assert (found["level"], found["state"], found["close_reason"], found["allowed"]) == ("high", "closed", "returned", False)  # fmt: skip
    assert [(one["device"], one["leader"], one["started"], one["ended"]) for one in found["members"]] == [
        ("a/1", True, at(30), at(40)), ("a/2", False, at(31), at(41)),
    ]  # fmt: skip
    assert [one["peak_value"] for one in found["members"]] == [30.0, 30.0]
    assert (found["said"], found["label"], found["members_total"], found["events_total"]) == ([], None, 2, 3)


def test_an_incident_that_is_not_there_is_a_sentence(served: Served) -> None:
    for name, status, told in (("x", 400, "is no id"), ("20261101-0030-0123456789", 404, "there is no incident")):
        answer = served.http.get("/api/incident", params={"id": name})
        assert (answer.status_code, told in answer.json()["error"]) == (status, True), answer.text


@pytest.mark.parametrize("by", ["site", "device"])
def test_each_cell_of_the_lanes_counts_the_incidents_that_lay_in_it(served: Served, tables: Path, by: str) -> None:
    answer = served.get("/api/lanes", by=by, minutes=1440)
    starts = [datetime.fromisoformat(text.replace("Z", "+00:00")) for text in answer["columns"]]
    cell = timedelta(seconds=answer["cell"])
    wanted: dict[str, list[list[str]]] = {}
    for one in stored.incidents(tables):
        devices = {row["device_id"] for row in stored.events_of(tables, one["incident_id"])}
        end = START + timedelta(minutes=MINUTES - 1) if one["ended"] is None else one["last"]
        for lane in devices if by == "device" else [one["site"] or "(no site)"]:
            row = wanted.setdefault(lane, [[] for _ in starts])
            for n, start in enumerate(starts):
                if one["started"] < start + cell and end >= start:
                    row[n].append(one["level"])
    assert {row["name"]: row["cells"] for row in answer["rows"]} == {
        name: [len(levels) for levels in row] for name, row in wanted.items()
    }
    worst = ("high", "medium", "low")
    for row in answer["rows"]:
        levels = [next((level for level in worst if level in there), None) for there in wanted[row["name"]]]
        assert row["levels"] == levels
    assert [row["open"] > 0 for row in answer["rows"]] == sorted((row["open"] > 0 for row in answer["rows"]), reverse=True)  # fmt: skip
    assert answer["rows"][0]["name"] == ("b" if by == "site" else "b/1")


def test_what_the_page_says_is_the_row_that_the_command_writes(guarded: Served, tables: Path) -> None:
    name = guarded.get("/api/incidents", state="open")["rows"][0]["id"]
    said = {"incident": name, "owner": "Ada", "note": "seen it"}
    for body in (
        {"action": "ack", "hours": 2}, {"action": "label", "label": "false", "asked": "random", "weight": 4.5},
        {"action": "comment"}, {"action": "unack"}, {"action": "close"},
    ):  # fmt: skip
        answer = guarded.http.post("/api/feedback", json=said | body)
        assert answer.status_code == 200, answer.text
    rows = sorted(people.read(FEEDBACK, tables)[0], key=lambda row: row["changed"])
    assert [row["action"] for row in rows] == ["ack", "label", "comment", "unack", "close"]
    assert {(row["incident_id"], row["owner"], row["note"]) for row in rows} == {(name, "Ada", "seen it")}
    assert rows[0]["until"] == NOW + timedelta(hours=2)
    assert (rows[1]["label"], rows[1]["asked"], rows[1]["weight"]) == ("false", "random", 4.5)
    assert stored.ignored(tables) == ()
    guarded.watch.look()
    found = guarded.get("/api/incident", id=name)
    assert [(one["action"], one["owner"]) for one in found["said"]] == [(row["action"], "Ada") for row in rows]
    assert (found["label"], found["allowed"]) == ("false", True)
    assert guarded.get("/api/incidents", state="open")["rows"][0]["label"] == "false"


GOOD = {"action": "ack", "incident": "20261101-1130-0123456789", "owner": "Ada"}


@pytest.mark.parametrize(
    ("headers", "changed", "status", "told"),
    [
        ({"Authorization": "Bearer wrong"}, {}, 401, "needs the dashboard's token"),
        ({"Sec-Fetch-Site": "cross-site"}, {}, 403, "comes from a page of another site"),
        ({"Origin": "http://evil.example"}, {}, 403, "comes from a page of another site"),
        ({"Content-Type": "text/plain"}, {}, 400, "is sent as application/json"),
        ({}, {}, 404, "there is no such incident"),
        ({}, {"incident": "pump"}, 404, "incident_id is none"),
        ({}, {"action": "dance"}, 400, "action: Input should be"),
        ({}, {"action": "label", "label": "yes"}, 400, "a label is one of true, false, expected, unsure"),
        ({}, {"action": "comment"}, 400, "a comment needs a note"),
        ({}, {"owner": ""}, 400, "owner: String should have at least 1"),
        ({}, {"hours": 745}, 400, "hours: Input should be less than or equal to 744"),
        ({}, {"hours": 0}, 400, "hours: Input should be greater than 0"),
        ({}, {"note": "x" * 501}, 400, "note: String should have at most 500"),
        ({}, {"note": "x" * 5000}, 400, "at most 4096 bytes"),
        ({}, {"until": "2027"}, 400, "until: Extra inputs are not permitted"),
    ],
)
def test_who_may_not_and_what_makes_no_sense_writes_nothing(
    guarded: Served, tables: Path, headers: dict[str, str], changed: dict[str, Any], status: int, told: str
) -> None:
    before = people.read(FEEDBACK, tables)
    answer = guarded.http.post("/api/feedback", json=GOOD | changed, headers=headers)
    assert (answer.status_code, told in answer.text) == (status, True), answer.text
    assert people.read(FEEDBACK, tables) == before


def test_asking_never_writes_and_without_a_token_nobody_does(guarded: Served, served: Served, tables: Path) -> None:
    before = people.read(FEEDBACK, tables)
    name = guarded.get("/api/incidents")["rows"][0]["id"]
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        answer = guarded.http.request(method, "/api/feedback", params=GOOD | {"incident": name})
        assert answer.status_code in (404, 405)
    answer = served.http.post("/api/feedback", json=GOOD | {"incident": name})
    assert (answer.status_code, "set AD_STREAM_DASHBOARD_TOKEN" in answer.text) == (403, True)
    assert people.read(FEEDBACK, tables) == before


def batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    columns = arrow(INCIDENT_EVENTS.columns)
    return pa.RecordBatch.from_pylist([dict.fromkeys(columns.names) | row for row in rows], columns).select(COLUMNS)


def event(n: int, seq: int, name: str = "opened", **more: Any) -> dict[str, Any]:
    start = START + timedelta(minutes=n)
    return {
        "incident_id": f"{start:%Y%m%d-%H%M}-{n:010x}", "seq": seq, "revision": 0, "event": name, "kind": "value",
        "site": f"s{n % 3}", "device_id": f"d{n}", "signal": "t", "level": "low", "severity": 0.1, "started": start,
        "opened": start, "last": start, "devices": 1,
    } | more  # fmt: skip


def test_rows_may_come_in_any_order_and_files() -> None:
    draws = np.random.default_rng(5)
    rows: list[dict[str, Any]] = []
    for n in range(200):
        rows.append(event(n, 0))
        for seq in range(1, int(draws.integers(1, 6))):
            name = ("joined", "worsened", "left", "closed")[int(draws.integers(4))]
            ended = START if name == "closed" else None
            rows.append(event(n, seq, name, severity=seq / 10, ended=ended, device_id=f"d{n}-{seq}"))
    rows.append(event(7, 0, "amended", revision=1, severity=0.9))
    rows.append(event(8, 3, "summary", kind="flood", incident_id="flood"))
    latest: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (row["revision"], row["seq"])):
        if row["event"] not in ("joined", "left") and row["kind"] != "flood":
            latest[row["incident_id"]] = row
    mixed = [rows[n] for n in draws.permutation(len(rows))]
    held, place = IncidentRows(), 0
    while place < len(mixed):
        step = int(draws.integers(1, 40))
        held.apply(batch(mixed[place : place + step]))
        place += step
    assert len(held) == 200
    for name, row in latest.items():
        found = held.find(name)
        assert found is not None
        assert (held["event"][found], held["severity"][found]) == (row["event"], row["severity"])
        assert held["ended"][found] == (-1 if row.get("ended") is None else START.timestamp())
    places, devices = held.pairs()
    names = {name: held.find(name) for name in latest}
    wanted = {(names[row["incident_id"]], row["device_id"]) for row in rows if row["kind"] != "flood"}
    assert {(place, held.devices[device]) for place, device in zip(places, devices, strict=True)} == wanted


def test_times_as_spark_writes_them_are_those_of_utc(tmp_path: Path) -> None:
    row = event(3, 0, ended=START + timedelta(minutes=9))
    pq.write_table(pa.Table.from_batches([batch([row])]), tmp_path / "f", use_deprecated_int96_timestamps=True)
    (read,) = pq.ParquetFile(tmp_path / "f", coerce_int96_timestamp_unit="us").iter_batches()
    assert read.schema.field("ended").type.tz is None
    held = IncidentRows()
    held.apply(read)
    assert held["ended"].tolist() == [(START + timedelta(minutes=9)).timestamp()]
    said = {"incident_id": row["incident_id"], "action": "label", "owner": "Ada"}
    spark = said | {"label": "true", "changed": (START + timedelta(minutes=2)).replace(tzinfo=None)}
    ours = said | {"label": "false", "changed": START}
    feedback = FeedbackRows()
    for one in (spark, ours):
        feedback.apply(pa.RecordBatch.from_pylist([one]))
    assert feedback.labels == {row["incident_id"]: "true"}
    assert [one["label"] for one in feedback.of(row["incident_id"])] == ["false", "true"]


def test_beyond_those_that_are_held_the_ones_that_ended_first_go() -> None:
    held = IncidentRows(most=100)
    for n in range(300):
        ended = None if n % 10 == 0 else START + timedelta(minutes=n + 20)
        held.apply(batch([event(n, 0), event(n, 1, "joined", device_id=f"e{n}"), event(n, 2, "closed", ended=ended)]))
    assert len(held) + held.dropped == 300
    assert 100 <= len(held) <= 110
    kept = set(held["incident_id"])
    assert {event(n, 0)["incident_id"] for n in range(0, 300, 10)} <= kept, "those that are open stay"
    assert {event(n, 0)["incident_id"] for n in range(250, 300)} <= kept
    chosen = np.array([name == "e299" for name in held.devices])
    assert list(held["incident_id"][held.with_device(chosen)]) == [event(299, 0)["incident_id"]]


def test_a_new_row_is_on_the_page_after_a_look_and_a_withdrawn_incident_leaves_the_list(tmp_path: Path) -> None:
    config = run_of(tmp_path, **SITES)
    events = write_tables(tmp_path, spikes("a/1", {30: 30.0}, 60), config)
    running = Served(tmp_path, now=NOW, base=config)
    try:
        assert running.get("/api/incidents")["total"] == 1
        last = max(events, key=lambda row: row["seq"])
        gone = last | {
            "event": "withdrawn",
            "revision": 1,
            "seq": 0,
            "origin": "backfill",
            "query_id": "q",
            "batch_id": 1,
        }
        write(tmp_path, "incident_events", [gone])
        running.watch.look()
        answer = running.get("/api/incidents")
        assert (answer["total"], answer["counts"]["withdrawn"]) == (0, 1)
        assert running.get("/api/incidents", state="withdrawn")["rows"][0]["state"] == "withdrawn"
        assert [one["event"] for one in running.get("/api/incident", id=last["incident_id"])["events"]][
            -1
        ] == "withdrawn"
    finally:
        running.stop()


def drawn(served: Served) -> dict[str, Any]:
    """The inbox once its draw is through."""
    while (answer := served.get("/api/inbox"))["drawing"]:
        time.sleep(0.02)
    found: dict[str, Any] = answer
    return found


@pytest.mark.slow
def test_the_inbox_asks_what_the_command_asks_until_somebody_answers(tmp_path: Path) -> None:
    config = run_of(tmp_path, **SITES)
    at = {minute: 30.0 + minute / 100 for minute in range(30, MINUTES - 30, 90)}
    write_tables(tmp_path, [*spikes("a/1", at, MINUTES), *spikes("b/1", {50: 40.0}, MINUTES)], config)
    running = Served(tmp_path, now=NOW, token=Token(TOKEN), base=config)
    running.http.headers["Authorization"] = f"Bearer {TOKEN}"
    try:
        end = START + timedelta(minutes=MINUTES)
        wanted = [vars(one) for one in ask(tmp_path, config, start=end - timedelta(days=28), end=end)]
        answer = drawn(running)
        assert {row["asked"] for row in answer["rows"]} == {"proposal", "random"}
        assert [(row["id"], row["asked"], row["weight"], row["question"]) for row in answer["rows"]] == [
            (one["incident_id"], one["asked"], one["weight"], one["why"]) for one in wanted
        ]
        first = answer["rows"][0]
        said = {"action": "label", "label": "false", "owner": "Ada", "incident": first["id"], "asked": first["asked"]}
        assert running.http.post("/api/feedback", json=said).status_code == 200
        running.watch.look()
        left = running.get("/api/inbox")
        assert [row["id"] for row in left["rows"]] == [row["id"] for row in answer["rows"][1:]]
        running.now = NOW + inbox.FRESH
        assert (left["drawn"], running.get("/api/inbox")["drawing"]) == (answer["drawn"], False), "a draw is kept"
        running.now = NOW + inbox.FRESH + timedelta(minutes=1)
        assert drawn(running)["drawn"] != answer["drawn"]
    finally:
        running.stop()


def test_an_inbox_of_tables_elsewhere_says_where_to_ask(tables: Path) -> None:
    away = run_of(tables, **SITES).model_copy(update={"tables": parse_tables()})
    running = Served(tables, now=NOW, base=away)
    try:
        assert "run ad-stream ask beside a copy" in drawn(running)["error"]
    finally:
        running.stop()


def parse_tables() -> Any:
    return parse({"source": {"kind": "files", "path": ""}, "tables": {"catalog": "main", "schema": "iot"}}).tables
