"""Bad and odd traffic, in small numbers, beside the regular messages.

Whatever is readable in it repeats what the device really measured in that minute, and it keeps away from the faults,
so that it changes no verdict. What becomes of each kind, read over the device's clock (`event_time: time`), is said
in REASON; array, text_number and duplicate cost nothing, late ones go to `late`, twin changes are counted.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.simulate.devices.fleet import MINUTES_PER_DAY, SIGNALS
from ad_stream.simulate.devices.messages import encode, message_id, payload
from ad_stream.simulate.devices.readings import Series
from ad_stream.simulate.envelope import TWIN_CHANGE, Message, iso

if TYPE_CHECKING:
    from ad_stream.model import Bools

PER_50_DEVICES_AND_DAY = 3
REASON = {
    "malformed": "malformed",
    "empty": "empty",
    "huge": "too_large",
    "not_utf8": "not_utf8",
    "text_value": "not_a_number",
    "nan": "not_a_number",
    "array_with_text": "not_a_number",
    "bad_time": "bad_time",
    "future_clock": "future_time",
    "no_signal": "no_signal",
    "no_device": "no_device",
}
"""Kind of bad traffic -> reason in the table `quarantine`, one row per message."""
_HUGE_BYTES = 300 * 1024
_YEAR_MS = 365 * 86_400_000
_LATE_BEYOND_WATERMARK = (8, 38)
_TRIES = 2_000


@dataclass(frozen=True)
class Spot:
    """A device and a minute in which an odd message is sent; `turn` counts the messages of the same kind."""

    series: Series
    device: int
    minute: int
    number: int
    turn: int
    partitions: int
    watermark_minutes: int

    def reading(self, *, minutes_ago: int = 0, message: int = -1) -> dict[str, object]:
        """What the device sent in a minute, under a message number of its own."""
        block = self.series.block(self.minute - minutes_ago, self.minute - minutes_ago + 1)
        values = block.values[self.device, 0, message].tolist()
        return payload(self.device_id, self.number, values, iso([block.sent[self.device, 0, message]])[0])

    @property
    def device_id(self) -> str:
        """The device's id."""
        return self.series.fleet.device_ids[self.device]

    def message(self, body: bytes, *, message: int = -1, after_ms: int = 0) -> Message:
        """The body, enqueued with one of the minute's regular messages or some ms after it."""
        block = self.series.block(self.minute, self.minute + 1)
        enqueued = int(block.enqueued[self.device, 0, message]) + after_ms
        return Message(
            enqueued, body, self.device_id, message_id(self.device_id, self.number), self.device % self.partitions
        )


