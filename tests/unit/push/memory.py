"""Rows of `detections` in memory."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from ad_stream.push.base import COLUMNS, Row, Which, is_flagged
from ad_stream.push.outbox import Batch, Key
from tests.support.fake_time import START

REST = {
    "score": 1.0, "sr_score": 0.5, "severity": 0.0, "continuing": False, "reason": "normal", "detector": "default",
    "points": 120, "imputed": 0, "slow_score": 0.4, "slow_is_anomaly": False, "slow_reason": "normal", "slow_onset": None,
}  # fmt: skip


def row(number: int = 0, **changes: object) -> dict[str, object]:
    """A scored row: seven devices a minute, every third row an anomaly."""
    made = {
        "device_id": f"device-{number % 7:04d}",
        "signal": "temperature",
        "minute": START + timedelta(minutes=number // 7),
        "value": 21.5 + number,
        "expected": 21.25,
        "upper_margin": 0.5,
        "lower_margin": 0.25,
        "is_anomaly": number % 3 == 0,
        "is_positive": number % 3 == 0,
        "is_negative": False,
        **REST,
        **changes,
    }
    assert set(made) == set(COLUMNS)
    return made


def values(rows: Sequence[Mapping[str, object]]) -> list[object]:
    return [one["value"] for one in rows]


class Memory:
    """Batches of rows, read as the table `detections` is."""

    def __init__(self) -> None:
        self.batches: dict[Batch, list[dict[str, object]]] = {}
        self.longest_page = 0

    def write(self, batch: Batch, rows: Sequence[dict[str, object]]) -> None:
        self.batches[batch] = sorted(rows, key=key)

    def page(self, batch: Batch, which: Which, after: Key | None, one_in: int, limit: int) -> list[Row]:
        found = [one for one in self._wanted(batch, which) if after is None or key(one) > after]
        page = [one for one in found if is_flagged(one) or _nth(one) % one_in == 0][:limit]
        self.longest_page = max(self.longest_page, len(page))
        return list(page)

    def count(self, batch: Batch, which: Which) -> int:
        return len(self._wanted(batch, which))

    def _wanted(self, batch: Batch, which: Which) -> list[dict[str, object]]:
        return [one for one in self.batches[batch] if which == "all" or is_flagged(one)]


def key(one: Mapping[str, object]) -> Key:
    minute = one["minute"]
    assert isinstance(minute, datetime)
    return minute, str(one["device_id"]), str(one["signal"])


def _nth(one: Mapping[str, object]) -> int:
    minute, device, signal = key(one)
    return zlib.crc32(f"{device}/{signal}".encode()) + int(minute.timestamp()) // 60
