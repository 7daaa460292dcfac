"""What a streaming job or a script for the service sets, as settings of a configuration; what fits none becomes a remark."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

SERVICE_SENSITIVITY = 99
"""What the service took where a request gave none."""
DEFAULT_SENSITIVITY = 95
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
DAY = 86_400
OTHER_GRID = "uses another grid than one minute: the stream scores windows of minutes.every, `ad-stream serve` any grid"
Remark = tuple[int | None, str]
"""(offset in the text or None, words)."""

LAST_POINT = r"(?i)last/detect|last_?point|last_?detect|DetectLast"
DURATION = r"(\d+)\s*(second|minute|hour|day)s?"
DEVICE_NAMES = (
    r"(?:device_?id|device|deviceName|device_name|sensor_?id|sensor|machine_?id|asset_?id|equipment_?id|node_?id|tag)"
)
HUB_TIMES = (
    "enqueuedTime",
    "enqueued_time",
    "timestamp",
    "enqueuedtime",
    "eventhubs_enqueued_time",
    "iothub-enqueuedtime",
)
"""Columns that hold the hub's own time, which is the default."""


@dataclass
class JobSettings:
    """remarks: (offset, words) of what was read and could not be carried, or was chosen among several."""

    sensitivity: int = DEFAULT_SENSITIVITY
    ratio: float | None = None
    topic: str | None = None
    watermark: str = "2 minutes"
    trigger: str = "1 minute"
    every: dict[str, str] = field(default_factory=dict)
    telemetry: dict[str, Any] = field(default_factory=dict)
    hub_source: dict[str, Any] = field(default_factory=dict)
    kafka_source: dict[str, Any] = field(default_factory=dict)
    of_the_service: bool = False
    remarks: list[Remark] = field(default_factory=list)


def settings_of(text: str, *, asks: bool) -> JobSettings:
    """The settings in the code; asks: whether it calls the service."""
    found = JobSettings()
    _of_the_request(text, found, asks)
    _of_time(text, found)
    _of_the_grid(text, found)
    _of_the_source(text, found)
    return found


def _of_the_request(text: str, found: JobSettings, asks: bool) -> None:
    sensitivity = _value(text, r"sensitivity", r"\d{1,3}", found)
    ratio = _value(text, r"max_?anomaly_?ratio", r"0?\.\d+", found)
    found.of_the_service = ratio is not None or (sensitivity is not None and "series" in text)
    if sensitivity is not None:
        found.sensitivity = min(int(sensitivity), 99)
    elif asks:
        found.sensitivity = SERVICE_SENSITIVITY
        found.remarks.append((None, f"gives no sensitivity: the service took {SERVICE_SENSITIVITY}, which is carried"))
    found.ratio = None if ratio is None else float(ratio)
    if found.ratio is not None and not 0 < found.ratio <= 0.49:
        found.remarks.append((None, f"gives a maxAnomalyRatio of {ratio}, outside the service's 0 to 0.49: left out"))
    for name in ("period", "imputeMode", "imputeFixedValue", "alertRatio"):
        words = name if name == "period" else re.sub(r"(?<=[a-z])(?=[A-Z])", "_?", name)
        if (
            at := re.search(rf"[\"'.]{words}[\"']?\s*[:=(]\s*[\w\"'.]+|\b{words}\s*=\s*[\w\"'.]+", text, re.IGNORECASE)
        ) and asks:
            found.remarks.append(
                (at.start(), f"gives {name}: the stream has no such setting, `ad-stream serve` takes it")
            )


def _value(text: str, name: str, shape: str, found: JobSettings) -> str | None:
    """The value given to a parameter, by itself or by a variable; of several that nearest to a call for the last point."""
    values = [(match.start(), match[1]) for match in re.finditer(rf"(?i){name}\W{{1,5}}({shape})\b", text)]
    for match in re.finditer(rf"(?i){name}[\"']?\s*[:=(]\s*([A-Za-z_]\w*)", text):
        values += [(match.start(), given[1]) for given in re.finditer(rf"\b{match[1]}\s*=\s*({shape})\b", text)]
    if not values:
        return None
    calls = [match.start() for match in re.finditer(LAST_POINT, text)]
    chosen = min(values, key=lambda one: min(abs(one[0] - call) for call in calls)) if calls else values[-1]
    if len(different := sorted({value for _, value in values})) > 1:
        which = "that of the call for the last point" if calls else "the last one"
        plain = name.replace("_?", "")
        found.remarks.append(
            (chosen[0], f"gives several values of {plain} ({', '.join(different)}): {chosen[1]} is carried, {which}")
        )
    return chosen[1]


