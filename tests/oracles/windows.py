"""Readings to windows to verdicts, slow and obvious: pandas resamples, and each window is judged alone from its past."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from ad_stream.detectors.base import Detector
from ad_stream.model import LastPoint, Windows

SERIES = ["device_id", "signal"]


def windows(readings: pd.DataFrame, every: timedelta) -> pd.DataFrame:
    """device_id, signal, time (UTC), value -> device_id, signal, minute, value (their maximum), n, min, max, mean."""
    rows = []
    for (device, signal), one in readings.groupby(SERIES):
        parts = one.set_index("time")["value"].resample(every, origin="epoch")
        for start, values in parts:
            if len(values):
                rows.append(
                    (device, signal, start, values.max(), len(values), values.min(), values.max(), values.mean())
                )
    return pd.DataFrame(rows, columns=[*SERIES, "minute", "value", "n", "min", "max", "mean"])


def verdicts(judged: pd.DataFrame, every: timedelta, detector: Detector, refractory: timedelta) -> pd.DataFrame:
    """Rows of `windows` -> device_id, signal, minute, value, the fields of LastPoint, continuing."""
    rows: list[dict[str, Any]] = []
    for (device, signal), one in judged.groupby(SERIES):
        value_at = dict(zip(one["minute"], one["value"], strict=True))
        flagged: pd.Timestamp | None = None
        for start in sorted(value_at):
            times = [start - number * every for number in reversed(range(detector.points))]
            history = np.array([[value_at.get(time, np.nan) for time in times]])
            end = np.array([start.tz_convert(None)], dtype="datetime64[s]")
            verdict = detector.detect_last(Windows(history, end=end, step=every))
            row = {name: getattr(verdict, name)[0] for name in LastPoint.columns()}
            near = flagged is not None and start - flagged <= refractory
            rows.append(
                {"device_id": device, "signal": signal, "minute": start, "value": value_at[start], **row,
                 "continuing": bool(row["is_anomaly"]) and near}
            )  # fmt: skip
            flagged = start if row["is_anomaly"] else flagged
    return pd.DataFrame(rows)
