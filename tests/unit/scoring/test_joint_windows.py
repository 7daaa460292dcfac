"""Joint verdicts of windows: a restart, a catch-up and a stream that goes on give the same, whatever is said in one batch."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from ad_stream.detectors.joint import JointModel, judge_many, train
from ad_stream.scoring.joint_windows import JOINT, DeviceModel, JointRules, Kept, epoch_start, joint_columns
from ad_stream.scoring.matrix import Packed, Rows
from tests.support.joint_devices import pump

SIGNALS = ("flow", "load", "power", "speed")
RULES = JointRules(7.0, 3)
TRAINED, FIRST = 3000, 100_000
"""Rows of training, and the step of the first row behind them."""
BUCKETS = (5, 40)


@cache
def device(seed: int) -> np.ndarray:
    return pump(seed, TRAINED + 700)


@cache
def model(seed: int) -> JointModel:
    known = train(device(seed)[:, :TRAINED], SIGNALS)
    return replace(known, state=replace(known.state.afresh(), recent=np.zeros(0)))


def models() -> list[DeviceModel]:
    return [
        DeviceModel(f"pump-{seed}", BUCKETS[seed], model(seed), np.arange(4) * 7 + 100 * seed, str(seed))
        for seed in (0, 1)
    ]


def values(change: bool = True) -> np.ndarray:
    """(device, signal, window) behind the training; the power of the first goes far off for half an hour."""
    rows = np.stack([device(seed)[:, TRAINED:] for seed in (0, 1)])
    if change:
        rows[0, 2, 600:630] += 8.0
    return rows


def batch(rows: np.ndarray, low: int, high: int) -> tuple[np.ndarray, np.ndarray, Rows]:
    """Devices, signals and rows of the windows low <= window < high that have a value."""
    one, signal, window = np.nonzero(np.isfinite(rows[..., low:high]))
    ids = np.array([known.ids for known in models()])[one, signal]
    names = np.array([f"pump-{k}" for k in one], dtype=object)
    told = Rows(ids, FIRST + low + window, rows[..., low:high][one, signal, window])
    return names, np.array(SIGNALS, dtype=object)[signal], told


def packed(rows: np.ndarray, until: int) -> Packed:
    ids = np.concatenate([known.ids for known in models()])
    order = np.argsort(ids)
    flat = rows.reshape(-1, rows.shape[-1])[order]
    return Packed(FIRST + np.arange(until), [ids[order]] * until, [flat[:, k] for k in range(until)])


def judged(
    rows: np.ndarray, low: int, high: int, rules: JointRules = RULES, **more: Kept
) -> dict[tuple[str, int], dict]:
    names, signals, told = batch(rows, low, high)
    columns = joint_columns(names, signals, told, packed(rows, high), models(), rules, **more)
    at = [k for k, one in enumerate(columns["status"]) if one is not None]
    return {(names[k], int(told.steps[k])): {name: columns[name][k] for name in JOINT} for k in at}


def same(found: dict, wanted: dict) -> None:
    assert found.keys() == wanted.keys()
    for key, row in wanted.items():
        for name, value in row.items():
            if isinstance(value, float) or (isinstance(value, list) and name != "names"):
                np.testing.assert_allclose(found[key][name], value, rtol=1e-6, atol=1e-9, err_msg=f"{key} {name}")
            else:
                assert found[key][name] == value, (key, name)


def test_each_device_and_window_has_one_verdict_and_the_fault_names_its_signal_first() -> None:
    found = judged(values(), 560, 640)
    assert len(found) == 160
    flagged = [key for key, row in found.items() if row["is_anomaly"]]
    assert flagged and {name for name, _ in flagged} == {"pump-0"}
    assert all(600 <= step - FIRST < 635 for _, step in flagged)
    onset = found["pump-0", FIRST + 600]
    assert onset["names"][0] == "power" and onset["reason"] in ("relation", "joint")
    assert onset["seen"][0] == pytest.approx(values()[0, 2, 600])
    assert abs(onset["seen"][0] - onset["expected"][0]) > onset["upper"][0] - onset["expected"][0]
    assert found["pump-1", FIRST + 600]["names"] is None


def test_window_by_window_from_kept_states_is_what_one_catch_up_gives() -> None:
    whole = judged(values(), 300, 640)
    kept = Kept()
    parts: dict[tuple[str, int], dict] = {}
    rules = replace(RULES, run="a run")
    for low in range(300, 640, 7):
        parts |= judged(values(), low, min(low + 7, 640), rules, kept=kept)
    same(parts, whole)
    assert len(kept.states) == 2
    alone: dict[tuple[str, int], dict] = {}
    for low in (330, 599, 639):  # restarts, each without anything kept
        alone |= judged(values(), low, low + 1)
    same(alone, {key: whole[key] for key in alone})


def test_a_verdict_is_that_of_one_pass_from_the_beginning_of_the_epoch_before() -> None:
    found = judged(values(), 590, 640)
    for number, bucket in enumerate(BUCKETS):
        start = int(epoch_start(bucket, np.array([FIRST + 605]), RULES.epoch)[0])
        assert RULES.epoch <= FIRST + 605 - start < RULES.reach
        rows = values()[number, :, start - FIRST : 606]
        verdicts, _ = judge_many([model(number)], rows[None], threshold=RULES.threshold)
        assert found[f"pump-{number}", FIRST + 605]["score"] == pytest.approx(verdicts.score[0, -1], rel=1e-9)


def test_a_state_of_another_run_or_of_windows_that_are_judged_again_is_not_gone_on_from() -> None:
    kept, rules = Kept(), replace(RULES, run="a run")
    first = judged(values(), 600, 610, rules, kept=kept)
    again = judged(values(), 600, 610, rules, kept=kept)
    same(again, first)
    other = judged(values(change=False), 610, 611, replace(RULES, run="another"), kept=kept)
    same(other, judged(values(change=False), 610, 611))


def test_missing_values_and_unknown_signals_are_said_and_a_device_without_a_model_has_no_row() -> None:
    rows = values()
    rows[1, 0, 500:] = np.nan
    found = judged(rows, 570, 571)["pump-1", FIRST + 570]
    assert (found["missing"], found["gone"], found["status"]) == (1, "flow", "scored")
    names, signals, told = batch(rows, 570, 571)
    strange = Rows(np.r_[told.ids, 999, 5], np.r_[told.steps, told.steps[:2]], np.r_[told.values, 1.0, 1.0])
    names, signals = np.r_[names, ["pump-1", "nobody"]], np.r_[signals, ["new", "new"]]
    columns = joint_columns(names, signals, strange, packed(rows, 571), models(), RULES)
    told_of = {names[k]: columns["unknown"][k] for k in range(len(names)) if columns["status"][k] is not None}
    assert told_of == {"pump-0": None, "pump-1": "new"}


def test_a_device_that_has_just_begun_warms_up_however_far_back_the_pass_would_reach() -> None:
    rows = values()
    rows[..., :500] = np.nan
    kept, rules = Kept(), replace(RULES, run="a run")
    found = judged(rows, 490, 540, rules, kept=kept)
    for step in range(500, 540):
        row = found["pump-0", FIRST + step]
        assert row["status"] == ("warming_up" if step < 532 else "scored"), step
    same(judged(rows, 515, 516), {key: row for key, row in found.items() if key[1] == FIRST + 515})
