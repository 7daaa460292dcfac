"""The section `telemetry`: how a body becomes readings."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, field_validator, model_validator

from ad_stream.durations import Duration
from ad_stream.settings import Section


def _parse_signals(value: object) -> object:
    names = [name for name in value if isinstance(name, str) and name] if isinstance(value, list) else []
    if value != "auto" and (not names or list(dict.fromkeys(names)) != value):
        raise ValueError("write auto, or a list of different names such as [temperature, humidity]")
    return value


def _parse_records(value: object) -> object:
    if value is False:  # YAML's off
        return "off"
    if value in ("refuse", "auto", "off", "senml"):
        return value
    if (
        isinstance(value, dict)
        and set(value) == {"name", "value"}
        and all(isinstance(v, str) and v for v in value.values())
    ):
        return value
    raise ValueError(
        "write refuse, auto, off, senml, or the members that hold name and value, such as {name: id, value: v}"
    )


class Telemetry(Section):
    """How a body becomes readings (docs/payloads.md has a section for each common form).

    signals: `auto` (every numeric member) or the declared names or paths (faster), such as temperature,
    state.reported.temperature, values[].v. elements: path of the list in the body whose items are the readings; members around it
    count for each item. records: items that hold the name of a signal in one member and its value in another: {name: id, value: v},
    senml (RFC 8428), auto: SenML, OPC UA, and arrays that repeat a value under several names; refuse: with `auto` such items are
    quarantined as `no_signal`, because as members they would be one series; off: they are members like others.
    nested: levels of objects that `auto` follows, each number under its path, 0: top-level members only. text: what becomes of a
    word among the members with `auto`: attribute: left out, its name told once; quarantine: a row of it for each element. What looks
    like a number that failed is quarantined in any case. `ad-stream infer SAMPLE` proposes these settings.
    switches: members whose true and false, on and off, open and closed are 1 and 0.
    event_time: `enqueued`, or the name of the body's own time member (then least(body time, enqueued time)). time_zone: of times
    that name none, such as Europe/Berlin. time_unit: of numeric times. day_first: how 03/02/2026 is meant.
    compressed: auto: bodies that begin like gzip or zlib are unpacked; true: deflate without zlib's header, too (each body goes through
    Python, which costs); false: none.
    max_body: bytes; a longer body goes to quarantine as `too_large`. keep_body: bytes of a bad body that are kept.
    max_elements of an array body, max_members of an element (with `auto`), max_depth of brackets in each other, max_name:
    characters of the name of a device or signal. Beyond them: quarantine as `too_many_elements`, `too_many_members`,
    `too_deep`, `name_too_long`.
    max_ahead: how far the hub's clock may be ahead of this machine's, null: any (docs/decisions/hostile-messages.md).
    max_signals_per_device, max_new_series: how many signals of a device, and how many series (device and signal) that were
    never seen before in an hour of telemetry, are taken on; windows beyond are left out and counted (docs/limits.md).
    """

    signals: Annotated[Literal["auto"] | list[str], BeforeValidator(_parse_signals)] = "auto"
    elements: str | None = Field(default=None, min_length=1)
    records: Annotated[Literal["refuse", "auto", "off", "senml"] | dict[str, str], BeforeValidator(_parse_records)] = (
        "refuse"
    )
    nested: int = Field(default=3, ge=0, le=8)
    text: Literal["quarantine", "attribute"] = "attribute"
    switches: list[str] = Field(default=[])
    ignore: list[str] = Field(default=[])
    device_id: list[str] = Field(default=["system", "deviceId"], min_length=1)
    event_time: str = "enqueued"
    time_zone: str | None = None
    time_unit: Literal["auto", "s", "ms", "us", "ns"] = "auto"
    day_first: bool | None = None
    max_future: Duration = timedelta(minutes=5)
    compressed: Literal["auto"] | bool = "auto"
    max_body: int = Field(default=262_144, ge=1)
    keep_body: int = Field(default=1024, ge=0, le=65_536)
    max_elements: int = Field(default=5_000, ge=1, le=100_000)
    max_members: int = Field(default=1_000, ge=1, le=100_000)
    max_depth: int = Field(default=32, ge=2, le=500)
    max_name: int = Field(default=256, ge=8, le=4_096)
    max_ahead: Duration | None = timedelta(hours=1)
    max_signals_per_device: int = Field(default=2_000, ge=1, le=1_000_000)
    max_new_series: int = Field(default=200_000, ge=1, le=100_000_000)

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        try:
            return None if value is None else ZoneInfo(value).key
        except (KeyError, ValueError, OSError):
            raise ValueError("write a time zone such as Europe/Berlin, America/New_York or UTC") from None

    @model_validator(mode="after")
    def _one_list(self) -> Telemetry:
        lists = {path.rpartition("[]")[0] for path in self.paths if "[]" in path}
        lists |= {self.elements} if self.elements else set()
        if len(lists) > 1 or any("[]" in one for one in lists):
            raise ValueError(f"only one list of a body can be read, and these paths name {', '.join(sorted(lists))}")
        return self

    @property
    def paths(self) -> list[str]:
        """All members that the settings name: devices, time, and signals or record."""
        signals = [] if self.signals == "auto" else self.signals
        times = [] if self.event_time == "enqueued" else [self.event_time]
        record = list(self.records.values()) if isinstance(self.records, dict) else []
        return [*(name for name in self.device_id if name != "system"), *times, *signals, *record]

    @property
    def list_path(self) -> str | None:
        """The list whose items are the elements; None: the body itself, or its array."""
        return self.elements or next((path.rpartition("[]")[0] for path in self.paths if "[]" in path), None)

    def local(self, path: str) -> str:
        """A path as its element knows it: behind the list that the elements are items of."""
        return path.rpartition("[]")[2].lstrip(".") if "[]" in path else path

    @property
    def by_paths(self) -> bool:
        """Whether any setting reaches deeper than the top-level members of an element."""
        records = self.records not in ("refuse", "auto", "off")
        return records or self.list_path is not None or any("." in path for path in self.paths)
