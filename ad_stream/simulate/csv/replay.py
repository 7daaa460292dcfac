"""A person's own file in the envelope of the files source, so that it goes down the same path as a stream."""

from __future__ import annotations

import json
import re
import time as system_time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.errors import InputError
from ad_stream.grid import DEFAULT, MINUTE, Grid
from ad_stream.readings import Readings, ReadOptions, read
from ad_stream.readings.cadence import Cadence, at_place, cadence_of
from ad_stream.readings.model import VALUE
from ad_stream.simulate.envelope import WATERMARK, EnvelopeWriter, Message, heartbeat, iso, widened

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

INDEX_FILE = "_index.json"
"""The leading underscore hides the file from Spark, which reads the folder it lies in."""
_TUPLES = {"signals", "understood"}
_BODY = '{{"deviceId": {}, "time": "{}", {}: {}}}'
_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Index:
    """How the windows of an imported file lead back to its own times.

    rows     data rows of the file; devices: their number; columns: role -> name in the file
    rebased  whether point i of a device stands at `start` + i windows; else the times are the file's own
    start    first window of the import, UTC, ISO 8601
    origin   device -> [its first time in ms since 1970 UTC, its step in ms]
    every    seconds of a window
    months   device -> its step in calendar months, where it is one
    signals  the members of the bodies that hold values
    understood  (what, how) of the file, for a person
    """

    rows: int
    devices: int
    columns: dict[str, str]
    rebased: bool
    start: str
    origin: dict[str, tuple[int, int]]
    every: int = MINUTE.seconds
    months: dict[str, int] = field(default_factory=dict)
    signals: tuple[str, ...] = (VALUE,)
    understood: tuple[tuple[str, str], ...] = ()

    def original(self, device_id: str, minute: datetime) -> datetime:
        """The time in the file that a window of the tables (its start) stands for."""
        if not self.rebased:
            return minute
        first, step = self.origin[device_id]
        ahead = (minute - datetime.fromisoformat(self.start.replace("Z", "+00:00"))) / timedelta(seconds=self.every)
        return at_place(first, step, self.months.get(device_id, 0), round(ahead)).astimezone(minute.tzinfo)


def from_csv(
    csv: Path,
    out: Path,
    *,
    read_options: ReadOptions | None = None,
    every: timedelta = DEFAULT,
    watermark: timedelta = WATERMARK,
    partitions: int = 4,
    rows_per_file: int = 250_000,
    progress: Callable[[int, int], None] | None = None,
    clock: Callable[[], float] = system_time.time,
) -> Index:
    """Write the readings of a file into `out` (messages-*.jsonl and _index.json), in the order of their times.

    read_options: what is said of the file, `readings.read` finds out the rest. Bodies are {"deviceId", "time", signal}, the value
    as it stands in the file; what is no number is sent as text. every: length of the windows of the run that will read them
    (`minutes.every`). If it is the step of every device the times stay; else point i of a device is moved to start + i
    windows on the grid of its own median step, so that gaps stay gaps. progress gets (readings done, readings in all) per
    file. Raises InputError for a length that no run takes.
    """
    window_ms = _window_ms(every)
    readings = read(csv, read_options)
    cadence = _near(cadence_of(readings.device, readings.ms, len(readings.devices), window_ms), window_ms)
    index = _index(readings, cadence, window_ms)
    sent = placed(readings, cadence, window_ms)
    order = np.argsort(sent, kind="stable")
    writer = EnvelopeWriter(out, clock=clock)
    for begin in range(0, len(order), rows_per_file):
        rows = order[begin : begin + rows_per_file]
        messages = _messages(readings, sent, rows, partitions)
        if begin + rows_per_file >= len(order):
            messages.append(heartbeat(messages[-1].enqueued, watermark=widened(watermark, every)))
        writer.write(messages)
        if progress is not None:
            progress(begin + len(rows), len(order))
    (out / INDEX_FILE).write_text(json.dumps(asdict(index), ensure_ascii=False) + "\n", encoding="utf-8")
    return index


