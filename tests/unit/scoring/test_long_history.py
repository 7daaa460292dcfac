"""Slow series are judged from as many readings as others; the same, whoever gives the verdict and however windows fall into batches."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ad_stream import detect
from ad_stream.config.sections import Detection
from ad_stream.detectors import by_name
from ad_stream.grid import MINUTE
from ad_stream.model import LastPoint, Windows
from ad_stream.scoring.matrix import Packed, Rows
from ad_stream.scoring.verdicts import Scorer, verdicts
from tests.oracles import long_history as oracle

POINTS, DAYS, HISTORY = 90, 3, timedelta(days=2)
START = MINUTE.step(datetime(2026, 11, 1, tzinfo=timezone.utc))
DETECTION = Detection(points=POINTS, history=HISTORY)
Values = dict[int, float]


def drawn(rng: np.random.Generator, steps: np.ndarray) -> Values:
    values = 20 + np.sin(steps / 230) + rng.normal(0, 0.3, len(steps))
    values[-7] += 9
    return dict(zip((START + steps).tolist(), values.tolist(), strict=True))


def fleet(seed: int) -> list[Values]:
    """One series of each kind, so many minutes from the start: every minute, 5, 10 with jitter, 30 with holes, hourly, with a
    change from 1 to 5 minutes, dense after days of once an hour, and dense with a night of every 20 minutes."""
    rng, end = np.random.default_rng(seed), DAYS * 1440
    steps = [np.arange(end - 400, end), np.arange(0, end, 5), np.arange(0, end, 10) + rng.integers(0, 3, end // 10)]
    steps.append(np.arange(0, end, 30)[rng.random(end // 30) > 0.1])
    steps.append(np.arange(7, end, 60))
    steps.append(np.r_[np.arange(end - 900, end - 200), np.arange(end - 200, end, 5)])
    steps.append(np.r_[np.arange(0, end - 300, 60), np.arange(end - 300, end)])
    steps.append(np.r_[np.arange(0, 2000), np.arange(2000, 2700, 20), np.arange(2700, 3000), np.arange(3000, end, 60)])
    return [drawn(rng, one) for one in steps]


def packed(rows: pd.DataFrame) -> Packed:
    ordered = rows.sort_values(["step", "id"])
    steps, first = np.unique(ordered["step"].to_numpy(), return_index=True)
    return Packed(steps, *(np.split(ordered[name].to_numpy(), first[1:]) for name in ("id", "value")))


def table(series: list[Values]) -> pd.DataFrame:
    rows = [(number, step, value) for number, one in enumerate(series) for step, value in one.items()]
    return pd.DataFrame(rows, columns=["id", "step", "value"]).astype({"id": "int64", "step": "int64"})


def judged(rows: pd.DataFrame, since: int, until: int, *, past: pd.DataFrame | None = None) -> pd.DataFrame:
    """The verdicts on the windows since <= step < until, as a batch of the stream gives them."""
    now = rows[(rows.step >= since) & (rows.step < until)].sample(frac=1, random_state=3)
    before = packed((rows if past is None else past).loc[lambda all_: all_.step < since])
    of_batch = Rows(now["id"].to_numpy(), now["step"].to_numpy(), now["value"].to_numpy())
    names = now["id"].map("dev-{}".format).to_numpy(dtype=object)
    found = verdicts(names, np.full(len(now), "t", dtype=object), of_batch, before, Scorer.of(DETECTION))
    return now[["id", "step"]].assign(**found.columns).sort_values(["id", "step"], ignore_index=True)


LAST = START + DAYS * 1440
SAME: dict[str, Any] = {"check_exact": True, "check_like": True}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return table(fleet(1))


@pytest.fixture(scope="module")
def whole(rows: pd.DataFrame) -> pd.DataFrame:
    """All of the last five hours in one batch."""
    return judged(rows, LAST - 300, LAST)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_each_window_is_what_an_obvious_look_at_the_readings_gives(seed: int) -> None:
    series, detector = fleet(seed), by_name("default", points=POINTS)
    found = judged(table(series), LAST - 100, LAST)
    for number, step in zip(found["id"], found["step"], strict=True):
        reach = MINUTE.steps(HISTORY)
        row = oracle.window(series[number], step, points=POINTS, reach=reach, per_hour=60)
        wanted = detector.detect_last(Windows(row))
        one = found[(found["id"] == number) & (found["step"] == step)].iloc[0]
        for name in LastPoint.columns():
            if name != "reason":  # a single window does not know how far readings were looked for
                np.testing.assert_equal(
                    one[name], getattr(wanted, name)[()], err_msg=f"series {number}, {step}: {name}"
                )


def test_slow_series_have_as_many_readings_as_others(whole: pd.DataFrame) -> None:
    newest = whole.groupby("id").last()
    assert newest["points"][1] == newest["points"][0] == POINTS
    assert newest["points"][4] == HISTORY // timedelta(hours=1)
    assert (newest["status"] == "scored").all()
    flags = whole[whole["is_anomaly"]].groupby("id").size()
    assert set(flags.index) >= {0, 1, 2}


@pytest.mark.parametrize("size", [1, 7])
def test_batches_of_any_size_give_equal_rows(rows: pd.DataFrame, whole: pd.DataFrame, size: int) -> None:
    parts = [judged(rows, since, min(since + size, LAST)) for since in range(LAST - 20, LAST, size)]
    together = pd.concat(parts).sort_values(["id", "step"], ignore_index=True)
    wanted = whole[whole["step"] >= LAST - 20].reset_index(drop=True)
    pd.testing.assert_frame_equal(together, wanted, **SAME)


def test_what_history_leaves_out_changes_no_verdict(rows: pd.DataFrame, whole: pd.DataFrame) -> None:
    hour = rows["step"] // 60
    count = rows.groupby(["id", hour])["step"].transform("size")
    thin = rows[(count <= 48) | (hour >= (LAST - 300 - POINTS) // 60)]
    assert len(thin) < 0.7 * len(rows)
    pd.testing.assert_frame_equal(judged(rows, LAST - 300, LAST, past=thin), whole, **SAME)


def test_detect_gives_the_rows_of_the_stream(rows: pd.DataFrame, whole: pd.DataFrame) -> None:
    frame = rows.assign(device=rows["id"], timestamp=pd.to_datetime(rows["step"] * 60, unit="s", utc=True))
    found = detect(frame[["device", "timestamp", "value"]], step="1min", points=POINTS, history=HISTORY)
    found = found.assign(step=rows["step"], id=rows["id"]).sort_values(["id", "step"])
    found = found[found["step"] >= LAST - 300].reset_index(drop=True)
    for name in LastPoint.columns():
        np.testing.assert_array_equal(found[name], whole[name], err_msg=name)


def test_an_hourly_series_is_judged_by_default_and_one_too_slow_says_so() -> None:
    frames = []
    for every, many in (("1h", 120), ("8h", 40)):
        times = pd.date_range("2026-11-01", periods=many, freq=every)
        values = 20 + np.random.default_rng(4).normal(0, 0.3, many)
        values[-5] = 29
        frames.append(pd.DataFrame({"device": every, "timestamp": times, "value": values}))
    found = detect(pd.concat(frames, ignore_index=True), step="1min")
    hourly, seldom = (found[found["device"] == name].reset_index(drop=True) for name in ("1h", "8h"))
    assert (hourly["status"] == "scored").tolist() == [False] * 29 + [True] * 91
    assert hourly.index[hourly["is_anomaly"]].tolist() == [115]
    assert set(seldom["reason"][2:]) == {"too_seldom"}


def test_an_hourly_counter_is_judged_by_its_rate_and_a_slow_state_by_the_time_it_lasts() -> None:
    rng = np.random.default_rng(6)
    rises = rng.uniform(4, 6, 120)
    rises[90] = 40
    state = np.repeat([0, 1] * 10, 6)
    state[100:] = state[99]
    times = pd.date_range("2026-11-01", periods=120, freq="1h")
    counter = detect(pd.DataFrame({"timestamp": times, "value": rises.cumsum()}), step="1min", kind="counter")
    assert counter.index[counter["is_anomaly"]].tolist() == [90] and counter["reason"][90] == "rate_above"
    assert counter["status"][60] == "scored" and abs(counter["expected"][60] - rises.cumsum()[60]) < 2
    held = detect(pd.DataFrame({"timestamp": times, "value": state.astype(float)}), step="1min", kind="state")
    assert held["reason"][held["is_anomaly"]].unique().tolist() == ["state_long"]
    assert held.index[held["is_anomaly"]][0] == 96 + 9
