"""The regular telemetry: the payload of the Raspberry Pi simulator plus `time`, the device's own clock."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np

from ad_stream.simulate.devices.fleet import SIGNALS
from ad_stream.simulate.devices.readings import Block, Series
from ad_stream.simulate.envelope import Message, iso


def payload(device_id: str, number: int, values: Sequence[float], time: str) -> dict[str, object]:
    """`number` is the device's message counter, `values` follow the order of SIGNALS."""
    return {"messageId": number, "deviceId": device_id, **dict(zip(SIGNALS, values, strict=True)), "time": time}


def encode(body: Mapping[str, object] | Sequence[Mapping[str, object]]) -> bytes:
    """JSON as the device writes it; NaN comes out as the bare word that JSON does not have."""
    return json.dumps(body).encode("utf-8")


def message_id(device_id: str, number: int) -> str:
    """The id the device's SDK gives a message, unique over the fleet."""
    return f"{device_id}-{number}"


def regular(series: Series, block: Block, first: int, partitions: int) -> list[Message]:
    """All messages of a block whose first minute is `first` minutes after the start, by device, not yet in order."""
    per_minute = series.messages_per_minute
    found: list[Message] = []
    for device, device_id in enumerate(series.fleet.device_ids):
        minute, message = np.nonzero(~block.silent[device][:, None] & np.ones(per_minute, bool))
        gaps = block.missing[device].any()
        numbers = ((first + minute) * per_minute + message + 1).tolist()
        values = block.values[device, minute, message].tolist()
        times = iso(block.sent[device, minute, message].tolist())
        enqueued = block.enqueued[device, minute, message].tolist()
        for number, pair, time, at in zip(numbers, values, times, enqueued, strict=True):
            content = payload(device_id, number, pair, time)
            if gaps:
                for left_out in np.flatnonzero(block.missing[device, (number - 1) // per_minute - first]):
                    del content[SIGNALS[left_out]]
            body = encode(content)
            found.append(Message(at, body, device_id, message_id(device_id, number), device % partitions))
    return found
