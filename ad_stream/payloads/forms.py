"""Common forms of bodies, each told by members that no other has, with the settings that read it.

Sources: RFC 8428 (SenML), OPC UA Part 14 and Azure's OPC Publisher, Kepware's IoT Gateway, Telegraf's json output, The Things
Stack's and ChirpStack's uplinks, IoT Central's data export, AWS IoT device shadows, Azure IoT Operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Element = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Form:
    """telemetry: settings as they are; below: where the measured numbers lie, None: anywhere; device, time: paths that may hold
    them, the first that is there."""

    name: str
    told_by: Callable[[Element], bool]
    telemetry: Mapping[str, Any] = field(default_factory=dict)
    below: str | None = None
    device: tuple[str, ...] = ()
    time: tuple[str, ...] = ()


def reach(element: Any, path: str) -> Any:
    """The member under a path, None where there is none; of a list its first item."""
    for part in path.split("."):
        if isinstance(element, list):
            element = element[0] if element else None
        element = element.get(part) if isinstance(element, Mapping) else None
    return element


def has(*paths: str) -> Callable[[Element], bool]:
    """Whether all the members are there."""
    return lambda element: all(reach(element, path) is not None for path in paths)


def _either(*tests: Callable[[Element], bool]) -> Callable[[Element], bool]:
    return lambda element: any(test(element) for test in tests)


def _senml(element: Element) -> bool:
    named = isinstance(element.get("n"), str) or isinstance(element.get("bn"), str)
    return named and bool({"v", "vs", "vb", "vd"} & element.keys())


FORMS = (
    Form("SenML (RFC 8428)", _senml, {"signals": "auto", "records": "senml"}, time=("t", "bt")),
    Form(
        "OPC UA samples, nested (OPC Publisher)", has("DisplayName", "Value.Value"),
        {"signals": "auto", "records": {"name": "DisplayName", "value": "Value.Value"}}, time=("Value.SourceTimestamp",),
    ),
    Form(
        "OPC UA samples, nested (OPC Publisher)", has("NodeId", "Value.Value"),
        {"signals": "auto", "records": {"name": "NodeId", "value": "Value.Value"}}, time=("Value.SourceTimestamp",),
    ),
    Form(
        "OPC UA samples, flat (OPC Publisher)", has("DisplayName", "Value"),
        {"signals": "auto", "records": {"name": "DisplayName", "value": "Value"}}, time=("SourceTimestamp", "Timestamp"),
    ),
    Form(
        "OPC UA samples, flat (OPC Publisher)", has("NodeId", "Value"),
        {"signals": "auto", "records": {"name": "NodeId", "value": "Value"}}, time=("SourceTimestamp", "Timestamp"),
    ),
    Form(
        "OPC UA PubSub (Part 14)", has("Messages.Payload"), {"elements": "Messages"}, below="Payload",
        device=("DataSetWriterName", "PublisherId"), time=("Timestamp",),
    ),
    Form(
        "Azure IoT Operations", _either(has("Payload", "SequenceNumber"), has("Payload", "DataSetWriterName")), below="Payload",
        device=("DataSetWriterName",), time=("Timestamp",),
    ),
    Form(
        "Kepware IoT Gateway", has("values.id", "values.v"),
        {"signals": "auto", "elements": "values", "records": {"name": "id", "value": "v"}}, time=("t", "timestamp"),
    ),
    Form(
        "Telegraf, several metrics", has("metrics.fields"), {"elements": "metrics"}, below="fields", device=("tags.host",),
        time=("timestamp",),
    ),
    Form("Telegraf", has("fields", "tags"), below="fields", device=("tags.host",), time=("timestamp",)),
    Form(
        "The Things Stack uplink", has("end_device_ids", "uplink_message"), below="uplink_message.decoded_payload",
        device=("end_device_ids.device_id",), time=("uplink_message.received_at", "received_at"),
    ),
    Form("ChirpStack uplink", has("deviceInfo", "object"), below="object", device=("deviceInfo.devEui",), time=("time",)),
    Form(
        "IoT Central export, a list of telemetry", has("telemetry.name", "telemetry.value"),
        {"signals": "auto", "elements": "telemetry", "records": {"name": "name", "value": "value"}}, device=("deviceId",),
        time=("enqueuedTime",),
    ),
    Form("IoT Central export", has("telemetry", "deviceId"), below="telemetry", device=("deviceId",), time=("enqueuedTime",)),
    Form(
        "AWS IoT device shadow", has("state.reported"), below="state.reported", device=("thingName", "clientId", "clientToken"),
        time=("timestamp",),
    ),
    Form(
        "AWS IoT device shadow document", has("current.state.reported"), below="current.state.reported",
        device=("thingName", "clientToken"), time=("timestamp", "current.metadata.timestamp"),
    ),
    Form("Homie or ThingsBoard values", has("values", "ts"), below="values", time=("ts",)),
)  # fmt: skip
"""In the order in which they are tried."""

PAIRS = (
    ("n", "v"), ("DisplayName", "Value"), ("name", "value"), ("Name", "Value"), ("id", "value"), ("id", "v"), ("tag", "value"),
    ("TagName", "Value"), ("key", "value"), ("signal", "value"), ("metric", "value"), ("sensor", "value"), ("parameter", "value"),
    ("type", "value"), ("type", "val"), ("name", "val"), ("code", "value"),
)  # fmt: skip
"""Name and value of a record in other forms."""
DEVICES = (
    "deviceId", "device_id", "DeviceId", "deviceID", "devEUI", "devEui", "dev_eui", "deviceName", "device", "thingName", "sensorId",
    "sensor_id", "machineId", "assetId", "clientId", "host", "serial", "mac", "PublisherId",
)  # fmt: skip
TIMES = (
    "time", "timestamp", "ts", "t", "Timestamp", "eventTime", "event_time", "datetime", "dateTime", "date", "measuredAt", "received_at",
    "enqueuedTime", "createdAt", "created_at", "SourceTimestamp",
)  # fmt: skip
"""Members that usually hold the device and the time, the likelier first."""
