"""What a row of quarantine says: the member, its text, and a setting that helps; told from as much of the body as was kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ad_stream.config import Telemetry
from ad_stream.pipeline.steps.ways_out import LONGEST, detail

CENTRAL = {"applicationId": "x", "telemetry": {"temperature": 20.5, "humidity": 54}, "at": {"id": 7}}
RECORD = {"name": "t", "value": 1}

# reason, settings, body, element, what is said
SAYS: list[tuple[str, dict[str, Any], Any, int, str | None]] = [
    ("no_signal", {}, CENTRAL, 0, "the numbers lie deeper, e.g. telemetry.temperature, telemetry.humidity; ad-stream infer"),
    ("no_signal", {}, {"d": [{"v": 1}]}, 0, "the numbers lie deeper, e.g. d[].v; "),
    ("no_signal", {"signals": ["temperature"]}, CENTRAL, 0, "none of temperature is there: deeper there is telemetry.temperature; "),
    ("no_signal", {"signals": ["x.speed"]}, {"t": 1}, 0, "none of x.speed is there"),
    ("no_signal", {}, [RECORD, {"name": "h", "value": 2}], 1, "name is the name of a signal and value its value: set telemetry.records: {"),
    ("no_signal", {}, [{"bn": "d/", "n": "t", "v": 1}], 0, "n is the name of a signal and v its value: set telemetry.records: senml; "),
    (
        "no_signal", {}, [{"NodeId": "ns=1;s=a", "DisplayName": "Torque", "Value": {"Value": 20.5}}], 0,
        "DisplayName is the name of a signal and Value.Value its value: set telemetry.records: {name: DisplayName, value: Value.Value}; ",
    ),
    ("no_signal", {"records": "off"}, [{"name": "t", "value": "x"}], 0, "no member is a number, it has name, value"),
    ("no_signal", {}, {}, 0, "no member is a number"),
    ("not_a_number", {"text": "quarantine"}, {"t": 1, "site": "north"}, 0, "site is 'north'"),
    ("not_a_number", {}, {"t": 1, "site": "north", "h": "21,5"}, 0, "h is '21,5' (a decimal comma?)"),
    ("not_a_number", {}, {"a": {"b": "n/a"}}, 0, "a.b is 'n/a'"),
    ("not_a_number", {"signals": ["p"]}, {"p": True}, 0, "p is 'true' (name it in telemetry.switches)"),
    ("not_a_number", {"elements": "v", "records": {"name": "n", "value": "x"}}, {"v": [{"n": "b", "x": "?"}]}, 0, "b is '?'"),
    ("bad_time", {"event_time": "ts"}, {"ts": "02/03/2026 06:00"}, 0, "ts is '02/03/2026 06:00', set telemetry.day_first"),
    ("bad_time", {"event_time": "ts"}, {"ts": 12}, 0, "ts is '12'"),
    ("too_large", {}, {}, 0, "set telemetry.max_body"),
    ("malformed", {}, {}, 0, None),
    ("late", {}, {}, 0, None),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "settings", "body", "element", "said"), SAYS)
def test_a_reason_names_the_member_and_the_way_out(
    reason: str, settings: dict[str, Any], body: object, element: int, said: str | None
) -> None:
    found = detail(reason, json.dumps(body).encode(), element, None, Telemetry.model_validate(settings))
    assert found == said if said is None else str(found).startswith(said)


@pytest.mark.parametrize(("off", "zone"), [(3600, True), (-18_030, True), (1234, False)])
def test_a_clock_that_is_off_by_quarters_of_an_hour_is_taken_for_a_zone(off: int, zone: bool) -> None:
    said = detail("future_time", b"", 0, off, Telemetry(event_time="ts"))
    assert said is not None and said.startswith(f"ts is {off} s ahead of the hub") and ("time_zone" in said) is zone


def test_of_a_torn_body_its_beginning_tells() -> None:
    body = json.dumps({"site": "north", "h": "n/a", "t": 1, "pad": "x" * 2000}).encode()[:100]
    assert detail("not_a_number", body, 0, None, Telemetry()) == "h is 'n/a'"


@pytest.mark.parametrize("body", [None, b"", b"\xff\xfe", b"[" * 5000, b"5", b'"t"', b"[1,2]", b"null", b'{"a":' * 900])
def test_any_bytes_are_said_something_of_and_never_raise(body: bytes | None) -> None:
    for reason in ("no_signal", "not_a_number", "bad_time"):
        for settings in ({}, {"signals": ["t"]}, {"elements": "a.b", "records": {"name": "n", "value": "v"}}):
            said = detail(reason, body, 3, None, Telemetry.model_validate({**settings, "event_time": "ts"}))
            assert said is None or len(said) <= LONGEST


def test_a_detail_is_short_and_holds_no_character_that_databases_refuse() -> None:
    said = detail("not_a_number", json.dumps({"n" * 400: "5\0b"}).encode(), 0, None, Telemetry())
    assert said is not None and len(said) == LONGEST and "\0" not in said
