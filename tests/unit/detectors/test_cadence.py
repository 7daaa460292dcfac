"""Slow devices are judged on their own readings: no lines between them, gaps and points count readings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import ad_stream
from ad_stream.detectors import by_name, names
from ad_stream.detectors.kernels.cadence import on_own_cadence
from ad_stream.model import Windows
from tests.oracles import cadence as oracle

READINGS = 600
LONG = ("service", "rrcf", "s_h_esd", "seasonal_baseline", "seasonal_naive", "drift")
"""Detectors that want more readings than this file has, or seconds."""
SPIKE = 500


def telemetry(every: float, *, seed: int, jitter: float = 0.0, missing: float = 0.0) -> pd.DataFrame:
    """Readings `every` minutes with a slow wave, noise and one spike of 90 sigma, at whole minutes."""
    rng = np.random.default_rng(seed)
    at = np.round(np.cumsum(every * (1 + jitter * rng.uniform(-1, 1, READINGS)))).astype(np.int64)
    values = 21 + 2 * np.sin(np.arange(READINGS) * every / 240) + rng.normal(0, 0.2, READINGS)
    values[SPIKE] += 18
    kept = (rng.uniform(size=READINGS) >= missing) | (np.arange(READINGS) == SPIKE)
    first = pd.Timestamp("2026-03-28T12:00Z")  # two nights, one of which changes to summer time in Europe
    frame = pd.DataFrame(
        {"timestamp": first + pd.to_timedelta(at, unit="min"), "value": values, "n": np.arange(READINGS)}
    )
    return frame[kept].drop_duplicates("timestamp").reset_index(drop=True)


@pytest.mark.slow
@pytest.mark.parametrize("every", [1, 2, 3, 4, 5, 6, 7, 10, 15, 30])
@pytest.mark.parametrize(("jitter", "missing"), [(0.0, 0.0), (0.2, 0.1)])
def test_the_spike_is_found_and_little_else_at_any_cadence(every: int, jitter: float, missing: float) -> None:
    frame = telemetry(every, seed=every, jitter=jitter, missing=missing)
    verdicts = ad_stream.detect(frame[["timestamp", "value"]], step="1min")
    spike = int(np.flatnonzero(frame["n"] == SPIKE)[0])
    scored = (verdicts["status"] == "scored").to_numpy()
    assert scored[30:].all() and not scored[:20].any()
    flags = np.flatnonzero(verdicts["is_anomaly"])
    assert spike in flags and len(flags) <= 4


def test_a_row_is_moved_as_the_slow_oracle_moves_it() -> None:
    rng = np.random.default_rng(7)
    rows = np.full((400, 300), np.nan)
    for row in rows:
        shape = rng.uniform(0.3, 12)
        at = 299 - np.cumsum(
            np.r_[0, np.maximum(1, np.round(shape * rng.choice([1, 1, 1, 0.8, 1.2, 2, 3], 300)))]
        ).astype(int)
        at = at[at >= 0]
        row[at] = rng.normal(size=len(at))
    rows[:5] = np.nan
    rows[5:10, -1] = np.nan
    moved, cadence = on_own_cadence(rows)
    for row, found, own in zip(rows, moved, cadence, strict=True):
        wanted, distance = oracle.moved(row)
        if distance >= 1.25 and np.isnan(row[-64:]).sum() > 64 - 64 / 1.25:
            np.testing.assert_array_equal(found, wanted)
            assert own == pytest.approx(distance)
        else:
            assert own == 1 and found.tobytes() == row.tobytes()
    assert (cadence > 1).sum() > 200


def test_rows_of_fast_series_keep_their_bits_whatever_stands_beside_them() -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(20, 200))
    rows[rng.uniform(size=rows.shape) < 0.1] = np.nan
    slow = np.where(np.arange(200)[::-1] % 5 == 0, rows, np.nan)
    alone, _ = on_own_cadence(rows)
    assert alone is rows
    beside, _ = on_own_cadence(np.concatenate([slow, rows]))
    assert beside[20:].tobytes() == rows.tobytes()


@pytest.mark.parametrize("name", [name for name in names() if name not in LONG])
def test_every_detector_judges_a_slow_series_as_it_judges_its_readings_side_by_side(name: str) -> None:
    readings = np.random.default_rng(11).normal(size=(6, 60))
    readings[:3, -1] += 20
    minutes = np.full((6, 60 * 7), np.nan)
    minutes[:, 6::7] = readings
    detector = by_name(name) if by_name(name).points >= 420 else by_name(name, points=420)
    slow, fast = detector.detect_last(Windows(minutes)), detector.detect_last(Windows(readings))
    assert slow.reason.tolist() == fast.reason.tolist()
    np.testing.assert_array_equal(slow.score, fast.score)


def test_a_device_that_changes_its_cadence_is_judged_on() -> None:
    frame = telemetry(1, seed=4)
    kept = (frame["n"] < 300) | (frame["n"] % 5 == 0) | (frame["n"] == SPIKE)
    verdicts = ad_stream.detect(frame.loc[kept, ["timestamp", "value"]], step="1min").reset_index(drop=True)
    assert (verdicts["status"].iloc[30:] == "scored").all()
    assert verdicts["is_anomaly"].sum() <= 4


def test_readings_that_come_too_seldom_for_the_history_say_so_from_the_third_on() -> None:
    at = pd.date_range("2026-03-02", periods=40, freq="120min")
    frame = pd.DataFrame({"timestamp": at, "value": np.arange(40.0) % 7})
    verdicts = ad_stream.detect(frame, step="1min", history="2d")
    assert set(verdicts["reason"].iloc[2:]) == {"too_seldom"} and set(verdicts["status"]) == {"warming_up"}
