"""The shipped default on the public half of the quality data and on the simulated day; `make acceptance` runs it."""

from __future__ import annotations

import importlib.util
import os
from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from ad_stream.detectors import by_name
from ad_stream.evaluation import adapters
from ad_stream.scoring.pandas_api import detect
from ad_stream.scoring.windows import judge
from ad_stream.simulate.devices.faults import Fault, FaultPlan, place
from ad_stream.simulate.devices.fleet import SIGNALS, SimulatedFleet, fleet

pytestmark = pytest.mark.acceptance
START = datetime(2026, 11, 1, tzinfo=timezone.utc)
MINUTES = 1440


@pytest.fixture(scope="module")
def quality() -> Path:
    folder = Path(os.environ.get("AD_STREAM_SHARED", "../shared")) / "quality"
    if not folder.exists():
        pytest.skip("the quality data are at $AD_STREAM_SHARED, else ../shared; neither is there")
    return folder


@pytest.fixture(scope="module")
def harness(quality: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("evaluate", quality / "evaluate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def evaluated(harness: ModuleType, data: Path, *more: str) -> dict[str, float]:
    arguments = ["--data", str(data), "--detector", "ad_stream.evaluation.adapters:default", "--no-vus", *more]
    result: dict[str, float] = harness.main(arguments)
    return result


def test_the_default_at_its_own_window_meets_the_goals_on_the_public_kpi_curves(
    harness: ModuleType, quality: Path
) -> None:
    window = str(adapters.default.points)
    found = evaluated(harness, quality / "data" / "kpi.parquet", "--window", window)
    assert found["F1best"] >= 0.86 and found["F1flag"] >= 0.85
    assert found["R@1/d"] >= 0.8 and found["FA/d@R50"] <= 0.25 and found["FA/d@R80"] <= 1.0


def test_the_default_at_its_own_window_reaches_50_on_the_public_nab_files(harness: ModuleType, quality: Path) -> None:
    found = evaluated(harness, quality / "data" / "nab.parquet", "--window", str(adapters.default.points))
    assert found["NAB_standard"] >= 52


def test_at_251_points_the_default_beats_the_best_floor_of_that_window(harness: ModuleType, quality: Path) -> None:
    found = evaluated(harness, quality / "data" / "kpi.parquet", "--window", "251")
    assert found["F1best"] >= 0.823 and found["R@1/d"] >= 0.758 and found["FA/d@R50"] <= 0.33


def seed_flags(quality: Path, name: str) -> NDArray[np.int64]:
    frame = pd.read_csv(quality / "data" / "seeds" / f"{name}.csv")
    frame["timestamp"] = pd.to_datetime(frame.timestamp, unit="s")
    return np.flatnonzero(detect(frame, device=None).is_anomaly)


def test_both_spike_pairs_of_the_sine_are_found_with_at_most_three_flags_elsewhere(quality: Path) -> None:
    flags = set(seed_flags(quality, "sine_lengthening_spikes").tolist())
    spikes = {120, 121, 300, 301}
    assert spikes <= flags and len(flags - spikes) <= 3


def test_the_failed_sensor_of_skagit_is_found_with_at_most_three_flags_elsewhere(quality: Path) -> None:
    flags = seed_flags(quality, "skagit_gsod_daily")
    assert flags[(flags >= 259) & (flags <= 260)].size and (~((flags >= 259) & (flags <= 268))).sum() <= 3


def test_the_flat_line_is_found_within_18_points_with_at_most_three_flags_elsewhere(quality: Path) -> None:
    flags = seed_flags(quality, "sine_flat_200_259")
    assert flags[(flags >= 200) & (flags <= 218)].size and ((flags < 200) | (flags > 260)).sum() <= 3


def noisy_day(seed: int) -> tuple[SimulatedFleet, tuple[Fault, ...], NDArray[np.float64]]:
    """50 devices as simulated, the maximum of three messages a minute: fleet, faults, values (series, minutes)."""
    devices = fleet(50, seed=seed)
    faults = place(FaultPlan(), devices, start=START, minutes=MINUTES)
    rng = np.random.default_rng([seed, 9])
    noise = np.stack([devices.noise(rng, 3).max(axis=1) for _ in range(MINUTES)], axis=1)
    values = devices.cycle(np.arange(float(MINUTES))) + noise
    for fault in faults:
        first, stop = fault.span(START)
        device = devices.device_ids.index(fault.device_id)
        if fault.kind == "silence":
            values[device, first:stop] = np.nan
        elif fault.kind == "stuck":
            signal = SIGNALS.index(fault.signal)
            values[device, first:stop, signal] = values[device, first - 1, signal]
        else:
            signal = SIGNALS.index(fault.signal)
            values[device, first:stop, signal] += fault.profile() * devices.sigma[device, signal]
    return devices, faults, values.transpose(0, 2, 1).reshape(-1, MINUTES)


@pytest.mark.parametrize("points", [120, 1201])
@pytest.mark.parametrize("seed", [71, 72])
def test_spikes_dips_and_shifts_of_a_simulated_day_are_found_within_three_minutes(seed: int, points: int) -> None:
    devices, faults, values = noisy_day(seed)
    rows, columns, verdict = judge(values, ~np.isnan(values), by_name("default", points=points))
    flags = np.zeros(values.shape, dtype=bool)
    flags[rows, columns] = verdict.is_anomaly
    quiet = np.ones(values.shape, dtype=bool)
    found: list[tuple[float, bool]] = []
    for fault in faults:
        first, stop = fault.span(START)
        signals = range(len(SIGNALS)) if fault.signal == "all" else [SIGNALS.index(fault.signal)]
        for signal in signals:
            row = devices.device_ids.index(fault.device_id) * len(SIGNALS) + signal
            quiet[row, max(0, first - 1) : stop + 10] = False
            if fault.kind in ("spike", "dip", "level_shift"):
                found.append((fault.sigma, bool(flags[row, first : first + 4].any())))
    assert np.mean([hit for sigma, hit in found if sigma >= 6]) >= 0.95
    assert all(hit for sigma, hit in found if sigma >= 8)
    assert np.sum(flags & quiet) / len(values) <= 0.5
