"""Labelled events: what is known to have happened, and whether it was flagged in time.

A file is CSV or Parquet with either one row per event (device, start, end) or one row per minute (device, timestamp,
label), each with `signal` where it matters; or the `_truth.json` of `ad-stream simulate`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.errors import InputError
from ad_stream.evaluation.metrics import points_in_time
from ad_stream.grid import MINUTE, Grid
from ad_stream.simulate.devices.fault import MAINTENANCE
from ad_stream.simulate.devices.truth import TRUTH_FILE, read_truth
from ad_stream.times import moment

if TYPE_CHECKING:
    import pandas as pd

WITHIN = timedelta(minutes=7)
"""An event has to be flagged so soon after its start, or within `points_in_time` windows, and before its end."""


@dataclass(frozen=True)
class LabelledEvent:
    """first and last window (their starts, UTC); signal None: any signal of the device."""

    device_id: str
    signal: str | None
    first: datetime
    last: datetime


def read_labels(path: str | Path, *, start: datetime, end: datetime, grid: Grid = MINUTE) -> list[LabelledEvent]:
    """The events that begin in the windows start <= minute < end; InputError where the file is none or holds none of them."""
    path = Path(path)
    read = _truth(path) if path.suffix == ".json" else _table(path)
    found = [replace(one, first=grid.start(grid.step(one.first)), last=grid.start(grid.step(one.last))) for one in read]
    inside = [one for one in found if start <= one.first < end]
    if not inside:
        raise InputError(
            f"no event of {path.name} begins from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC: see its times"
        )
    return sorted(inside, key=lambda one: (one.device_id, one.first, one.signal or ""))


def found(events: Sequence[LabelledEvent], flagged: pd.DataFrame, grid: Grid = MINUTE) -> list[bool]:
    """Whether each event was flagged in time; flagged: rows (device_id, signal, minute) of windows of that grid."""
    within = max(WITHIN, points_in_time(grid.seconds) * grid.every)
    by_device = {str(device): rows for device, rows in flagged.groupby("device_id")}
    return [_found(event, by_device.get(event.device_id), within) for event in events]


def _found(event: LabelledEvent, rows: pd.DataFrame | None, within: timedelta) -> bool:
    if rows is None:
        return False
    minute = rows["minute"]
    hits = (minute >= event.first) & (minute <= min(event.last, event.first + within))
    if event.signal is not None:
        hits &= rows["signal"] == event.signal
    return bool(hits.any())


def _truth(path: Path) -> Iterable[LabelledEvent]:
    if path.name != TRUTH_FILE:
        raise InputError(
            f"{path.name} is no file of labels: give a CSV, a .parquet or the {TRUTH_FILE} of ad-stream simulate"
        )
    for fault in read_truth(path.parent).faults:
        if fault.kind != MAINTENANCE:
            yield LabelledEvent(
                fault.device_id, None if fault.signal == "all" else fault.signal, fault.start, fault.end
            )


def _table(path: Path) -> Iterable[LabelledEvent]:
    import pandas as pd

    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype={"device": str})
    except (OSError, ValueError) as cause:
        raise InputError(f"the labels {path.name} cannot be read ({cause}): give a CSV or a .parquet") from None
    signal = frame["signal"].astype(object) if "signal" in frame else pd.Series([None] * len(frame), dtype=object)
    signal = signal.where(signal.notna(), None)
    if {"device", "start", "end"} <= set(frame):
        first, last = (_times(frame[name]) for name in ("start", "end"))
        rows = zip(frame["device"].astype(str), signal, first, last, strict=True)
        return [LabelledEvent(device, one, at.to_pydatetime(), to.to_pydatetime()) for device, one, at, to in rows]
    if {"device", "timestamp", "label"} <= set(frame):
        return _runs(frame.assign(signal=signal, minute=_times(frame["timestamp"])))
    raise InputError(f"the labels {path.name} need the columns device, start, end, or device, timestamp, label")


def _runs(frame: pd.DataFrame) -> Iterable[LabelledEvent]:
    """Runs of labelled rows of a series."""
    ordered = frame.sort_values("minute").assign(signal=frame["signal"].fillna(""))
    for (device, signal), rows in ordered.groupby(["device", "signal"]):
        labelled = rows["label"].astype(str).str.strip().str.lower().isin(["1", "1.0", "true"]).to_numpy()
        edges = np.diff(np.r_[0, labelled.astype(np.int8), 0])
        for first, last in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1, strict=True):
            ends = [rows["minute"].iloc[at].to_pydatetime() for at in (first, last)]
            yield LabelledEvent(str(device), str(signal) or None, *ends)


def _times(column: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    texts = column.dtype == object
    times = pd.Series([moment(str(text)) for text in column], index=column.index) if texts else column
    unit = {"unit": "s"} if pd.api.types.is_numeric_dtype(times) else {}
    found: pd.Series[Any] = pd.to_datetime(times, utc=True, **unit)  # type: ignore[call-overload]
    return found
