"""Bad traffic: each kind is there, is what it is called, and harms nothing."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ad_stream.simulate import simulate
from ad_stream.simulate.devices.bad_traffic import KINDS, REASON, bad_traffic
from ad_stream.simulate.devices.fleet import fleet
from ad_stream.simulate.devices.readings import Series
from tests.support.slow_reader import Day, read

pytestmark = pytest.mark.slow


def test_the_slow_reader_counts_what_the_truth_expects(day: Day) -> None:
    assert day.truth.expected == {
        "quarantined": dict(day.seen.quarantined),
        "late": day.seen.late,
        "duplicates": day.seen.duplicates,
        "non_telemetry": day.seen.non_telemetry,
    }
    assert min(day.seen.quarantined.values()) >= 1
    assert day.seen.late >= 2


def test_all_reasons_of_the_pipeline_occur(day: Day) -> None:
    assert set(day.seen.quarantined) == set(REASON.values()) == {
        "empty", "malformed", "not_utf8", "too_large", "no_device", "not_a_number", "bad_time",
        "future_time", "no_signal",
    }  # fmt: skip


@pytest.mark.parametrize(("devices", "each"), [(50, 3), (100, 6), (1, 1)])
def test_the_counts_grow_with_the_fleet(devices: int, each: int) -> None:
    series = Series(fleet(devices, seed=0), (), datetime(2026, 11, 1, tzinfo=timezone.utc), messages_per_minute=1)
    messages, counts = bad_traffic(series, minutes=1440, watermark=timedelta(minutes=2), partitions=4)
    assert counts == dict.fromkeys(KINDS, each)
    assert len(messages) == len(KINDS) * each


def test_bad_traffic_changes_no_minute_s_largest_value(tmp_path: Path) -> None:
    simulate(tmp_path / "with", devices=6, minutes=500, seed=11)
    simulate(tmp_path / "without", devices=6, minutes=500, seed=11, bad_traffic=False)
    dirty, clean = read(tmp_path / "with"), read(tmp_path / "without")
    assert dirty.duplicates > 0
    assert {key: max(cell) for key, cell in dirty.values.items()} == {
        key: max(cell) for key, cell in clean.values.items()
    }


def test_bad_traffic_keeps_away_from_faults(day: Day) -> None:
    spoiled = {(device, minute) for (device, _, minute), cell in day.seen.values.items() if len(cell) != 3}
    assert spoiled
    for fault in day.truth.faults:
        near = (fault.start - timedelta(minutes=40), fault.end + timedelta(minutes=40))
        assert not [1 for device, minute in spoiled if device == fault.device_id and near[0] <= minute <= near[1]]


@pytest.mark.parametrize("minutes", [0, 2, 15])
def test_late_messages_are_later_than_the_watermark_of_the_run(minutes: int, tmp_path: Path) -> None:
    watermark = timedelta(minutes=minutes)
    truth = simulate(tmp_path, devices=20, minutes=1440, messages_per_minute=1, faults=False, watermark=watermark)
    seen = read(tmp_path, watermark=watermark)
    assert seen.late == truth.expected["late"] == 2 * truth.bad_traffic["late"] > 0


def test_a_run_too_short_for_late_messages_has_none(tmp_path: Path) -> None:
    truth = simulate(tmp_path, devices=5, minutes=20)
    assert "late" not in truth.bad_traffic
    assert truth.expected["late"] == 0
    assert read(tmp_path).late == 0


def test_without_bad_traffic_every_message_is_good(quiet_day: Day) -> None:
    assert quiet_day.truth.bad_traffic == {}
    assert quiet_day.seen.quarantined == {}
    assert (quiet_day.seen.late, quiet_day.seen.duplicates, quiet_day.seen.non_telemetry) == (0, 0, 0)
