"""What holds of joint detection whatever the data: equal bits, causes, units, order; and faults that it has to find."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from ad_stream.detectors.joint import JointModel, JointVerdicts, decode, encode, judge_many, train
from ad_stream.detectors.joint.model import JointArrays
from ad_stream.detectors.joint.state import JointState
from ad_stream.detectors.joint.verdict import THRESHOLD, severity
from ad_stream.errors import InputError
from ad_stream.model import REASONS, STATUSES
from tests.support.joint_devices import Floats, pump

TRAINED, ROWS = 1500, 2400
NAMES = ("flow", "current", "pressure", "heat")


def learned(values: Floats, step_seconds: float = 60.0) -> JointModel:
    return train(values[:, :TRAINED], NAMES[: len(values)], step_seconds=step_seconds)


def judged(values: Floats, model: JointModel | None = None) -> JointVerdicts:
    return judge_many([model or learned(values)], values[None, :, TRAINED:])[0]


def same(first: JointVerdicts, second: JointVerdicts) -> None:
    for field in fields(JointVerdicts):
        left, right = getattr(first, field.name), getattr(second, field.name)
        np.testing.assert_array_equal(left, right, err_msg=field.name)


def test_a_model_comes_back_from_its_bytes_with_the_same_bits() -> None:
    model = learned(pump(1, ROWS))
    again = decode(encode(model))
    assert (again.signals, again.step_seconds, again.rows) == (model.signals, 60.0, TRAINED)
    for kind, left, right in ((JointArrays, model.arrays, again.arrays), (JointState, model.state, again.state)):
        for field in fields(kind):
            a, b = np.asarray(getattr(left, field.name)), np.asarray(getattr(right, field.name))
            assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes(), field.name
    same(judged(pump(1, ROWS), model), judged(pump(1, ROWS), again))


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "shape", "other"])
def test_other_bytes_are_refused_in_one_sentence(damage: str) -> None:
    model = learned(pump(1, ROWS))
    blob = encode(model)
    middle = len(blob) // 2
    bad = {
        "empty": b"",
        "cut": blob[: len(blob) // 2],
        "flipped": blob[:middle] + bytes([blob[middle] ^ 255]) + blob[middle + 1 :],
        "shape": encode(replace(model, signals=model.signals[:3])),
        "other": b"PK nothing",
    }[damage]
    with pytest.raises(InputError, match=r"the joint model cannot be read \(.*\): train it again"):
        decode(bad)


def test_many_devices_at_once_give_the_bits_of_each_alone() -> None:
    devices = [pump(seed, ROWS) for seed in range(5)]
    devices[3][1, 1700:1900] = np.nan
    models = [learned(values) for values in devices]
    together, states = judge_many(models, np.stack(devices)[..., TRAINED:])
    for k, (model, values) in enumerate(zip(models, devices, strict=True)):
        alone, after = judge_many([model], values[None, :, TRAINED:])
        for field in fields(JointVerdicts):
            np.testing.assert_array_equal(getattr(together, field.name)[k], getattr(alone, field.name)[0])
        assert states[k].averages.tobytes() == after[0].averages.tobytes()


@pytest.mark.parametrize("piece", [pytest.param(1, marks=pytest.mark.slow), 7, 200])
def test_a_stretch_in_pieces_gives_what_it_gives_as_a_whole(piece: int) -> None:
    values = pump(2, TRAINED + 420)
    values[0, 1600:1800] = np.nan
    values[:, 1700] = np.nan
    model = learned(values)
    whole = judged(values, model)
    state, parts = None, []
    for first in range(TRAINED, values.shape[1], piece):
        part, state = judge_many([model], values[None, :, first : first + piece], state)
        parts.append(part)
    for name in ("score", "contribution", "expected", "margin"):
        joined = np.concatenate([getattr(part, name) for part in parts], axis=-1)
        np.testing.assert_allclose(joined, getattr(whole, name), rtol=1e-6, atol=1e-6, err_msg=name)
    assert (np.concatenate([part.reason for part in parts], axis=-1) == whole.reason).all()


def test_no_later_row_changes_an_earlier_verdict() -> None:
    values = pump(3, ROWS)
    model = learned(values)
    whole, cut = judged(values, model), judged(values[:, :2000], model)
    np.testing.assert_allclose(cut.score, whole.score[:, :500], rtol=1e-9)
    np.testing.assert_allclose(cut.contribution, whole.contribution[..., :500], rtol=1e-6, atol=1e-9)


def test_neither_order_nor_unit_of_the_signals_matters() -> None:
    values = pump(4, ROWS)
    plain = judged(values)
    order = [2, 0, 3, 1]
    turned = judged(values[order])
    np.testing.assert_allclose(turned.score, plain.score, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(turned.contribution, plain.contribution[:, order], rtol=1e-5, atol=1e-6)
    other = judged(np.array([1e6, 1.0, -1e-9, 1.0])[:, None] * values + np.array([0.0, 1e7, 0.0, 0.0])[:, None])
    np.testing.assert_allclose(other.score, plain.score, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(other.expected[0, 0], 1e6 * plain.expected[0, 0], rtol=1e-6)


def test_shares_add_up_to_one_and_severity_stays_between_0_and_1() -> None:
    values = pump(5, ROWS)
    values[1, 1800:1830] += 20
    values[0, ::3] = np.nan
    verdicts = judged(values)
    scored = verdicts.status[0] == "scored"
    np.testing.assert_allclose(verdicts.contribution[0].sum(axis=0)[scored], 1.0, rtol=1e-12)
    flagged = verdicts.is_anomaly[0]
    assert flagged.any() and (verdicts.severity[0][flagged] > 0.5).all() and (verdicts.severity[0][~flagged] == 0).all()
    steps = severity(np.linspace(0, 60, 500))
    assert (np.diff(steps) >= 0).all() and steps.min() >= 0 and steps.max() <= 1


def test_a_culprit_whose_value_is_lost_in_the_row_of_the_alarm_is_still_named() -> None:
    values = pump(5, ROWS)
    values[1, 1800:1830] += 20
    values[1, 1801] = np.nan
    share = judged(values).contribution[0, 1]
    assert share[1800 - TRAINED : 1803 - TRAINED].min() > 0.5
    values[1, 1801:] = np.nan
    share = judged(values).contribution[0, 1]
    assert share[1861 - TRAINED + 60 :].max() == 0.0


def test_every_status_and_reason_is_one_that_is_explained() -> None:
    values = pump(6, ROWS)
    values[:, 1600:1605] = np.nan
    values[:3, 1700:1900] = np.nan
    values[2, 2000:2020] = values[2, 2000]
    values[0, 2100:] += 9
    verdicts = judged(values)
    assert set(verdicts.reason[0]) <= REASONS.keys() and set(verdicts.status[0]) <= set(STATUSES)
    assert set(verdicts.reason[0]) >= {"normal", "no_value", "too_few_signals", "stuck", "joint"}


def odd(kind: str) -> Floats:
    values = pump(7, ROWS)
    if kind == "constant":
        values[1] = 3.5
    elif kind == "absent":
        values[1] = np.nan
    elif kind == "appears":
        values[1, :TRAINED] = np.nan
    elif kind == "twins":
        values[1] = values[0]
    elif kind == "infinite":
        values[1, 1600:1700] = np.inf
        values[0, 20] = -np.inf
    elif kind == "wakes":
        values[1, :2000] = 3.5
    elif kind == "slow":
        values[1, np.arange(ROWS) % 5 > 0] = np.nan
    elif kind == "huge":
        values[1] *= 1e300
    return values


KINDS = ["constant", "absent", "appears", "twins", "infinite", "wakes", "slow", "huge"]


@pytest.mark.parametrize("kind", KINDS)
def test_odd_signals_silence_nobody(kind: str) -> None:
    values = odd(kind)
    values[3, 2200:2230] += 8.0
    verdicts = judged(values)
    assert (verdicts.status == "scored").all() and np.isfinite(verdicts.score).all()
    np.testing.assert_allclose(verdicts.contribution.sum(axis=1), 1.0, rtol=1e-9)
    first = 2200 - TRAINED
    assert verdicts.is_anomaly[0, first], kind
    assert verdicts.contribution[0, :, first].argmax() == 3
    if kind in ("constant", "absent", "appears", "wakes"):
        assert (verdicts.contribution[0, 1] == 0).all()


def test_a_signal_alone_is_judged_too() -> None:
    values = pump(8, ROWS)[:1]
    values[0, 2000:2010] += 9
    assert judged(values).is_anomaly[0, 500]


def test_a_signal_that_vanishes_is_named_and_the_others_are_judged_without_it() -> None:
    values = pump(9, ROWS)
    values[1, 1700:] = np.nan
    values[2, 2100:2110] += 9
    model = learned(values)
    verdicts = judged(values, model)
    gone = verdicts.gone[0, 1]
    assert gone.argmax() == 1700 - TRAINED + 60 and gone[-1] and not verdicts.gone[0, [0, 2, 3]].any()
    assert (verdicts.missing[0, 200:] == 1).all() and np.isnan(verdicts.expected[0, 1, -1])
    assert verdicts.is_anomaly[0, 600] and verdicts.contribution[0, :, 600].argmax() == 2
    without = judged(values[[0, 2, 3]], train(values[[0, 2, 3], :TRAINED], ("flow", "pressure", "heat")))
    kept = verdicts.expected[0, [0, 2, 3], 300:]
    spread = values[[0, 2, 3], :TRAINED].std(axis=1)[:, None]
    assert (np.abs(kept - without.expected[0, :, 300:]) / spread).mean() < 0.05


def test_white_noise_is_no_alarm() -> None:
    noise = np.random.default_rng(11).normal(size=(5, 3000))
    flags = judge_many([train(noise[:, :2000], list("abcde"))], noise[None, :, 2000:])[0].is_anomaly
    assert flags.sum() <= 1


def test_a_broken_relation_inside_every_range_is_found_at_its_first_row_and_named() -> None:
    random = np.random.default_rng(12)
    load = 3 * np.sin(np.arange(ROWS) / 80) + random.normal(size=ROWS)
    values = np.array([load + 0.2 * random.normal(size=ROWS), 2 * load + 0.2 * random.normal(size=ROWS)])
    values = np.vstack([values, load + 0.2 * random.normal(size=ROWS)])
    start = 2000
    values[1, start : start + 40] += 3.0 * (1 if values[1, start] < 0 else -1)
    verdicts = judged(values)
    row = start - TRAINED
    assert verdicts.is_anomaly[0, row] and verdicts.reason[0, row] == "relation"
    assert verdicts.contribution[0, :, row].argmax() == 1
    assert abs(values[1, start] - verdicts.expected[0, 1, row]) > verdicts.margin[0, 1, row]
    assert not judged(values[:, :start]).is_anomaly.any()


def test_a_signal_that_stands_still_is_found_while_the_others_move() -> None:
    values = pump(13, ROWS)
    values[0, 2000:2040] = values[0, 2000]
    verdicts = judged(values)
    rows = np.flatnonzero(verdicts.reason[0] == "stuck")
    assert 500 < rows[0] <= 506 and rows[-1] < 540
    assert verdicts.contribution[0, :, rows[0]].argmax() == 0


def test_what_comes_at_one_hour_every_day_stops_being_an_alarm() -> None:
    day = 144
    values = pump(14, 13 * day)
    for k in range(9, 13):
        values[1, k * day + 30 : k * day + 32] += 9.0
    model = train(values[:, : 8 * day], NAMES, step_seconds=86_400 / day)
    flags = judge_many([model], values[None, :, 8 * day :])[0].is_anomaly[0]
    shown = [bool(flags[k * day + 30 : k * day + 32].any()) for k in (1, 2, 3, 4)]
    assert shown == [True, True, False, False]


def test_too_short_or_motionless_stretches_are_refused_with_the_way_out() -> None:
    with pytest.raises(InputError, match="has 150 rows and a joint model needs 200: take a longer stretch"):
        train(pump(1, 150), NAMES)
    with pytest.raises(InputError, match=r"no signal moves in the training stretch \(a, b\)"):
        train(np.ones((2, 400)), ["a", "b"])
    with pytest.raises(ValueError, match="shape"):
        train(pump(1, 400), ["a"])


def test_shapes_that_do_not_belong_together_are_refused() -> None:
    model = learned(pump(1, ROWS))
    with pytest.raises(ValueError, match="models, signals, rows"):
        judge_many([model], np.zeros((2, 4, 5)))
    with pytest.raises(ValueError, match="at least one row"):
        judge_many([model], np.zeros((1, 4, 0)))
    with pytest.raises(ValueError, match="threshold is 0"):
        judge_many([model], np.zeros((1, 4, 5)), threshold=0)
    assert THRESHOLD == 4.5
