"""`ad_stream.detect_joint`: frames in every form give one answer, and what cannot be judged is said in a sentence."""

from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ad_stream
from ad_stream.detectors.joint import judge_many, train
from ad_stream.errors import InputError
from ad_stream.scoring import joint_api
from tests.support.joint_devices import pump

ROWS, START = 1200, pd.Timestamp("2026-11-02", tz="UTC")
SIGNALS = ["current", "flow", "heat"]


def wide(seed: int = 1, rows: int = ROWS, fault: int = 1000) -> pd.DataFrame:
    values = pump(seed, rows, 3)
    values[1, fault : fault + 20] += 8
    return pd.DataFrame(values.T, columns=SIGNALS).assign(
        timestamp=pd.date_range(START, periods=rows, freq="min")
    )  # fmt: skip


def long(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.melt(id_vars=["timestamp"], var_name="signal", value_name="value").sample(frac=1, random_state=3)


def test_the_example_of_the_docstring_runs() -> None:
    found = doctest.DocTestFinder().find(joint_api.detect_joint, "detect_joint", globs={})
    results = [doctest.DocTestRunner().run(one) for one in found if one.examples]
    assert sum(one.attempted for one in results) >= 8
    assert [one.failed for one in results] == [0]


def test_the_answer_is_that_of_the_arrays_and_names_the_signals() -> None:
    frame = wide()
    answer = ad_stream.detect_joint(frame)
    values = frame[SIGNALS].to_numpy().T
    verdicts, _ = judge_many([train(values[:, :600], SIGNALS)], values[None, :, 600:])
    assert list(answer.timestamp) == list(frame.timestamp[600:])
    np.testing.assert_array_equal(answer.score, verdicts.score[0])
    first = answer[answer.is_anomaly].iloc[0]
    assert first.timestamp == START + pd.Timedelta(minutes=1000)
    leader = first.contributors[0]
    assert leader["signal"] == "flow" and leader["value"] == frame.flow[1000]
    assert leader["lower"] < leader["expected"] < leader["upper"] < leader["value"]


def test_long_shuffled_indexed_and_polars_like_frames_give_the_answer_of_the_wide_one() -> None:
    frame = wide()
    plain = ad_stream.detect_joint(frame)
    pd.testing.assert_frame_equal(ad_stream.detect_joint(long(frame)), plain)
    renamed = long(frame).rename(columns={"signal": "tag"})
    pd.testing.assert_frame_equal(ad_stream.detect_joint(renamed, signal="tag"), plain)
    pd.testing.assert_frame_equal(ad_stream.detect_joint(frame.sample(frac=1, random_state=2)), plain)
    indexed = frame.set_index("timestamp")
    np.testing.assert_array_equal(ad_stream.detect_joint(indexed).score, plain.score)

    class Polars:
        def to_pandas(self) -> pd.DataFrame:
            return frame

    pd.testing.assert_frame_equal(ad_stream.detect_joint(Polars()), plain)


def test_shares_of_all_signals_add_up_to_one() -> None:
    answer = ad_stream.detect_joint(wide(), top=9)
    sums = [sum(one["share"] for one in row) for row in answer.contributors]
    np.testing.assert_allclose(sums, 1.0)
    shares = answer.contributors.map(lambda row: [one["share"] for one in row])
    assert all(row == sorted(row, reverse=True) for row in shares)


def test_each_device_is_judged_alone_and_keys_stay() -> None:
    frames = {name: wide(seed, rows) for name, seed, rows in (("b", 1, 1200), ("a", 2, 1300))}
    both = pd.concat([frame.assign(site="north", device=name) for name, frame in frames.items()])
    answer = ad_stream.detect_joint(both, device=["site", "device"])
    assert list(answer.columns[:4]) == ["site", "device", "timestamp", "score"]
    for name, frame in frames.items():
        own = answer[answer.device == name].reset_index(drop=True)
        pd.testing.assert_frame_equal(own.drop(columns=["site", "device"]), ad_stream.detect_joint(frame))


def test_a_model_judges_later_frames_and_warms_up() -> None:
    frame = wide()
    models = ad_stream.train_joint(frame[:800].assign(device="p1"))
    assert list(models) == ["p1"]
    later = frame[800:].assign(device="p1")
    answer = ad_stream.detect_joint(later, models=models)
    assert list(answer.status[:33]) == ["warming_up"] * 32 + ["scored"]
    assert answer.timestamp[answer.is_anomaly].iloc[0] == START + pd.Timedelta(minutes=1000)
    pd.testing.assert_frame_equal(ad_stream.detect_joint(later, models=models["p1"]), answer)


def test_missing_gone_and_unknown_signals_are_said_in_the_row() -> None:
    frame = wide()
    model = ad_stream.train_joint(frame[:700])[()]
    later = frame[700:].reset_index(drop=True).assign(extra=np.arange(500) * 1.0)
    later.loc[100:, "heat"] = np.nan
    later.loc[:399, "extra"] = np.nan
    answer = ad_stream.detect_joint(later, models=model)
    assert answer.missing[50] == 0 and answer.missing[150] == 1
    assert answer.gone[150] == "" and answer.gone[170] == "heat"
    assert answer.unknown[399] == "" and answer.unknown[400] == "extra"
    assert (answer.status[32:] == "scored").all()
    assert "heat" not in [one["signal"] for one in answer.contributors[170] if one["share"] > 0]


def test_a_slow_signal_is_held_and_counts_where_it_has_a_value() -> None:
    frame = wide()
    frame.loc[frame.index % 5 > 0, "heat"] = np.nan
    answer = ad_stream.detect_joint(long(frame).dropna(), top=3)
    assert len(answer) == 600 and (answer.gone == "").all() and (answer.status == "scored").all()
    assert answer.timestamp[answer.is_anomaly].iloc[0] == START + pd.Timedelta(minutes=1000)


def test_a_clock_that_wavers_stays_on_its_grid_and_keeps_its_hour() -> None:
    frame = wide(rows=4000, fault=3500)
    waver = np.random.default_rng(5).integers(-3000, 3000, len(frame))
    frame["timestamp"] += pd.to_timedelta(waver, unit="ms")
    model = ad_stream.train_joint(frame[:2000])[()]
    assert model.step_seconds == 60.0 and len(model.state.recent) == 3 * 1440
    answer = ad_stream.detect_joint(frame)
    assert len(answer) >= 1950 and answer.missing.max() == 0
    distance = (answer.timestamp[answer.is_anomaly] - frame.timestamp[3500]).abs()
    assert distance.min() <= pd.Timedelta(seconds=60)
    assert (distance > pd.Timedelta(minutes=25)).sum() <= 3


def test_breaks_of_weeks_cost_no_memory_and_keep_the_hour() -> None:
    frame = wide()
    frame.loc[900:, "timestamp"] += pd.Timedelta(days=400)
    answer = ad_stream.detect_joint(frame, train_until=START + pd.Timedelta(minutes=800))
    assert len(answer) == 400
    assert answer.timestamp[answer.is_anomaly].iloc[0] == frame.timestamp[1000]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda f: f[["timestamp", "flow"]], "joint detection needs two signals, for one use ad_stream.detect"),
        (lambda f: long(f[["timestamp", "flow"]]), "the frame has one signal, flow: joint detection needs two"),
        (lambda f: f.flow, "was given a Series: for one signal use ad_stream.detect"),
        (lambda f: f[:300], "the frame has 150 rows to train on and needs 200: give it earlier rows"),
        (lambda f: f[:0], "no rows"),
        (lambda f: pd.concat([f, f[:1]]), "the frame has two rows of the signal current at 2026-11-02 00:00:00"),
        (lambda f: f.drop(columns="timestamp"), "the frame has no column 'timestamp'"),
        (lambda f: f.assign(flow=1.0, current=2.0, heat=3.0), "no signal moves in the training stretch"),
    ],
)
def test_what_cannot_be_judged_is_refused_in_a_sentence(change: Any, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        ad_stream.detect_joint(change(wide()))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"train_until": "yesterday-ish"}, "train_until is 'yesterday-ish': write a time such as"),
        ({"train_until": "2027-01-01"}, "the frame has no row from 2027-01-01 on"),
        ({"threshold": 0}, "threshold is 0, it must be above 0"),
        ({"models": {}}, "there is no model for the frame: train one"),
        (
            {"step": "2min", "models": "fast"},
            "the frame has a step of 120 s and its model one of 60 s: give step='60s'",
        ),
        ({"step": 60}, "step is 60, a number without a unit"),
    ],
)
def test_wrong_options_are_refused_in_a_sentence(options: dict[str, Any], sentence: str) -> None:
    if options.get("models") == "fast":
        options = options | {"models": ad_stream.train_joint(wide()[:600])}
    with pytest.raises(InputError, match=sentence):
        ad_stream.detect_joint(wide(), **options)


def test_a_model_of_other_signals_is_refused() -> None:
    model = ad_stream.train_joint(wide()[:600])[()]
    other = wide().rename(columns={"current": "a", "flow": "b", "heat": "c"})
    with pytest.raises(
        InputError, match="has none of the model's signals: it has a, b, c, the model knows current, flow"
    ):
        ad_stream.detect_joint(other, models=model)
