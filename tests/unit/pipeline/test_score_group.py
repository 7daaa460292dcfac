"""What one task of the scoring does, without Spark: its columns are those of the schema, and blobs come beside the past."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ad_stream.config import Detection
from ad_stream.detectors.profile import Profiles
from ad_stream.models.joint import TrainingRules, learn_devices
from ad_stream.models.profiles import encode
from ad_stream.pipeline.steps.joint_scoring import JOINT_ROW
from ad_stream.pipeline.steps.scoring import ROW, score_group
from ad_stream.scoring.history_copy import FOLDERS, CopyOrder
from ad_stream.scoring.joint_windows import JointRules
from ad_stream.scoring.verdicts import Scorer
from ad_stream.series_config.rows import rules_of
from tests.support.joint_devices import pump

LENGTH = 1600


def rows(known: bool, copies: CopyOrder | None = None) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    values = rng.normal(20, 1, size=(2, LENGTH))
    now = pd.DataFrame({
        "device_id": np.repeat(["a", "b"], 2), "signal": "t", "value": values[:, -2:].ravel(), "id": np.repeat([11, 22], 2),
        "step": np.tile([LENGTH - 2, LENGTH - 1], 2), "flagged": pd.array([None] * 4, dtype="Int64"), "part": 0,
    })  # fmt: skip
    past = pd.DataFrame({
        "bucket": 5, "step": np.arange(float(LENGTH - 2)), "ids": [np.array([11, 22])] * (LENGTH - 2),
        "values": list(values[:, :-2].T), "part": 0,
    })  # fmt: skip
    if known:
        blob, sha256 = encode([("a", "t")], Profiles(np.array([9.0]), np.array([100])))
        model = pd.DataFrame(
            {
                "bucket": [5],
                "step": [np.nan],
                "blob": [bytearray(blob)],
                "sha256": [sha256],
                "label": ["profile@6"],
                "model_of": [None],
                "part": [0],
            }
        )
        past = pd.concat([model, past], ignore_index=True)
    return score_group(now, past, Scorer.of(Detection()), copies)


def test_a_group_has_every_column_of_its_schema() -> None:
    wanted = {part.split()[0] for part in ROW.split(", ")}
    assert set(rows(known=False).columns) == wanted
    assert "slow_onset double" in ROW and "timestamp" not in ROW


def test_a_group_whose_copy_is_missing_says_so_in_one_row_of_the_same_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDERS, str(tmp_path))
    order = CopyOrder("key", "run", 2, 1, 1, since=LENGTH - 5, first=0, thinned=0, most=None, seconds=60)
    plain, lacking = rows(known=True), rows(known=True, copies=order)
    assert set(lacking.columns) == set(plain.columns)
    assert lacking[["device_id", "step"]].to_numpy().tolist() == [[None, 0]]
    pd.testing.assert_frame_equal(
        rows(known=True, copies=replace(order, oldest=None)).drop(columns="seconds"), plain.drop(columns="seconds")
    )
    pd.testing.assert_frame_equal(rows(known=True, copies=order).drop(columns="seconds"), plain.drop(columns="seconds"))


def test_blobs_beside_the_past_are_used_for_their_series_only() -> None:
    plain, known = rows(known=False), rows(known=True)
    assert known["model"].tolist() == ["profile@6", "profile@6", None, None] and set(plain["model"]) == {None}
    assert (known["score"][:2] < plain["score"][:2]).all() and known["score"][2:].tolist() == plain["score"][
        2:
    ].tolist()
    assert (known["slow_reason"] == "normal").all()


def test_with_the_section_joint_the_first_row_of_a_device_and_window_carries_its_joint_verdict() -> None:
    rows_ = 2200
    values = pump(4, rows_, 2)
    values[1, -1] += 30.0
    steps = np.arange(rows_)
    devices = np.full(rows_ * 2, "a", dtype=object)
    signals = np.repeat(np.array(["flow", "power"], dtype=object), rows_)
    rules = TrainingRules(60, 6.0, 2.0)
    (learned,) = learn_devices("5", devices, signals, np.tile(steps, 2), values.ravel(), rules)
    now = pd.DataFrame({
        "device_id": "a", "signal": ["power", "flow"] * 2, "value": values[::-1, -2:].T.ravel(), "id": [22, 11] * 2,
        "step": np.repeat([rows_ - 2, rows_ - 1], 2), "flagged": pd.array([None] * 4, dtype="Int64"), "part": 0,
    })  # fmt: skip
    past = pd.DataFrame({
        "bucket": 5, "step": steps[:-2].astype(float), "ids": [np.array([11, 22])] * (rows_ - 2),
        "values": list(values[:, :-2].T), "part": 0,
    })  # fmt: skip
    model = {
        "bucket": 5,
        "model_of": "a",
        "ids": np.array([11, 22]),
        "blob": learned["blob"],
        "sha256": learned["sha256"],
        "label": "joint@1",
    }
    past = pd.concat([pd.DataFrame([model]), past], ignore_index=True)
    scorer = Scorer.of(Detection(), joint=JointRules(6.0, 2))
    found = score_group(now, past, scorer)
    assert set(found.columns) == {part.split()[0] for part in (ROW + JOINT_ROW).split(", ")}
    assert found["joint_status"].tolist() == ["scored", None, "scored", None]
    assert found["joint_is_anomaly"].tolist() == [False, None, True, None] and found["joint_names"][2][0] == "power"
    flagged = found["is_anomaly"] | found["slow_is_anomaly"]
    assert found["joint_flagged_signals"][2] == int(flagged[2:].sum())
    mute = {
        "device": "a",
        "mute_from": datetime(1970, 1, 1, tzinfo=timezone.utc),
        "changed": datetime.now(timezone.utc),
    }
    quiet = score_group(now, past, scorer.under(rules_of([mute], Detection())))
    assert quiet["joint_is_anomaly"][2] is False and quiet["joint_reason"][2] == "muted"
    assert quiet["joint_score"][2] == found["joint_score"][2], "it is judged all the same"
