"""Seasons as blobs, learned in bulk, asked by the detector that wants them and by no other."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ad_stream
from ad_stream.config import Detection
from ad_stream.errors import ConfigError, InputError
from ad_stream.model import DetectorSpec
from ad_stream.models.kinds import KINDS, known_in
from ad_stream.models.known import KnownSeries
from ad_stream.models.learning import learn_bucket
from ad_stream.models.seasons import read
from ad_stream.scoring.matrix import Packed, Rows
from ad_stream.scoring.verdicts import Scorer, verdicts
from ad_stream.series_config.rows import no_rules
from tests.unit.detectors.test_seasonal import FIRST, MINUTE, curve

SEASONAL = KINDS["seasonal"]
DAYS, NOW = 5, 30
NAMES = [("a", "t"), ("b", "t"), ("young", "t")]
STEPS = FIRST // MINUTE + np.arange(DAYS * 1440 + NOW)
SECONDS = (STEPS * MINUTE).astype(np.float64)


def values() -> np.ndarray:
    rows = curve(SECONDS, 40.0) + np.random.default_rng(3).normal(0, 0.5, (3, len(STEPS)))
    rows[2, : 3 * 1440] = np.nan
    rows[:, -3] += 8.0
    return np.asarray(rows)


def windows(rows: np.ndarray, columns: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    codes, place = np.nonzero(~np.isnan(rows[:, columns]))
    return codes, STEPS[columns][place], rows[:, columns][codes, place]


def learned(kind: Any = SEASONAL, **options: Any) -> list[dict[str, Any]]:
    return learn_bucket("7", NAMES, *windows(values(), slice(0, -NOW)), kind=kind, options=options)


@pytest.fixture(scope="module")
def row() -> dict[str, Any]:
    return learned()[0]


def known_of(row: dict[str, Any]) -> KnownSeries:
    return known_in("seasonal@4", [(row["blob"], row["sha256"])])


def test_a_bucket_is_learned_at_once_with_figures_of_a_day_it_did_not_see(row: dict[str, Any]) -> None:
    figures = json.loads(row["figures"])
    assert {name: figures[name] for name in ("series", "learned", "too_short", "failed", "useful")} == {
        "series": 3, "learned": 2, "too_short": 1, "failed": 0, "useful": 2,
    }  # fmt: skip
    assert 0 < figures["next_day"] < 1.5
    names, seasons = read(row["blob"], row["sha256"], "seasonal@4")
    assert names == NAMES[:2] and len(row["blob"]) < 4000
    ahead = SECONDS[-NOW:]
    assert np.abs(seasons.forecast(ahead) - curve(ahead, 40.0)).mean() < 3
    known = known_of(row)
    assert known.label == "seasonal@4" and set(known.numbers) == set(NAMES[:2])
    np.testing.assert_array_equal(np.stack([known.numbers[name] for name in names]), seasons.rows())


def test_a_blob_with_other_bytes_is_refused_by_its_name(row: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="seasonal@4 has other bytes"):
        known_in("seasonal@4", [(row["blob"][:-1], row["sha256"])])


def test_one_series_that_fails_is_a_row_with_its_reason_and_the_others_are_learned() -> None:
    def fit(values: np.ndarray, first: int, step: int) -> Any:
        if (np.abs(np.nanmax(values, axis=1, initial=-np.inf) - np.nanmax(worst)) < 1e-9).any():
            raise FloatingPointError("no such luck")
        return SEASONAL.fit(values, first, step)

    worst = values()[1, :-NOW]
    whole, failed = learned(replace(SEASONAL, fit=fit))
    assert failed["state"] == "retired" and failed["device_id"] == "b"
    assert failed["reason"] == "t: FloatingPointError: no such luck"
    assert json.loads(whole["figures"])["learned"] == 1 and set(known_of(whole).numbers) == {("a", "t")}


def judged(known: list[KnownSeries], **settings: Any) -> dict[str, np.ndarray]:
    rows = values()
    codes, steps, now = windows(rows, slice(-NOW, None))
    before = slice(-NOW - 1600, -NOW)
    past = Packed(STEPS[before], [np.arange(3)] * 1600, list(rows[:, before].T))
    devices = np.array([name for name, _ in NAMES], dtype=object)[codes]
    scorer = Scorer(no_rules(Detection(**settings)), refractory=10)
    found = verdicts(devices, np.full(len(codes), "t", dtype=object), Rows(codes, steps, now), past, scorer, known)
    return found.columns


def test_only_the_detector_that_learns_a_model_uses_it_and_its_rows_name_it(row: dict[str, Any]) -> None:
    profiles = KnownSeries("profile@9", {("a", "t"): [9.0]})
    both = judged([profiles, known_of(row)], detector="seasonal")
    assert both["model"].tolist() == ["seasonal@4"] * (2 * NOW) + [None] * NOW
    assert set(both["detector"]) == {"seasonal"}
    default = judged([profiles, known_of(row)])
    assert default["model"].tolist() == ["profile@9"] * NOW + [None] * (2 * NOW)
    plain = judged([], detector="seasonal")
    assert set(plain["model"]) == {None} and np.array_equal(plain["score"], judged([])["score"], equal_nan=True)
    assert not np.array_equal(both["score"][: 2 * NOW], plain["score"][: 2 * NOW])
    assert np.array_equal(both["score"][2 * NOW :], plain["score"][2 * NOW :], equal_nan=True)


def test_rules_say_which_models_their_detectors_ask_for() -> None:
    assert no_rules(Detection()).models == {"profile"}
    assert no_rules(Detection(detector=DetectorSpec("seasonal"))).models == {"seasonal"}
    assert no_rules(Detection(detector=DetectorSpec("gated"))).models == frozenset()


@pytest.mark.slow
def test_the_laptop_gives_the_rows_of_the_stream(row: dict[str, Any]) -> None:
    rows = values()[:2, -NOW - 400 :]
    times = pd.to_datetime(STEPS[-NOW - 400 :] * 60, unit="s", utc=True)
    frame = pd.DataFrame(
        {"device": np.repeat(["a", "b"], len(times)), "timestamp": [*times] * 2, "value": rows.ravel()}
    )
    wanted = judged([known_of(row)], detector="seasonal", points=300)
    for step in ("1min", None):
        answer = ad_stream.detect(frame, detector="seasonal", points=300, profiles=known_of(row), signal="t", step=step)
        late = answer.groupby("device").tail(NOW)
        for name in ("score", "expected", "upper_margin"):
            np.testing.assert_allclose(late[name], wanted[name][: 2 * NOW], rtol=1e-9)
        assert late["is_anomaly"].tolist() == wanted["is_anomaly"][: 2 * NOW].tolist()
    other = (
        ad_stream.detect(frame, points=300, profiles=known_of(row), signal="t", step="1min").groupby("device").tail(NOW)
    )
    np.testing.assert_allclose(other["score"], judged([], points=300)["score"][: 2 * NOW], rtol=1e-9)


def test_series_of_several_cadences_are_refused_by_a_detector_that_reads_the_clock(row: dict[str, Any]) -> None:
    times = pd.date_range("2026-01-01", periods=60, freq="1min")
    slow = pd.date_range("2026-01-01", periods=60, freq="5min")
    frame = pd.DataFrame({"device": np.repeat(["a", "b"], 60), "timestamp": [*times, *slow], "value": np.arange(120.0)})
    with pytest.raises(ConfigError, match="the detector seasonal reads the clock.*name one step"):
        ad_stream.detect(frame, detector="seasonal", profiles=known_of(row), signal="t")
