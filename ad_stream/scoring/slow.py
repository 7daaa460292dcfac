"""The slow verdict as columns of `detections`: where it was not given they are empty, and its onset is a window."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.detectors.slow import NO_ONSET, SlowVerdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

EMPTY: dict[str, Any] = {
    "slow_score": np.nan, "slow_is_anomaly": False, "slow_reason": "", "slow_onset": NO_ONSET, "slow_deviation": np.nan,
}  # fmt: skip


def slow_columns(verdict: SlowVerdict | None, count: int) -> dict[str, NDArray[Any]]:
    """The fields of SlowVerdict (count,); empty, `slow_reason` '', where there is no verdict."""
    if verdict is not None:
        return {field.name: getattr(verdict, field.name) for field in fields(verdict)}
    return {
        name: np.full(count, value, dtype=object if isinstance(value, str) else None) for name, value in EMPTY.items()
    }


def onset_steps(columns: dict[str, NDArray[Any]], steps: Ints) -> None:
    """Make `slow_onset`, windows back from the judged steps (m,), the step of the window it names, NaN where there is none;
    `slow_deviation`, which is no column, goes."""
    back = columns["slow_onset"]
    columns["slow_onset"] = np.where(back == NO_ONSET, np.nan, steps - back)
    del columns["slow_deviation"]
