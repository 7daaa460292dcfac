"""Verdicts of a simulated fleet, as the stream would give them, without Spark: for benchmarks."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np

from ad_stream.detectors import by_name
from ad_stream.scoring.slow import slow_columns
from ad_stream.scoring.windows import judge_both
from ad_stream.simulate import Fault
from ad_stream.simulate.devices.fault import ALL_SIGNALS, MAINTENANCE
from ad_stream.simulate.devices.fleet import SIGNALS
from ad_stream.simulate.devices.readings import Series

START = datetime(2026, 11, 1, tzinfo=timezone.utc)
ANNOUNCED = 15
"""Minutes before and after it that work is announced for."""
NUMBERS = ("value", "expected", "lower_margin", "upper_margin", "severity")
Arrays = dict[str, np.ndarray[Any, Any]]


def values(series: Series, minutes: int) -> np.ndarray[Any, Any]:
    """(devices * signals, minutes): the largest message of each minute, NaN where there is none."""
    parts = []
    for first in range(0, minutes, 240):
        block = series.block(first, min(first + 240, minutes))
        gone = block.silent[:, :, None] | block.missing
        parts.append(np.where(gone, np.nan, block.values.max(axis=2)))
    whole = np.concatenate(parts, axis=1)  # (devices, t, signals)
    return np.moveaxis(whole, 2, 1).reshape(-1, minutes)


def verdicts(matrix: np.ndarray[Any, Any], kept: Path | None) -> Arrays:
    """(series, t) each: `there`, the columns of a verdict, `flag` of either verdict, and the reason of the one that flags."""
    if kept is not None and kept.exists():
        with np.load(kept, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    there = ~np.isnan(matrix)
    row, column, verdict, slow = judge_both(matrix, there, by_name("default"), step=timedelta(minutes=1), slow=True)
    slowly = slow_columns(slow, len(row))
    flag = verdict.is_anomaly | slowly["slow_is_anomaly"]
    reason = np.where(slowly["slow_is_anomaly"] & ~verdict.is_anomaly, slowly["slow_reason"], verdict.reason)
    out: Arrays = {"there": there, "value": matrix}
    for name, one in (*((name, getattr(verdict, name)) for name in NUMBERS[1:]), ("flag", flag), ("reason", reason)):
        out[name] = np.zeros(matrix.shape, dtype=one.dtype if one.dtype != object else "U16")
        out[name][row, column] = one
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(kept, **out)  # type: ignore[arg-type]
    return out


def mute(judged: Arrays, series: Series) -> None:
    """Announced work takes its flags back, as scoring does with a mute of `series_config`."""
    judged["muted"] = np.zeros_like(judged["flag"])
    for fault in series.faults:
        if fault.kind == MAINTENANCE:
            for row in rows_of(fault, series):
                first, stop = fault.span(START)
                judged["muted"][row, first - ANNOUNCED : stop + ANNOUNCED] = True
    judged["flag"] = judged["flag"] & ~judged["muted"]
    judged["severity"] = np.where(judged["muted"], 0.0, judged["severity"])


def rows_of(fault: Fault, series: Series) -> list[int]:
    """The rows of the matrix that a fault touches."""
    device = series.fleet.device_ids.index(fault.device_id) * len(SIGNALS)
    return [device + at for at, name in enumerate(SIGNALS) if fault.signal in (ALL_SIGNALS, name)]
