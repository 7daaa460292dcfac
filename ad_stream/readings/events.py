"""Lines that hold an event of a hub, not a reading: what IoT Hub's routing writes, and the envelope of docs/formats.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ad_stream.payloads.sample import body_of
from ad_stream.readings.roles import is_time

Line = Mapping[str, Any]


def readings_of(line: Line) -> list[Line]:
    """The objects of the event's body, each with its device and, where it tells no time, the hub's; any other line as it is."""
    if "Body" in line and {"SystemProperties", "EnqueuedTimeUtc"} & line.keys():
        system = _object(line.get("SystemProperties"))
        return _with(line["Body"], system.get("connectionDeviceId"), line.get("EnqueuedTimeUtc"))
    if "systemProperties" in line and {"body", "enqueuedTime"} & line.keys():
        system = _object(line["systemProperties"])
        return _with(line.get("body"), system.get("iothub-connection-device-id"), line.get("enqueuedTime"))
    return [line]


def _with(body: Any, device: Any, enqueued: Any) -> list[Line]:
    found = body_of(body)
    around = {} if device is None else {"deviceId": device}
    out: list[Line] = []
    for one in found if isinstance(found, list) else [found]:
        reading = _object(one)
        if reading:
            time = {} if any(is_time(name) for name in reading) else {"enqueuedTime": enqueued}
            out.append({**around, **time, **reading})
    return out


def _object(value: Any) -> Line:
    return value if isinstance(value, dict) else {}
