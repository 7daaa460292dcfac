"""The envelope of the files source: one JSON line per message, as IoT Hub's Event Hubs endpoint would hand it over.

Files are written whole (hidden name, then rename), their names sort in the order of their content, and so do their
modification times: Spark's file source reads in the order of modification time.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.errors import InputError
from ad_stream.grid import DEFAULT

if TYPE_CHECKING:
    from numpy.typing import NDArray

TELEMETRY = "Telemetry"
TWIN_CHANGE = "twinChangeEvents"
HEARTBEAT = "ad-stream-heartbeat"
_ENCODER = json.JSONEncoder(ensure_ascii=False)
_ALREADY_THERE = "{out} already holds messages ({name}): choose an empty folder, so that no sequence number comes twice"


@dataclass(frozen=True)
class Message:
    """One message before the hub numbers it; enqueued in ms since 1970 UTC, partition from 0."""

    enqueued: int
    body: bytes
    device_id: str | None
    message_id: str | None
    partition: int
    source: str = TELEMETRY


WATERMARK = timedelta(minutes=2)
"""Of a run that is told no other."""


def widened(watermark: timedelta, every: timedelta) -> timedelta:
    """The watermark of a run for what counts in minutes here: a window that is longer than a minute stays open longer."""
    return watermark + max(every - DEFAULT, timedelta(0))


def heartbeat(last_enqueued: int, *, watermark: timedelta) -> Message:
    """The message that ends a finite input: it moves the watermark past every open minute and is counted nowhere.

    last_enqueued: the largest enqueued time of the input, ms since 1970 UTC.
    """
    ahead = watermark // timedelta(milliseconds=1) + 61_000
    return Message(last_enqueued + ahead, b"", None, None, partition=0, source=HEARTBEAT)


def iso(milliseconds: Sequence[int] | NDArray[np.int64]) -> list[str]:
    """ms since 1970 UTC -> `2026-11-01T00:00:12.345Z`."""
    times = np.asarray(milliseconds, dtype=np.int64).astype("datetime64[ms]")
    return [f"{text}Z" for text in np.datetime_as_string(times, unit="ms").tolist()]


def epoch_ms(moment: datetime) -> int:
    """ms since 1970 UTC of an aware datetime."""
    return round(moment.timestamp() * 1000)


@dataclass
class EnvelopeWriter:
    """Writes messages in the order given, numbering each partition from 0 without holes.

    clock: seconds since 1970, for the modification times of the files: one second per file from now on.
    """

    out: Path
    clock: Callable[[], float] = time.time
    files: list[Path] = field(default_factory=list)
    _next_sequence: Counter[int] = field(default_factory=Counter)
    _modified: int = 0

    def __post_init__(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        earlier = next(self.out.glob("*.jsonl"), None)
        if earlier is not None:
            raise InputError(_ALREADY_THERE.format(out=self.out, name=earlier.name))
        self._modified = int(self.clock())

    def write(self, messages: Sequence[Message]) -> Path:
        """One file with these messages."""
        enqueued = iso([message.enqueued for message in messages])
        return self.write_lines(self._line(message, at) for message, at in zip(messages, enqueued, strict=True))

    def write_lines(self, lines: Iterable[str]) -> Path:
        """One file with these ready lines, each with its newline."""
        path = self.out / f"messages-{len(self.files):06d}.jsonl"
        unfinished = path.with_name(f".{path.name}.part")
        with unfinished.open("w", encoding="utf-8") as handle:
            handle.writelines(lines)
        os.utime(unfinished, (self._modified, self._modified))
        self._modified += 1
        unfinished.replace(path)
        self.files.append(path)
        return path

    def _line(self, message: Message, enqueued: str) -> str:
        sequence = self._next_sequence[message.partition]
        self._next_sequence[message.partition] += 1
        system: dict[str, str] = {}
        if message.device_id is not None:
            system["iothub-connection-device-id"] = message.device_id
        if message.message_id is not None:
            system["message-id"] = message.message_id
        system["iothub-message-source"] = message.source
        if message.source != HEARTBEAT:
            system["iothub-enqueuedtime"] = enqueued
        line = {
            "body": base64.b64encode(message.body).decode("ascii"),
            "enqueuedTime": enqueued,
            "partition": str(message.partition),
            "sequence": sequence,
            "properties": {},
            "systemProperties": system,
        }
        return _ENCODER.encode(line) + "\n"
