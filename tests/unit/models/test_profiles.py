"""Profiles as blobs: numbers only, whole or refused by name; learned in bulk; asked by name."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ad_stream
from ad_stream.config import Detection
from ad_stream.detectors.profile import Profiles, learn
from ad_stream.errors import InputError
from ad_stream.models.checksum import digest
from ad_stream.models.kinds import KINDS
from ad_stream.models.known import KnownSeries
from ad_stream.models.learning import learn_bucket, series_of
from ad_stream.models.profiles import decode, encode
from ad_stream.scoring.matrix import Packed, Rows
from ad_stream.scoring.verdicts import Scorer, verdicts
from ad_stream.series_config.rows import no_rules

WEEK = 10_080
ENOUGH = KINDS["profile"].enough
NAMES = [("pi-1", "t"), ("pi-1", "h"), ("Пи\ud800", "t")]


def wild(seed: int, count: int, length: int = WEEK) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = rng.normal(20.0, 1.0, size=(count, length))
    jumps = rng.random(rows.shape) < 0.004
    rows[jumps] += rng.normal(0, 8, size=int(jumps.sum()))
    return rows


def test_a_blob_gives_back_the_known_series_by_their_names() -> None:
    profiles = Profiles(np.array([4.1, np.nan, 2.7], dtype=np.float32).astype(np.float64), np.array([100, 0, 200]))
    blob, sha256 = encode(NAMES, profiles)
    known = decode(blob, sha256, "profile@3")
    assert known.label == "profile@3"
    devices, signals = (np.array(column, dtype=object) for column in zip(*NAMES, ("pi-9", "t"), strict=True))
    np.testing.assert_array_equal(
        known.rows(devices, signals)[:, 0], [profiles.tail[0], np.nan, profiles.tail[2], np.nan]
    )
    assert encode(NAMES, profiles) == (blob, sha256)


def other_blobs() -> dict[str, bytes]:
    pickled, short = io.BytesIO(), io.BytesIO()
    np.savez(pickled, names=np.zeros(0, np.uint8), tail=np.array([print], dtype=object), hours=np.zeros(1))
    np.savez(short, names=np.frombuffer(b"a\0b\0c\0", np.uint8), tail=np.ones(2), hours=np.ones(2))
    return {"pickled": pickled.getvalue(), "lengths": short.getvalue(), "no archive": b"hello", "empty": b""}


@pytest.mark.parametrize(("kind", "blob"), other_blobs().items())
def test_what_is_no_such_blob_is_refused_by_the_name_of_the_model_and_nothing_in_it_runs(
    kind: str, blob: bytes
) -> None:
    with pytest.raises(InputError, match="the model profile@7 cannot be read"):
        decode(blob, digest(blob), "profile@7")


def test_a_blob_with_one_wrong_bit_is_refused() -> None:
    blob, sha256 = encode(NAMES, learn(wild(1, 3)))
    torn = bytearray(blob)
    torn[len(torn) // 2] ^= 1
    for wrong in (bytes(torn), blob[:-1]):
        with pytest.raises(InputError, match="the model profile@2 has other bytes than were trained"):
            decode(wrong, sha256, "profile@2")


def windows_of(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    codes, steps = np.nonzero(~np.isnan(values))
    order = np.random.default_rng(3).permutation(len(codes))
    return codes[order], steps[order] + 29_000_000, values[codes, steps][order]


def test_a_bucket_is_learned_as_its_series_one_by_one_each_on_its_own_cadence() -> None:
    length = 5 * (ENOUGH + 400)
    values = np.full((4, length), np.nan)
    dense = wild(4, 4, ENOUGH + 400)
    values[0, 4::5] = dense[0]
    values[1, : dense.shape[1]] = dense[1]
    values[2, -900:] = dense[2, :900]
    values[3, -dense.shape[1] :] = 0.0
    names = [("a", "t"), ("b", "t"), ("young", "t"), ("still", "t")]
    whole, still = learn_bucket("17", names, *windows_of(values))
    known = decode(whole["blob"], whole["sha256"], "profile@1")
    figures = json.loads(whole["figures"])
    assert figures["series"] == 4 and figures["too_short"] == 1
    assert known.numbers[names[0]] == learn(dense[:1]).tail and known.numbers[names[1]] == learn(dense[1:2]).tail
    assert (still["device_id"], still["state"], still["group"]) == ("still", "retired", "17") and "t: " in still[
        "reason"
    ]


def test_series_keep_the_names_of_device_and_signal_apart() -> None:
    rows = [("ab", "c"), ("a", "bc"), ("ab", "c"), ("", "x"), ("a", ""), ("Пи", "c")]
    devices, signals = (np.array(column, dtype=object) for column in zip(*rows, strict=True))
    names, codes = series_of(devices, signals)
    assert names == sorted(set(rows)) and [names[one] for one in codes] == rows


def test_a_series_with_an_infinite_value_costs_only_itself() -> None:
    values = wild(5, 2, ENOUGH + 100)
    values[1, -1] = np.inf
    rows = learn_bucket("3", [("good", "t"), ("odd", "t")], *windows_of(values))
    assert decode(rows[0]["blob"], rows[0]["sha256"], "profile@1").numbers.keys() >= {("good", "t")}


def judged(known: KnownSeries | None, **settings: Any) -> dict[str, np.ndarray]:
    values = wild(6, 3, 1600)
    codes, steps = np.nonzero(np.ones_like(values, dtype=bool))
    late = steps >= 1560
    past = Packed(np.arange(1560), [np.arange(3)] * 1560, list(values[:, :1560].T))
    rows = Rows(codes[late], steps[late], values[codes[late], steps[late]])
    scorer = Scorer(no_rules(Detection(**settings)), refractory=10)
    devices = np.array(["pi-1", "pi-2", "pi-3"], dtype=object)[codes[late]]
    return verdicts(
        devices, np.full(late.sum(), "t", dtype=object), rows, past, scorer, [] if known is None else [known]
    ).columns


def test_only_the_rows_of_known_series_use_the_model_and_name_it() -> None:
    known = KnownSeries("profile@4", {("pi-1", "t"): [9.0], ("pi-2", "other"): [9.0]})
    plain, with_model = judged(None), judged(known)
    assert set(plain["model"]) == {None}
    mine = np.repeat([True, False, False], 40)
    assert set(with_model["model"][mine]) == {"profile@4"} and set(with_model["model"][~mine]) == {None}
    assert (with_model["score"][mine] < plain["score"][mine]).all()
    for name in ("score", "expected", "upper_margin", "is_anomaly", "reason"):
        assert np.array_equal(with_model[name][~mine], plain[name][~mine])
    other = judged(known, detector="gated")
    assert set(other["model"]) == {None} and np.array_equal(other["score"], judged(None, detector="gated")["score"])


@pytest.mark.slow
def test_the_laptop_uses_profiles_as_the_stream_does() -> None:
    known = KnownSeries("profile@4", {("pi-1", "t"): [9.0], ("pi-3", "t"): [2.0]})
    values = wild(6, 3, 1600)
    frame = pd.DataFrame({
        "device": np.repeat(["pi-1", "pi-2", "pi-3"], 1600), "value": values.ravel(),
        "timestamp": np.tile(pd.date_range("2026-01-01", periods=1600, freq="min"), 3),
    })  # fmt: skip
    answer = ad_stream.detect(frame, profiles=known, signal="t")
    late = answer.groupby("device").tail(40)
    np.testing.assert_allclose(late["score"], judged(known)["score"], rtol=1e-9)
