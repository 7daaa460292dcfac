"""Counters and states one reading after the other, with pandas, as docs/detectors.md says it."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pandas as pd


def rate(readings: pd.Series) -> pd.Series:
    """Readings by their column -> what each rose by per column; a fall begins anew from 0; the first has none."""
    before, columns = readings.shift(), readings.index.to_series().diff()
    rise = (readings - before).where(readings >= before, readings)
    return (rise / columns).where(before.notna())


def stays(window: np.ndarray, *, max_gap: int, cadence: float = 1.0) -> list[dict[str, object]]:
    """(n,), NaN = no reading -> its stays in order: state, first column, length, whether it has a beginning and an end."""
    found: list[dict[str, object]] = []
    last = None
    for column, value in enumerate(window):
        if math.isnan(value):
            continue
        gap = last is not None and column - last > (max_gap + 1) * cadence
        changed = bool(found) and value != found[-1]["state"]
        if not found or changed or gap:
            if found:
                found[-1]["length"] = column - found[-1]["first"]  # type: ignore[operator]
                found[-1]["ended"] = changed
            found.append({"state": value, "first": column, "began": changed, "ended": False})
        last = column
    found[-1]["length"] = len(window) - found[-1]["first"]  # type: ignore[operator]
    return found


def state_reason(window: np.ndarray, *, max_gap: int, cadence: float = 1.0) -> tuple[str, float]:
    """The reason at sensitivity 95, and the score (NaN: none)."""
    *earlier, now = stays(window, max_gap=max_gap, cadence=cadence)
    whole = [one for one in earlier if one["began"] and one["ended"]]
    same = [one["length"] for one in whole if one["state"] == now["state"]]
    ratio = now["length"] / max(same, default=1)  # type: ignore[operator, type-var]
    fresh = now["began"] and now["length"] == 1
    if fresh and all(one["state"] != now["state"] for one in earlier) and len(whole) >= 6:
        return "state_new", max(ratio, 2.0)
    if fresh and earlier and earlier[-1]["began"]:
        left = earlier[-1]
        others = [one["length"] for one in whole if one["state"] == left["state"] and one is not left]
        if len(others) >= 8 and 2 * left["length"] < min(others):  # type: ignore[operator, type-var]
            return "state_short", max(ratio, 2.0)
    if len(same) < 3:
        return "state_few", math.nan
    return ("state_long" if ratio > 1.5 else "state_normal"), ratio


def looks_like_counter(readings: list[float]) -> bool:
    """See `ad_stream.detectors.kernels.kinds`."""
    steps = [after - before for before, after in pairwise(readings)]
    falls = [after <= 0.1 * before for before, after in pairwise(readings) if after < before]
    rises = sum(step > 0 for step in steps)
    bends = sum(abs(b - a) > 1e-9 * max(a, b) for a, b in pairwise(steps))
    enough = len(readings) >= 60 and rises >= len(readings) / 3 and bends >= len(readings) / 6
    return enough and min(readings) >= 0 and all(falls) and 20 * len(falls) <= rises
