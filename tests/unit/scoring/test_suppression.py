"""Flags that settings take back: by side, by size, by a mute; a stuck value has neither side nor size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import ad_stream
from ad_stream.detectors import by_name, names
from ad_stream.errors import ConfigError
from ad_stream.model import LastPoint, Windows
from ad_stream.scoring.suppression import UNSUPPRESSED, suppress

OF_THEIR_OWN = {"stuck", "drift"}


def judged(rows: np.ndarray, name: str = "default", **limits: Any) -> dict[str, np.ndarray]:
    length = {"points": rows.shape[1]} if name in ("default", "spectral_residual", "ar") else {}
    verdict = by_name(name, **length).detect_last(Windows(rows))
    columns = {column: getattr(verdict, column) for column in LastPoint.columns()}
    suppress(columns, rows[:, -1], **{**UNSUPPRESSED, **limits})
    return columns


def jumps() -> np.ndarray:
    rows = np.random.default_rng(6).normal(size=(60, 200))
    rows[0::2, -1], rows[1::2, -1] = 60.0, -60.0
    return rows


@pytest.mark.parametrize("name", ["default", "spectral_residual", "differences", "moving_average", "ar"])
def test_direction_leaves_one_side_out(name: str) -> None:
    assert name in names()
    both, up, down = (judged(jumps(), name, direction=side) for side in ("both", "up", "down"))
    assert both["is_positive"][0::2].all() and both["is_negative"][1::2].all()
    assert up["is_positive"][0::2].all() and not up["is_anomaly"][1::2].any()
    assert down["is_negative"][1::2].all() and not down["is_anomaly"][0::2].any()
    assert set(up["reason"][1::2]) == {"direction"} and not up["severity"][1::2].any()


def test_deviations_below_the_smallest_one_are_not_flagged() -> None:
    rows = np.random.default_rng(9).normal(size=(30, 200)) + 100
    rows[:, -1] = 130.0
    assert judged(rows)["is_anomaly"].all()
    assert set(judged(rows, min_deviation=60.0)["reason"]) == {"small_deviation"}
    assert not judged(rows, min_relative_deviation=0.6)["is_anomaly"].any()
    assert judged(rows, min_deviation=5.0, min_relative_deviation=0.05)["is_anomaly"].all()


def test_a_mute_takes_back_what_nothing_else_did() -> None:
    muted = np.arange(60) < 20
    columns = judged(jumps(), direction="up", muted=muted)
    assert set(columns["reason"][:20][0::2]) == {"muted"} and set(columns["reason"][:20][1::2]) == {"direction"}
    assert columns["is_anomaly"][20::2].all()


def test_a_stuck_value_has_no_side_and_no_size() -> None:
    rows = np.random.default_rng(3).normal(size=(4, 400)).round(2)
    rows[:, -40:] = rows[:, -41:-40]
    columns = judged(rows, direction="up", min_deviation=1e9)
    assert columns["is_anomaly"].all() and set(columns["reason"]) == {"stuck"}


def test_the_laptop_takes_the_same_settings() -> None:
    values = jumps()[0]
    frame = pd.DataFrame({"timestamp": pd.date_range("2026-11-01", periods=len(values), freq="min"), "value": values})
    assert ad_stream.detect(frame)["is_anomaly"].iloc[-1]
    assert ad_stream.detect(frame, direction="down")["reason"].iloc[-1] == "direction"
    with pytest.raises(ConfigError, match="direction is 'left', it must be one of both, up, down"):
        ad_stream.detect(frame, direction="left")
    with pytest.raises(ConfigError, match="min_deviation is -1"):
        ad_stream.detect(frame, min_deviation=-1)
