"""A slow, obvious reader of the envelope after the design, to check the simulator with."""

from __future__ import annotations

import base64
import json
import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ad_stream.simulate import Truth

SIGNALS = ("temperature", "humidity")
IDS = {"messageId", "deviceId", "time"}


@dataclass
class Seen:
    """What a run over the device's clock sees; values by (device, signal, start of the window)."""

    values: dict[tuple[str, str, datetime], list[float]] = field(default_factory=lambda: defaultdict(list))
    quarantined: Counter[str] = field(default_factory=Counter)
    late: int = 0
    duplicates: int = 0
    non_telemetry: int = 0
    heartbeats: int = 0


def lines(folder: Path) -> list[dict[str, Any]]:
    """All lines of all files in the order of the names."""
    return [json.loads(line) for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def read(folder: Path, *, watermark: timedelta = timedelta(minutes=2), every: timedelta = timedelta(minutes=1)) -> Seen:
    """Judge every line."""
    seen = Seen()
    known: set[tuple[object, ...]] = set()
    for line in lines(folder):
        system = line["systemProperties"]
        body = base64.b64decode(line["body"])
        if system["iothub-message-source"] != "Telemetry":
            seen.heartbeats += system["iothub-message-source"] == "ad-stream-heartbeat"
            seen.non_telemetry += system["iothub-message-source"] == "twinChangeEvents"
            continue
        key = (system.get("iothub-connection-device-id"), system["message-id"], body)
        if key in known:
            seen.duplicates += 1
            continue
        known.add(key)
        _judge(seen, body, system.get("iothub-connection-device-id"), moment(line["enqueuedTime"]), watermark, every)
    return seen


def _judge(
    seen: Seen, body: bytes, device: str | None, enqueued: datetime, watermark: timedelta, every: timedelta
) -> None:
    if not body:
        seen.quarantined["empty"] += 1
        return
    if len(body) > 256 * 1024:
        seen.quarantined["too_large"] += 1
        return
    try:
        content = json.loads(body.decode("utf-8"))
    except UnicodeDecodeError:
        seen.quarantined["not_utf8"] += 1
        return
    except ValueError:
        seen.quarantined["malformed"] += 1
        return
    for element in content if isinstance(content, list) else [content]:
        _judge_element(seen, element, device or element.get("deviceId"), enqueued, watermark, every)


def _judge_element(
    seen: Seen, element: dict[str, Any], device: str | None, enqueued: datetime, watermark: timedelta, every: timedelta
) -> None:
    if device is None:
        seen.quarantined["no_device"] += 1
        return
    try:
        time = moment(element["time"])
    except ValueError:
        seen.quarantined["bad_time"] += 1
        return
    if time > enqueued + timedelta(minutes=5):
        seen.quarantined["future_time"] += 1
        return
    signals = set(element) - IDS
    if not signals:
        seen.quarantined["no_signal"] += 1
        return
    time = min(time, enqueued)
    midnight = time.replace(hour=0, minute=0, second=0, microsecond=0)
    minute = midnight + (time - midnight) // every * every
    bad = False
    for signal in signals:
        try:
            value = float(element[signal])
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            bad = True
        elif minute + every + watermark < enqueued:
            seen.late += 1
        else:
            seen.values[device, signal, minute].append(value)
    if bad:
        seen.quarantined["not_a_number"] += 1


@dataclass
class Day:
    """A folder, its truth, and what the slow reader saw in it."""

    folder: Path
    truth: Truth
    seen: Seen
