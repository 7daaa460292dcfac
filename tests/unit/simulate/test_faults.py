"""The faults are where the truth says, and as large."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ad_stream.errors import InputError
from ad_stream.simulate import Fault, FaultPlan, simulate
from ad_stream.simulate.devices.faults import PER_50_DEVICES_AND_DAY, place
from ad_stream.simulate.devices.fleet import fleet
from tests.support.slow_reader import SIGNALS, Day

pytestmark = pytest.mark.slow

START = datetime(2026, 11, 1, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)
SIZED = ("spike", "dip", "level_shift", "drift")


def series(day: Day, device: str, signal: str) -> np.ndarray:
    """(minutes) the largest value of each minute, NaN where there is none."""
    cells = [day.seen.values.get((device, signal, START + i * MINUTE)) for i in range(day.truth.minutes)]
    return np.array([max(cell) if cell else np.nan for cell in cells])


def sigma(day: Day, device: str, signal: str) -> float:
    people = fleet(day.truth.devices, seed=day.truth.seed)
    return float(people.sigma[people.device_ids.index(device), SIGNALS.index(signal)])


def test_the_noise_of_the_minute_series_is_the_sigma_of_the_truth(quiet_day: Day) -> None:
    ratios = []
    for device in fleet(20, seed=7).device_ids:
        for signal in SIGNALS:
            # Second differences remove the daily cycle; white noise keeps a variance of 6 in them.
            rough = np.diff(series(quiet_day, device, signal), n=2)
            ratios.append(rough.std() / np.sqrt(6) / sigma(quiet_day, device, signal))
    assert 0.97 < np.mean(ratios) < 1.02
    assert 0.85 < min(ratios) < max(ratios) < 1.15


def test_a_quiet_day_follows_a_daily_cycle_that_differs_by_device(quiet_day: Day) -> None:
    peaks = set()
    for device in fleet(20, seed=7).device_ids[:6]:
        smooth = np.convolve(series(quiet_day, device, "temperature"), np.ones(60) / 60, mode="valid")
        swing = smooth.max() - smooth.min()
        assert 2.8 < swing < 8.2
        peaks.add(int(smooth.argmax()) // 10)
    assert len(peaks) >= 4


def test_every_minute_holds_its_messages_and_no_value_is_quantised(quiet_day: Day) -> None:
    assert len(quiet_day.seen.values) == quiet_day.truth.series_minutes == 20 * 2 * 1440
    assert Counter(len(cell) for cell in quiet_day.seen.values.values()) == {3: 20 * 2 * 1440}
    assert len(np.unique(series(quiet_day, "device-0001", "temperature"))) > 1300


@pytest.mark.parametrize("kind", SIZED)
def test_a_sized_fault_adds_exactly_its_sigma(kind: str, day: Day, quiet_day: Day) -> None:
    faults = [fault for fault in day.truth.faults if fault.kind == kind]
    assert faults
    for fault in faults:
        added = series(day, fault.device_id, fault.signal) - series(quiet_day, fault.device_id, fault.signal)
        first, stop = fault.span(START)
        size = fault.sigma * sigma(day, fault.device_id, fault.signal) * (1 if fault.direction == "up" else -1)
        full = added[first + fault.ramp - 1 : stop] if kind == "drift" else added[first : stop - fault.ramp]
        assert np.allclose(full, size, atol=2e-4)
        assert abs(added[first - 1]) < 2e-4


def test_spikes_go_up_and_dips_go_down_for_one_minute(day: Day) -> None:
    for fault in day.truth.faults:
        if fault.kind in ("spike", "dip"):
            assert fault.direction == {"spike": "up", "dip": "down"}[fault.kind]
            assert fault.start == fault.end


def test_a_level_shift_stays_or_glides_back_without_a_jump(day: Day, quiet_day: Day) -> None:
    shifts = [fault for fault in day.truth.faults if fault.kind == "level_shift"]
    assert {bool(fault.ramp) for fault in shifts} == {True, False}
    for fault in shifts:
        added = series(day, fault.device_id, fault.signal) - series(quiet_day, fault.device_id, fault.signal)
        scaled = added / sigma(day, fault.device_id, fault.signal)
        first, stop = fault.span(START)
        if fault.ramp:
            assert stop - first >= 360
            assert np.abs(np.diff(scaled[first : min(stop + 2, 1440)])).max() < 0.08
        else:
            assert stop == 1440


def test_a_drift_ramps_up_over_one_to_two_hours_and_stays(day: Day, quiet_day: Day) -> None:
    for fault in (fault for fault in day.truth.faults if fault.kind == "drift"):
        added = series(day, fault.device_id, fault.signal) - series(quiet_day, fault.device_id, fault.signal)
        first, stop = fault.span(START)
        assert 60 <= fault.ramp <= 120
        assert stop == 1440
        assert np.abs(np.diff(added[first:stop], n=2)[: fault.ramp - 2]).max() < 1e-3
        assert np.abs(added[first + 1]) < np.abs(added[first + fault.ramp // 2]) < np.abs(added[-1])


def test_a_stuck_sensor_repeats_its_last_reading_exactly(day: Day) -> None:
    faults = [fault for fault in day.truth.faults if fault.kind == "stuck"]
    assert faults
    for fault in faults:
        first, stop = fault.span(START)
        assert 60 <= stop - first <= 120
        cells = [day.seen.values[fault.device_id, fault.signal, START + i * MINUTE] for i in range(first, stop)]
        frozen = {value for cell in cells for value in cell}
        assert len(frozen) == 1
        assert frozen <= set(day.seen.values[fault.device_id, fault.signal, fault.start - MINUTE])
        assert len(set(day.seen.values[fault.device_id, fault.signal, fault.end + MINUTE])) == 3


def test_a_silent_device_sends_nothing_of_either_signal_and_nothing_else_is_missing(day: Day) -> None:
    silent = set()
    for fault in (fault for fault in day.truth.faults if fault.kind == "silence"):
        first, stop = fault.span(START)
        assert fault.signal == "all"
        assert 20 <= stop - first <= 60
        silent |= {(fault.device_id, signal, START + i * MINUTE) for signal in SIGNALS for i in range(first, stop)}
    everything = {
        (device, signal, START + i * MINUTE)
        for device in fleet(20, seed=7).device_ids
        for signal in SIGNALS
        for i in range(1440)
    }
    assert silent
    assert set(day.seen.values) == everything - silent
    assert len(day.seen.values) == day.truth.series_minutes


def check_distances(faults: tuple[Fault, ...], *, distance: timedelta, warm_up: timedelta) -> None:
    by_series: dict[tuple[str, str], list[Fault]] = defaultdict(list)
    for fault in faults:
        for signal in SIGNALS if fault.signal == "all" else (fault.signal,):
            by_series[fault.device_id, signal].append(fault)
        assert fault.start >= START + warm_up
        assert fault.end < START + timedelta(minutes=1440)
    for found in by_series.values():
        ordered = sorted(found, key=lambda fault: fault.start)
        for earlier, later in pairwise(ordered):
            assert later.start - earlier.end > distance
    silences = Counter(fault.device_id for fault in faults if fault.kind == "silence")
    assert max(silences.values(), default=0) <= 1


@pytest.mark.parametrize("seed", range(20))
def test_fifty_devices_get_the_usual_faults_apart_from_each_other_and_none_in_the_warm_up(seed: int) -> None:
    faults = place(FaultPlan(), fleet(50, seed=seed), start=START, minutes=1440)
    assert Counter(fault.kind for fault in faults) == PER_50_DEVICES_AND_DAY
    check_distances(faults, distance=timedelta(minutes=90), warm_up=timedelta(hours=2.5))
    sizes = [fault.sigma for fault in faults if fault.kind in SIZED]
    assert 5 <= min(sizes) < 6
    assert 11 < max(sizes) <= 12
    assert all(fault.sigma == 0 for fault in faults if fault.kind not in SIZED)
    assert {fault.direction for fault in faults if fault.kind in ("level_shift", "drift")} == {"up", "down"}


@pytest.mark.parametrize("devices", [2, 3, 5])
def test_few_devices_get_every_kind(devices: int) -> None:
    for seed in range(10):
        faults = place(FaultPlan(), fleet(devices, seed=seed), start=START, minutes=1440)
        assert {fault.kind for fault in faults} == set(PER_50_DEVICES_AND_DAY)
        check_distances(faults, distance=timedelta(minutes=90), warm_up=timedelta(hours=2.5))


def test_a_plan_sets_counts_sizes_lengths_and_distances() -> None:
    plan = FaultPlan(
        counts={"spike": 40}, sigma=(3, 4), warm_up=timedelta(0), distance=timedelta(minutes=20), spike_minutes=3
    )
    faults = place(plan, fleet(2, seed=1), start=START, minutes=1440)
    assert Counter(fault.kind for fault in faults) == {"spike": 40}
    assert all(3 <= fault.sigma <= 4 and fault.end - fault.start == 2 * MINUTE for fault in faults)
    assert min(fault.start for fault in faults) < START + timedelta(hours=2)
    check_distances(faults, distance=timedelta(minutes=20), warm_up=timedelta(0))


def test_faults_that_were_asked_for_and_do_not_fit_are_an_error() -> None:
    plan = FaultPlan(counts={"drift": 3})
    with pytest.raises(
        InputError, match=r"only 2 of 3 drift faults fit: ask for fewer, or for more devices or minutes"
    ):
        place(plan, fleet(1, seed=1), start=START, minutes=1440)


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"no fault kind 'spice': choose among silence, level_shift, .*dip"):
        FaultPlan(counts={"spice": 1})


def test_a_run_too_short_for_faults_has_none(tmp_path: Path) -> None:
    assert simulate(tmp_path, devices=2, minutes=60).faults == ()


def test_a_sensor_can_be_stuck_from_the_first_minute(tmp_path: Path) -> None:
    plan = FaultPlan(counts={"stuck": 2}, warm_up=timedelta(0))
    truth = simulate(tmp_path, devices=1, minutes=121, seed=1, faults=plan, bad_traffic=False)
    assert len(truth.faults) == 2
