"""What the fold is given of one window: rows of `detections` and the settings that hold for them, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Objects = NDArray[np.object_]

MEASURES = ("value", "expected", "lower_margin", "upper_margin", "severity")
"""Columns of `detections` with the numbers that the fold takes."""


@dataclass(frozen=True)
class WindowRows:
    """What one window says of k series, each field (k,): rows of `detections` and the settings that hold for them.

    floor: half width that the frozen band has at least; muted: the series is muted at this window.
    """

    device: Objects
    signal: Objects
    value: Floats
    expected: Floats
    lower_margin: Floats
    upper_margin: Floats
    severity: Floats
    flagged: Bools
    muted: Bools
    floor: Floats
    reason: Objects

    def where(self, chosen: Any) -> WindowRows:
        """Some of the rows."""
        return WindowRows(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def __len__(self) -> int:
        return len(self.device)


def rows_of(rows: Sequence[Any]) -> WindowRows:
    """Rows of `detections` of one window, by the names of their columns; nothing is muted and no floor set yet."""

    def numbers(name: str) -> Floats:
        return np.array([np.nan if row[name] is None else row[name] for row in rows], dtype=np.float64)

    def texts(name: str) -> Objects:
        out = np.empty(len(rows), dtype=object)
        out[:] = ["" if row[name] is None else row[name] for row in rows]
        return out

    return WindowRows(
        texts("device_id"), texts("signal"), numbers("value"), numbers("expected"), numbers("lower_margin"),
        numbers("upper_margin"), np.nan_to_num(numbers("severity")),
        np.array([bool(row["is_anomaly"]) for row in rows], dtype=np.bool_), np.zeros(len(rows), dtype=np.bool_),
        np.zeros(len(rows)), texts("reason"),
    )  # fmt: skip


def rows_of_frame(rows: pd.DataFrame, muted: Bools, floor: Floats) -> WindowRows:
    """Rows of `detections` of any windows as a frame, and what holds for each of them."""
    device, signal, reason = (
        rows[name].fillna("").to_numpy(dtype=object) for name in ("device_id", "signal", "reason")
    )
    measures = {name: rows[name].to_numpy(dtype=np.float64) for name in MEASURES}
    return WindowRows(
        device, signal, measures["value"], measures["expected"], measures["lower_margin"], measures["upper_margin"],
        np.nan_to_num(measures["severity"]), rows["is_anomaly"].eq(True).to_numpy(dtype=np.bool_), muted, floor, reason,
    )  # fmt: skip
