"""Forests as blobs: what was grown is applied with the same bits when it is read back, of several buckets together."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from ad_stream.detectors.isolation_forest import SeasonForests
from ad_stream.errors import InputError
from ad_stream.models.kinds import KINDS, known_in
from tests.unit.models.test_seasons import NOW, judged, learned, values

FOREST = KINDS["isolation_forest"]


@pytest.fixture(scope="module")
def row() -> dict[str, Any]:
    return learned(FOREST)[0]


def test_a_bucket_is_grown_and_applied_to_the_rows_of_its_series(row: dict[str, Any]) -> None:
    figures = json.loads(row["figures"])
    assert (figures["series"], figures["learned"], figures["too_short"], figures["failed"]) == (3, 2, 1, 0)
    assert 0.05 < figures["span"] < 0.4 and len(row["blob"]) < 2 * 80_000
    known = known_in("isolation_forest@2", [(row["blob"], row["sha256"])])
    found = judged([known], detector="isolation_forest")
    assert found["model"].tolist() == ["isolation_forest@2"] * (2 * NOW) + [None] * NOW
    rows = values()[:, :-NOW]
    from tests.unit.models.test_seasons import STEPS

    fresh = SeasonForests.learn(rows[:2], int(STEPS[0]) * 60, 60)
    for name in ("feature", "cut", "depth", "usual", "high", "centre", "size"):
        assert np.array_equal(getattr(fresh.forests, name), getattr(known.shared[0], name)), name
    np.testing.assert_array_equal(fresh.rows(), np.stack([known.numbers["a", "t"], known.numbers["b", "t"]]))
    assert found["score"][: 2 * NOW].reshape(2, NOW)[:, -3].min() > np.median(found["score"][: 2 * NOW]) + 0.5


def test_buckets_of_one_version_are_counted_one_after_the_other(row: dict[str, Any]) -> None:
    known = known_in("isolation_forest@2", [(row["blob"], row["sha256"])] * 2)
    assert len(known.shared) == 2 and known.numbers["a", "t"][0] == 1


def test_a_blob_that_lacks_an_array_is_refused_by_its_name(row: dict[str, Any]) -> None:
    seasons = learned()[0]
    with pytest.raises(InputError, match="the model isolation_forest@2 cannot be read .*KeyError"):
        known_in("isolation_forest@2", [(seasons["blob"], seasons["sha256"])])
