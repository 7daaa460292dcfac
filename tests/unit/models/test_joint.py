"""Joint models as rows of the table: a row a device, what has none says why, and bytes that were not trained are refused."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest

from ad_stream.errors import InputError
from ad_stream.models.joint import FEWEST_ROWS, StoredModel, TrainingRules, flags_a_day, learn_devices
from tests.support.joint_devices import pump

RULES = TrainingRules(step_seconds=60, threshold=6.0, most_flags_a_day=2.0)
ROWS = 3000


def windows(device: str, values: np.ndarray) -> tuple[Any, ...]:
    """Devices, signals, steps and values of its rows, out of order."""
    signal, step = np.nonzero(np.isfinite(values))
    order = np.random.default_rng(1).permutation(len(step))
    names = np.array([f"s{k}" for k in range(len(values))], dtype=object)
    parts = (np.full(len(step), device, dtype=object), names[signal], step + 70_000, values[signal, step])
    return tuple(part[order] for part in parts)


def learned(devices: dict[str, np.ndarray], rules: TrainingRules = RULES) -> dict[str, dict[str, Any]]:
    parts = [windows(name, values) for name, values in devices.items()]
    columns = [np.concatenate([part[k] for part in parts]) for k in range(4)]
    rows = learn_devices("7", columns[0], columns[1], columns[2], columns[3], rules)
    assert {row["group"] for row in rows} == {"7"}
    return {row["device_id"]: row for row in rows}


@cache
def usual() -> np.ndarray:
    return pump(5, ROWS, 3)


def test_a_device_gets_a_model_and_one_with_too_little_says_what_it_has() -> None:
    found = learned({"good": usual(), "young": usual()[:, : FEWEST_ROWS - 1], "single": usual()[:1]})
    good = found["good"]
    model = StoredModel("joint@1", good["sha256"], good["blob"]).read()
    assert good["signals"] == ["s0", "s1", "s2"] == list(model.signals) and good["state"] == "candidate"
    assert good["rows"] == 3 * ROWS and json.loads(good["figures"])["flags_a_day"] <= 2.0
    assert model.state.recent.size == 0 and model.state.rows == 0
    for name in ("young", "single"):
        assert found[name].get("blob") is None and found[name]["state"] == "retired"
    assert f"{FEWEST_ROWS - 1} windows" in found["young"]["reason"] and "1 signals" in found["single"]["reason"]


def test_a_model_that_would_flag_its_own_days_too_often_is_refused_with_the_figure() -> None:
    low = TrainingRules(step_seconds=60, threshold=1.0, most_flags_a_day=2.0)
    row = learned({"restless": usual()}, low)["restless"]
    figures = json.loads(row["figures"])
    assert figures["refused"] == 1 and figures["learned"] == 0 and row.get("blob") is None
    assert figures["flags_a_day"] > 2.0
    assert f"{figures['flags_a_day']:.1f} times a day, more than 2:" in row["reason"]
    kept = learned({"restless": usual()}, TrainingRules(60, 1.0, figures["flags_a_day"]))["restless"]
    assert kept["blob"] is not None


def test_alarms_a_day_count_flags_near_each_other_once() -> None:
    row = learned({"good": usual()})["good"]
    model = StoredModel("joint@1", row["sha256"], row["blob"]).read()
    odd = usual().copy()
    for first in (500, 1500):
        odd[1, first : first + 8] += 30.0
    days = (ROWS - 32) / 1440
    assert (
        flags_a_day(model, odd, RULES) == pytest.approx(2 / days, rel=1.01)
        and flags_a_day(model, odd, RULES) >= 2 / days
    )
    assert flags_a_day(model, usual(), RULES) < 2 / days


def test_other_bytes_than_were_trained_are_refused_by_name() -> None:
    row = learned({"good": usual()})["good"]
    with pytest.raises(InputError, match="joint@3 has other bytes"):
        StoredModel("joint@3", "0" * 64, row["blob"]).read()