def _malformed(spot: Spot) -> Message:
    whole = encode(spot.reading())
    return spot.message(whole[: len(whole) // 2] if spot.turn % 2 == 0 else whole + whole)


def _with_member(name: str, value: object) -> Callable[[Spot], Message]:
    return lambda spot: spot.message(encode({**spot.reading(), name: value}))


def _with_signal(value: object) -> Callable[[Spot], Message]:
    return lambda spot: spot.message(encode({**spot.reading(), SIGNALS[spot.turn % len(SIGNALS)]: value}))


def _not_utf8(spot: Spot) -> Message:
    return spot.message(encode({**spot.reading(), "place": "?"}).replace(b"?", b"\xff\xfe"))


def _text_number(spot: Spot) -> Message:
    reading = spot.reading()
    return spot.message(encode({**reading, **{signal: str(reading[signal]) for signal in SIGNALS}}))


def _no_signal(spot: Spot) -> Message:
    return spot.message(encode({name: value for name, value in spot.reading().items() if name not in SIGNALS}))


def _no_device(spot: Spot) -> Message:
    body = encode({name: value for name, value in spot.reading().items() if name != "deviceId"})
    return replace(spot.message(body), device_id=None)


def _array(spot: Spot, *, text_at: int | None = None) -> Message:
    rows = [spot.reading(message=row % spot.series.messages_per_minute) for row in range(2 + spot.turn % 4)]
    if text_at is not None:
        rows[text_at][SIGNALS[spot.turn % len(SIGNALS)]] = "n/a"
    return spot.message(encode(rows))


def _future_clock(spot: Spot) -> Message:
    block = spot.series.block(spot.minute, spot.minute + 1)
    ahead = iso([int(block.sent[spot.device, 0, -1]) + _YEAR_MS])[0]
    return spot.message(encode({**spot.reading(), "time": ahead}))


def _duplicate(spot: Spot) -> Message:
    # The minute's first message again, so that with two messages a minute or more it stays within the minute.
    number = spot.minute * spot.series.messages_per_minute + 1
    original = replace(spot, number=number)
    return original.message(encode(original.reading(message=0)), message=0, after_ms=1_000 + 1_000 * (spot.turn % 4))


def _late(spot: Spot) -> Message:
    least, most = _LATE_BEYOND_WATERMARK
    ago = spot.watermark_minutes + least + (spot.turn * 7) % (most - least + 1)
    return spot.message(encode(spot.reading(minutes_ago=ago)))


def _twin_change(spot: Spot) -> Message:
    body = encode({"version": spot.number, "properties": {"reported": {"intervalSeconds": 20}}})
    return replace(spot.message(body), source=TWIN_CHANGE)


KINDS: dict[str, Callable[[Spot], Message]] = {
    "malformed": _malformed,
    "empty": lambda spot: spot.message(b""),
    "huge": _with_member("log", "x" * _HUGE_BYTES),
    "not_utf8": _not_utf8,
    "array": _array,
    "array_with_text": lambda spot: _array(spot, text_at=1),
    "text_number": _text_number,
    "text_value": _with_signal("n/a"),
    "nan": _with_signal(math.nan),
    "bad_time": _with_member("time", "yesterday"),
    "future_clock": _future_clock,
    "no_signal": _no_signal,
    "no_device": _no_device,
    "duplicate": _duplicate,
    "late": _late,
    "twin_change": _twin_change,
}


def bad_traffic(
    series: Series, *, minutes: int, watermark: timedelta, partitions: int
) -> tuple[list[Message], dict[str, int]]:
    """The odd messages of a run, and how many there are of each kind; scaled with the fleet and the length."""
    rng = np.random.default_rng([series.fleet.seed, 3])
    share = len(series.fleet.device_ids) / 50 * minutes / MINUTES_PER_DAY
    whole_watermark = math.ceil(watermark / timedelta(minutes=1))
    oldest = whole_watermark + _LATE_BEYOND_WATERMARK[1]
    free = _quiet(series, minutes, distance=oldest + 1)
    number = minutes * series.messages_per_minute
    found: list[Message] = []
    counts: Counter[str] = Counter()
    for kind, make in KINDS.items():
        for turn in range(max(1, round(PER_50_DEVICES_AND_DAY * share))):
            place = _take(free, rng, earliest=oldest if kind == "late" else 0)
            if place is not None:
                number += 1
                found.append(make(Spot(series, *place, number, turn, partitions, whole_watermark)))
                counts[kind] += 1
    return found, dict(counts)


def _take(free: Bools, rng: np.random.Generator, *, earliest: int) -> tuple[int, int] | None:
    """A free device and minute at random, no longer free then; None when there is hardly any left."""
    devices, minutes = free.shape
    for _ in range(_TRIES if earliest < minutes else 0):
        device, minute = int(rng.integers(devices)), int(rng.integers(earliest, minutes))
        if free[device, minute]:
            free[device, minute] = False
            return device, minute
    return None


def expected(counts: dict[str, int]) -> dict[str, object]:
    """What a run over the device's clock must count: rows of `quarantine`, rows of `late`, and the rest in messages."""
    quarantined: Counter[str] = Counter()
    for kind, reason in REASON.items():
        if counts.get(kind):
            quarantined[reason] += counts[kind]
    return {
        "quarantined": dict(quarantined),
        "late": counts.get("late", 0) * len(SIGNALS),
        "duplicates": counts.get("duplicate", 0),
        "non_telemetry": counts.get("twin_change", 0),
    }


def _quiet(series: Series, minutes: int, *, distance: int) -> Bools:
    """(devices, minutes) where no fault begins, ends or passes within `distance` minutes."""
    free = np.ones((len(series.fleet.device_ids), minutes), bool)
    for fault in series.faults:
        first, stop = fault.span(series.start)
        free[series.fleet.device_ids.index(fault.device_id), max(0, first - distance) : stop + distance] = False
    return free
