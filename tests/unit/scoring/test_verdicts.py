"""Each series under its own settings is judged as if it were alone under a run with those settings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ad_stream.detectors import by_name
from ad_stream.model import LastPoint
from ad_stream.scoring.matrix import Packed, Rows
from ad_stream.scoring.suppression import UNSUPPRESSED, suppress
from ad_stream.scoring.verdicts import Scorer, Verdicts, verdicts
from ad_stream.scoring.windows import judge
from ad_stream.series_config.rows import rules_of
from tests.support.series_rules import BASE, T0, row

START = int(T0.timestamp()) // 60
SERIES, LENGTH, SINCE = 24, 160, 110
EMPTY = Packed(np.empty(0, dtype=np.int64), [], [])


def drawn(seed: int) -> np.ndarray:
    """(series, minutes) with gaps, spikes on both sides and a series that stands still."""
    rng = np.random.default_rng(seed)
    values = 20 + rng.normal(size=(SERIES, LENGTH)) * rng.uniform(0.1, 3, size=(SERIES, 1))
    spikes = rng.random(values.shape) < 0.03
    values[spikes] += rng.choice([-1, 1], spikes.sum()) * rng.uniform(1, 30, spikes.sum())
    values[rng.random(values.shape) < 0.05] = np.nan
    values[0] = 7.0
    values[1, 80:] = 19.5
    return values


def run(values: np.ndarray, rows: list[dict[str, Any]], *, ask_from: int | None = None) -> tuple[Verdicts, Rows]:
    """The minutes from SINCE on judged in random order, those before packed."""
    at = np.argwhere(~np.isnan(values))
    at = at[np.random.default_rng(5).permutation(len(at))]
    now = at[at[:, 1] >= SINCE]
    known = [np.flatnonzero(~np.isnan(values[:, k])) for k in range(SINCE)]
    past = Packed(np.arange(SINCE) + START, known, [values[one, k] for k, one in enumerate(known)])
    judged = Rows(now[:, 0], now[:, 1] + START, values[now[:, 0], now[:, 1]])
    scorer = Scorer(rules_of(rows, BASE), refractory=10, ask_from=ask_from)
    names = np.array([f"dev-{number}" for number in range(SERIES)], dtype=object)
    return verdicts(names[now[:, 0]], np.full(len(now), "t", dtype=object), judged, past, scorer), judged


ROWS = [
    row("dev-*", 0, min_deviation=9.0),
    row("dev-?", 1, detector="ar", sensitivity=80, direction="up"),
    row("dev-1*", 2, detector="default", sensitivity=99, min_relative_deviation=0.1, direction="down"),
    row("dev-2", 3, detector="stuck", sensitivity=99),
    row("dev-3", 4, inherit=["detector", "direction"]),
]


def settings_of(number: int) -> dict[str, Any]:
    """The same by hand."""
    own: dict[str, Any] = {"detector": "default", "points": 60, "sensitivity": 95, "min_deviation": 9.0, "max_gap": 5}
    if number < 10:
        own |= {"detector": "ar", "sensitivity": 80, "direction": "up"}
    if number == 1 or 10 <= number < 20:
        own |= {"detector": "default", "sensitivity": 99, "min_relative_deviation": 0.1, "direction": "down"}
    if number == 2:
        own |= {"detector": "stuck", "sensitivity": 99}
    if number == 3:
        own |= {"detector": "default", "direction": "both"}
    return own


@pytest.mark.parametrize("seed", [1, 2])
def test_a_series_is_judged_as_if_the_whole_run_had_its_settings(seed: int) -> None:
    values = drawn(seed)
    found, rows = run(values, ROWS)
    assert {"above", "below", "small_deviation", "direction", "constant"} <= set(found.columns["reason"])
    for number in range(SERIES):
        settings = settings_of(number)
        limits = {key: settings.pop(key, default) for key, default in UNSUPPRESSED.items()}
        detector = by_name(settings.pop("detector"), **settings)
        mine = np.flatnonzero(rows.ids == number)
        mine = mine[np.argsort(rows.steps[mine])]
        judged = ~np.isnan(values[number : number + 1]) & (np.arange(LENGTH) >= SINCE)
        verdict = judge(values[number : number + 1], judged, detector)[2]
        alone = {name: getattr(verdict, name) for name in LastPoint.columns()}
        suppress(alone, values[number, judged[0]], **limits)
        for name in LastPoint.columns():
            one, other = found.columns[name][mine], alone[name]
            if other.dtype.kind == "f":
                np.testing.assert_allclose(one, other, rtol=1e-9, err_msg=f"{name} of {number}")
            else:
                assert one.tolist() == other.tolist(), f"{name} of {number}"
        assert set(found.columns["detector"][mine]) == {detector.name}


def test_a_muted_minute_is_judged_and_stored_but_flags_nothing_and_asks_nobody() -> None:
    values = drawn(3)
    values[:, SINCE + 5] += 100
    values[4, :SINCE] = np.nan
    mute = row("dev-*", 9, mute_from=T0.replace(hour=1, minute=50), mute_to=T0.replace(hour=2))
    (loud, rows), (quiet, _) = (run(values, more, ask_from=1) for more in ([], [mute]))
    muted = (rows.steps >= START + SINCE) & (rows.steps < START + SINCE + 10)
    rang = loud.columns["is_anomaly"] & muted
    assert rang.sum() >= 15
    assert set(quiet.columns["reason"][rang]) == {"muted"}
    assert not (quiet.columns["is_anomaly"] | quiet.columns["is_positive"] | quiet.columns["is_negative"])[muted].any()
    assert (quiet.columns["severity"][rang] == 0).all()
    for name in ("expected", "upper_margin", "score", "status", "points"):
        assert np.array_equal(quiet.columns[name], loud.columns[name], equal_nan=loud.columns[name].dtype.kind == "f")
    assert np.array_equal(quiet.columns["is_anomaly"][~muted], loud.columns["is_anomaly"][~muted])
    asked = [np.array([window is not None for window in one.windows]) for one in (loud, quiet)]
    assert (asked[0] & muted).any() and np.array_equal(asked[1], asked[0] & ~muted)


@pytest.mark.slow
def test_detectors_of_different_depth_each_see_their_own_window() -> None:
    base_rows = [row("dev-0*", 0, detector="rrcf"), row("dev-5", 1, detector="ar")]
    scorer = Scorer(rules_of(base_rows, BASE.model_copy(update={"points": None})), refractory=10)
    assert scorer.points == 1501
    values = drawn(4)
    names = np.array([f"dev-{number}" for number in range(SERIES)], dtype=object)
    at = np.argwhere(~np.isnan(values))
    rows = Rows(at[:, 0], at[:, 1] + START, values[at[:, 0], at[:, 1]])
    found = verdicts(names[at[:, 0]], np.full(len(at), "t", dtype=object), rows, EMPTY, scorer)
    points = {name: found.columns["points"][found.columns["detector"] == name].max() for name in ("ar", "default")}
    assert points == {"ar": 120, "default": 160}