def _of_time(text: str, found: JobSettings) -> None:
    """Watermark, time member and trigger."""
    if match := re.search(
        rf"withWatermark\(\s*[\"'](?:\w+\.)*(\w+)[\"']\s*,\s*[\"']{DURATION}[\"']", text, re.IGNORECASE
    ):
        found.watermark = _whole_minutes(match, found)
        if match[1] not in HUB_TIMES:
            found.telemetry["event_time"] = match[1]
    elif re.search(r"withWatermark\(", text):
        found.remarks.append(
            (text.index("withWatermark("), "has a watermark that is not written as text: set minutes.watermark")
        )
    if re.search(r"(?i)availableNow\s*=\s*True|Trigger\.AvailableNow|trigger\(\s*once\s*=\s*True|Trigger\.Once", text):
        found.trigger = "available_now"
    elif match := re.search(rf"(?i)processing_?time\W{{1,5}}{DURATION}", text):
        found.trigger = _plural(int(match[1]), match[2].lower())


def _whole_minutes(match: re.Match[str], found: JobSettings) -> str:
    seconds = int(match[2]) * SECONDS[match[3].lower()]
    if seconds % 60:
        found.remarks.append((match.start(), f"has a watermark of {seconds} seconds: rounded up to whole minutes"))
    minutes = -(-seconds // 60)
    return _plural(minutes, "minute")


def _plural(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _of_the_grid(text: str, found: JobSettings) -> None:
    """Length of windows, from the job's own windows or the granularity of its requests."""
    granularity = (
        (_value(text, r"granularity", r"(?:\w+\.)*[A-Za-z]+", JobSettings()) or "minutely").split(".")[-1].lower()
    )
    interval = int(_value(text, r"custom_?interval", r"\d+", JobSettings()) or 1)
    unit = {"secondly": 1, "minutely": 60, "perminute": 60, "hourly": 3600, "daily": DAY}.get(granularity)
    if granularity in ("minutely", "perminute", "none") and interval == 1:
        _own_windows(text, found)
        return
    found.remarks.append((None, OTHER_GRID))
    if unit is not None:
        _set_every(unit * interval, found)


def _own_windows(text: str, found: JobSettings) -> None:
    matches = re.findall(rf"(?i)\bwindow\(\s*[^,()]*(?:\([^()]*\))?\s*,\s*[\"']{DURATION}[\"']\s*([,)])", text)
    if matches and matches[0][2] == ")":
        _set_every(int(matches[0][0]) * SECONDS[matches[0][1].lower()], found)


def _set_every(seconds: int, found: JobSettings) -> None:
    if seconds == 60:
        return
    if seconds < 10 or DAY % seconds:
        words = f"has windows of {_plural(seconds, 'second')}: the stream takes 10 seconds to 1 day that make whole days, set minutes.every"
        found.remarks.append((None, words))
        return
    unit, name = max((size, name) for name, size in SECONDS.items() if seconds % size == 0)
    found.every = {"every": _plural(seconds // unit, name)}


def _of_the_source(text: str, found: JobSettings) -> None:
    if match := re.search(r"(?i)consumer_?group[\"']?\s*(?:[\])]\s*=\s*|[,:=(]\s*)[\"']([\w.$-]+)[\"']", text):
        found.hub_source["consumer_group"] = match[1]
    if match := re.search(r"[\"']kafka\.group\.id[\"']\s*,\s*[\"']([\w.-]+)[\"']", text):
        found.kafka_source["options"] = {"kafka.group.id": match[1]}
    if match := re.search(r"[\"']subscribe[\"']\s*,\s*[\"']([\w.-]+)[\"']", text):
        found.topic = match[1]
    start = _start(text)
    if start is not None:
        found.hub_source["start"] = found.kafka_source["start"] = start
    elif at := re.search(r"(?i)starting(offsets|position)s?\b", text):
        found.remarks.append(
            (at.start(), "begins at a place of its own: set source.start (earliest, latest or a time)")
        )
    if match := re.search(r"(?i)max(?:events|offsets)pertrigger[\"']?\W{1,4}(\d+)", text):
        found.hub_source["events_per_trigger"] = found.kafka_source["events_per_trigger"] = int(match[1])
    _device(text, found)


def _start(text: str) -> str | None:
    if match := re.search(r"(?i)starting_?offsets[\"']\s*,\s*[\"'](earliest|latest)[\"']", text):
        return match[1].lower()
    if re.search(
        r"(?i)(startingPosition|EventPosition)[\s\S]{0,200}?(fromStartOfStream|[\"']offset[\"']\s*:\s*[\"']-1[\"'])",
        text,
    ):
        return "earliest"
    if re.search(
        r"(?i)(startingPosition|EventPosition)[\s\S]{0,200}?(fromEndOfStream|[\"']offset[\"']\s*:\s*[\"']@latest[\"'])",
        text,
    ):
        return "latest"
    return None


def _device(text: str, found: JobSettings) -> None:
    """The member of the body that names the device, where the job groups by one or its schema has one."""
    grouped = re.search(rf"(?i)(?:group|partition)By\([\s\S]{{0,200}}?[\"'.](?:\w+\.)?({DEVICE_NAMES})\b", text)
    schema = re.search(rf"(?i)StructField\(\s*[\"']({DEVICE_NAMES})[\"']|[\"',\s]({DEVICE_NAMES})\s+string\b", text)
    match = grouped or schema
    if match is None or "readStream" not in text:
        return
    name = next(group for group in match.groups() if group)
    if name != "deviceId":
        found.telemetry["device_id"] = ["system", name]
