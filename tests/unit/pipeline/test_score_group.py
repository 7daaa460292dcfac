"""What one task of the scoring does, without Spark: its columns are those of the schema, and blobs come beside the past."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ad_stream.config import Detection
from ad_stream.detectors.profile import Profiles
from ad_stream.models.profiles import encode
from ad_stream.pipeline.steps.scoring import ROW, score_group
from ad_stream.scoring.verdicts import Scorer

LENGTH = 1600


def rows(known: bool) -> pd.DataFrame:
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
                "model_of": [None],
                "part": [0],
            }
        )
        past = pd.concat([model, past], ignore_index=True)
    return score_group(now, past, Scorer.of(Detection()), "profile@6" if known else "")


def test_a_group_has_every_column_of_its_schema() -> None:
    wanted = {part.split()[0] for part in ROW.split(", ")}
    assert set(rows(known=False).columns) == wanted
    assert "slow_onset double" in ROW and "timestamp" not in ROW


def test_blobs_beside_the_past_are_used_for_their_series_only() -> None:
    plain, known = rows(known=False), rows(known=True)
    assert known["model"].tolist() == ["profile@6", "profile@6", None, None] and set(plain["model"]) == {None}
    assert (known["score"][:2] < plain["score"][:2]).all() and known["score"][2:].tolist() == plain["score"][
        2:
    ].tolist()
    assert (known["slow_reason"] == "normal").all()