def index_of(readings: Readings, every: timedelta = DEFAULT) -> tuple[Index, Ints]:
    """How windows lead back to the readings' own times, and (n,) where `from_csv` puts each reading, ms since 1970 UTC."""
    window_ms = _window_ms(every)
    cadence = _near(cadence_of(readings.device, readings.ms, len(readings.devices), window_ms), window_ms)
    return _index(readings, cadence, window_ms), placed(readings, cadence, window_ms)


def placed(readings: Readings, cadence: Cadence, window_ms: int) -> Ints:
    """(n,) where each reading goes, ms since 1970 UTC."""
    if not _rebased(cadence, window_ms):
        return readings.ms
    return _start(readings, window_ms) + window_ms * cadence.places(readings.device, readings.ms)


def _messages(readings: Readings, sent: Ints, rows: Ints, partitions: int) -> list[Message]:
    names, signals = (
        [json.dumps(name, ensure_ascii=False) for name in many] for many in (readings.devices, readings.signals)
    )
    parts = zip(
        sent[rows].tolist(), iso(sent[rows]), readings.device[rows].tolist(), readings.signal[rows].tolist(),
        _as_json(readings, rows), strict=True,
    )  # fmt: skip
    return [
        Message(
            at,
            _BODY.format(names[code], when, signals[signal], text).encode(),
            readings.devices[code],
            None,
            code % partitions,
        )
        for at, when, code, signal, text in parts
    ]


def _index(readings: Readings, cadence: Cadence, window_ms: int) -> Index:
    origin = zip(cadence.first.tolist(), cadence.step.tolist(), strict=True)
    return Index(
        rows=readings.rows,
        devices=len(readings.devices),
        columns=readings.columns,
        rebased=_rebased(cadence, window_ms),
        start=iso([_start(readings, window_ms)])[0],
        origin=dict(zip(readings.devices, origin, strict=True)),
        every=window_ms // 1000,
        months={name: int(many) for name, many in zip(readings.devices, cadence.months, strict=True) if many},
        signals=tuple(readings.signals),
        understood=tuple(readings.understood),
    )


def _start(readings: Readings, window_ms: int) -> int:
    return int(readings.ms.min()) // window_ms * window_ms


def _rebased(cadence: Cadence, window_ms: int) -> bool:
    return bool((cadence.step != window_ms).any())


def _near(cadence: Cadence, window_ms: int) -> Cadence:
    """A step within a hundredth of the window is the window."""
    near = np.abs(cadence.step - window_ms) <= window_ms / 100
    return replace(cadence, step=np.where(near, window_ms, cadence.step))


def read_index(folder: Path) -> Index:
    """The index of a folder that `from_csv` wrote."""
    path = folder / INDEX_FILE
    if not path.exists():
        raise InputError(f"{folder} has no {INDEX_FILE}: give a folder that a CSV was imported into")
    raw = json.loads(path.read_text(encoding="utf-8"))
    listed = {
        key: tuple(map(tuple, raw[key])) if key == "understood" else tuple(raw[key]) for key in _TUPLES & raw.keys()
    }
    return Index(**{**raw, **listed, "origin": {name: tuple(pair) for name, pair in raw["origin"].items()}})


def _window_ms(every: timedelta) -> int:
    try:
        return Grid.of(every).seconds * 1000
    except ValueError as error:
        raise InputError(str(error)) from None


def _as_json(readings: Readings, rows: Ints) -> list[str]:
    """The values as JSON: numbers as they stand in the file where that is JSON, those of another form as numbers, all else
    as text."""
    out = []
    for text, value in zip(readings.text[rows].tolist(), readings.value[rows].tolist(), strict=True):
        cell = text.strip()
        if _JSON_NUMBER.fullmatch(cell):
            out.append(cell if value != value or float(cell) == value else repr(value))
        else:
            out.append(json.dumps(cell, ensure_ascii=False) if value != value or _is_plain(cell) else repr(value))
    return out


def _is_plain(cell: str) -> bool:
    """Whether the stream reads this text as a number, too: '07', '.5'."""
    try:
        return cell.isascii() and float(cell) == float(cell) and "_" not in cell
    except ValueError:
        return False
