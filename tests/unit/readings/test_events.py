"""Lines that are events of a hub, not readings."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ad_stream.errors import InputError
from ad_stream.readings import read
from ad_stream.readings.events import readings_of

AT = "2026-03-02T06:00:00Z"


def packed(body: object) -> str:
    return base64.b64encode(json.dumps(body).encode()).decode()


def routed(body: object) -> dict[str, Any]:
    return {"EnqueuedTimeUtc": AT, "SystemProperties": {"connectionDeviceId": "a"}, "Body": body}


def envelope(body: object) -> dict[str, Any]:
    return {"body": packed(body), "enqueuedTime": AT, "systemProperties": {"iothub-connection-device-id": "a"}}


@pytest.mark.parametrize("line", [routed({"t": 1}), routed(packed({"t": 1})), routed('{"t": 1}'), envelope({"t": 1})])
def test_an_event_gives_its_body_with_device_and_time(line: dict[str, Any]) -> None:
    assert readings_of(line) == [{"deviceId": "a", "enqueuedTime": AT, "t": 1}]


def test_a_body_s_own_device_and_time_win() -> None:
    assert readings_of(envelope({"deviceId": "b", "timestamp": "x", "t": 1})) == [
        {"deviceId": "b", "timestamp": "x", "t": 1}
    ]


def test_an_array_gives_a_reading_for_each_element() -> None:
    assert [one["t"] for one in readings_of(routed([{"t": 1}, 5, {"t": 2}]))] == [1, 2]


@pytest.mark.parametrize("body", [None, "no json", 5, [], "[[1]]"])
def test_a_body_without_an_object_gives_none(body: object) -> None:
    assert readings_of(routed(body)) == []


def test_a_line_that_is_no_event_stays(tmp_path: Path) -> None:
    assert readings_of({"body": 70.5, "time": AT}) == [{"body": 70.5, "time": AT}]


def test_a_file_tells_how_many_events_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "hub.json"
    path.write_text("\n".join(json.dumps(envelope([{"t": k}, {"t": k + 1}])) for k in range(3)), encoding="utf-8")
    found = read(path)
    assert (found.rows, found.devices) == (6, ["a"])
    assert dict(found.understood)["file"] == "6 rows, JSON, 3 events of a hub"
    path.write_text(json.dumps(routed(None)), encoding="utf-8")
    with pytest.raises(InputError, match=r"^hub.json holds events without a reading in their bodies"):
        read(path)
