"""A joint verdict as the fold takes it: a row of its device without a signal, whose value is the score and whose band the
threshold, so that a joint alarm and the alarms of its signals are one incident."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

NO_SIGNAL = ""
"""In place of the signal; in `incident_events` it is null."""
AS_SERIES: dict[str, str | float] = {
    "value": "score", "expected": 0.0, "lower_margin": "threshold", "upper_margin": "threshold", "severity": "severity",
    "is_anomaly": "is_anomaly", "reason": "reason",
}  # fmt: skip
"""Column of a verdict on a series -> the column of the joint verdict that stands for it, or a number."""
NEEDED = ("device_id", "minute", "config_version", "score", "severity", "threshold", "is_anomaly", "reason")
"""Columns of `joint_detections` that it takes."""


def as_series(joint: pd.DataFrame) -> pd.DataFrame:
    """Rows of `joint_detections` that were judged -> rows with the columns of `detections`."""
    judged = joint[joint["score"].notna()]
    told = {name: judged[of] if isinstance(of, str) else of for name, of in AS_SERIES.items()}
    rows: pd.DataFrame = judged[["device_id", "minute", "config_version"]].assign(signal=NO_SIGNAL, **told)
    return rows
