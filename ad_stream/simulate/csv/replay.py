"""A person's own CSV in the envelope of the files source, so that it goes down the same path as a stream."""

from __future__ import annotations

import json
import time as system_time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ad_stream.errors import InputError
from ad_stream.grid import DEFAULT, MINUTE, Grid
from ad_stream.simulate.csv.columns import Columns, parse_times, read_columns
from ad_stream.simulate.envelope import EnvelopeWriter, Message, heartbeat, iso

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

INDEX_FILE = "_index.json"
"""The leading underscore hides the file from Spark, which reads the folder it lies in."""
_BODY = '{{"deviceId": {}, "time": "{}", "value": {}}}'
_JSON_NUMBER = r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$"


@dataclass(frozen=True)
class Index:
    """How the windows of an imported file lead back to its own times.

    rows     data rows of the file; devices: their number; columns: role -> name in the file
    rebased  whether point i of a device stands at `start` + i windows; else the times are the file's own
    start    first window of the import, UTC, ISO 8601
    origin   device -> [its first time in ms since 1970 UTC, its step in ms]
    every    seconds of a window
    """

    rows: int
    devices: int
    columns: dict[str, str]
    rebased: bool
    start: str
    origin: dict[str, tuple[int, int]]
    every: int = MINUTE.seconds

    def original(self, device_id: str, minute: datetime) -> datetime:
        """The time in the file that a window of the tables (its start) stands for."""
        if not self.rebased:
            return minute
        first, step = self.origin[device_id]
        ahead = (minute - datetime.fromisoformat(self.start.replace("Z", "+00:00"))) / timedelta(seconds=self.every)
        return datetime.fromtimestamp(0, tz=minute.tzinfo) + timedelta(milliseconds=first + step * round(ahead))


def from_csv(
    csv: Path,
    out: Path,
    *,
    device: str | None = None,
    time: str | None = None,
    value: str | None = None,
    every: timedelta = DEFAULT,
    watermark: timedelta = timedelta(minutes=2),
    partitions: int = 4,
    rows_per_file: int = 250_000,
    progress: Callable[[int, int], None] | None = None,
    clock: Callable[[], float] = system_time.time,
) -> Index:
    """Write the rows of a CSV into `out` (messages-*.jsonl and _index.json), in the order of their times.

    device, time, value: names of the columns; None guesses. Without a device column the file's name is the device.
    Bodies are {"deviceId", "time", "value"}, the value as it stands in the file; what is no number is sent as text.
    every: length of the windows of the run that will read them (`minutes.every`). If it is the step of every device the
    times stay; else point i of a device is moved to start + i windows on the grid of its own median step, so that gaps
    stay gaps. progress gets (rows done, rows in all) per file. Raises InputError for a length that no run takes.
    """
    window_ms = _window_ms(every)
    columns = read_columns(csv, device=device, time=time, value=value)
    names, codes = _devices(columns, csv)
    own = parse_times(columns.time, csv)
    first, step = _grid(codes, own, len(names), window_ms)
    start = int(own.min()) // window_ms * window_ms
    rebased = bool((step != window_ms).any())
    sent = start + window_ms * np.rint((own - first[codes]) / step[codes]).astype(np.int64) if rebased else own
    order = np.argsort(sent, kind="stable")
    values = _as_json(columns)
    quoted = [json.dumps(name, ensure_ascii=False) for name in names]
    writer = EnvelopeWriter(out, clock=clock)
    for begin in range(0, len(order), rows_per_file):
        rows = order[begin : begin + rows_per_file]
        parts = zip(
            sent[rows].tolist(), iso(sent[rows]), codes[rows].tolist(), values.take(rows).to_pylist(), strict=True
        )
        messages = [
            Message(at, _BODY.format(quoted[code], when, text).encode(), names[code], None, code % partitions)
            for at, when, code, text in parts
        ]
        if begin + rows_per_file >= len(order):
            messages.append(heartbeat(messages[-1].enqueued, watermark=watermark + max(every - DEFAULT, timedelta(0))))
        writer.write(messages)
        if progress is not None:
            progress(begin + len(rows), len(order))
    origin = dict(zip(names, zip(first.tolist(), step.tolist(), strict=True), strict=True))
    index = Index(len(order), len(names), columns.names, rebased, iso([start])[0], origin, window_ms // 1000)
    (out / INDEX_FILE).write_text(json.dumps(asdict(index), ensure_ascii=False) + "\n", encoding="utf-8")
    return index


def read_index(folder: Path) -> Index:
    """The index of a folder that `from_csv` wrote."""
    path = folder / INDEX_FILE
    if not path.exists():
        raise InputError(f"{folder} has no {INDEX_FILE}: give a folder that a CSV was imported into")
    raw = json.loads(path.read_text(encoding="utf-8"))
    return Index(**{**raw, "origin": {name: tuple(pair) for name, pair in raw["origin"].items()}})


def _devices(columns: Columns, csv: Path) -> tuple[list[str], Ints]:
    """Names, and for each row the number of its device."""
    if columns.device is None:
        return [csv.stem], np.zeros(len(columns.time), np.int64)
    encoded = columns.device.dictionary_encode()
    return encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)


def _window_ms(every: timedelta) -> int:
    try:
        return Grid.of(every).seconds * 1000
    except ValueError as error:
        raise InputError(str(error)) from None


def _grid(codes: Ints, own: Ints, devices: int, window_ms: int) -> tuple[Ints, Ints]:
    """First time and step of each device, ms; a device with one time takes the median step of the others."""
    table = pd.DataFrame({"code": codes, "own": own}).drop_duplicates().sort_values(["code", "own"])
    gaps = table.groupby("code")["own"].diff()
    step = gaps.groupby(table["code"]).median().reindex(range(devices))
    step = step.fillna(step.median() if step.notna().any() else window_ms)
    first = table.groupby("code")["own"].min().reindex(range(devices))
    near_a_window = (step - window_ms).abs() <= window_ms / 100
    return first.to_numpy(np.int64), step.where(~near_a_window, window_ms).clip(lower=1).round().to_numpy(np.int64)


def _as_json(columns: Columns) -> pa.Array:
    """The values as JSON: numbers as they stand in the file, all else as text."""
    text = pc.utf8_trim_whitespace(columns.value)
    no_number = pc.invert(pc.match_substring_regex(text, _JSON_NUMBER))
    quoted = [json.dumps(one, ensure_ascii=False) for one in text.filter(no_number).to_pylist()]
    return pc.replace_with_mask(text, no_number, pa.array(quoted, pa.string()))
