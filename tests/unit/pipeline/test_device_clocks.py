"""Clocks of devices that are all off are told of once, with the cause that the size of the difference points to."""

from __future__ import annotations

from collections import Counter

from ad_stream.pipeline.batch_state import BatchReport
from ad_stream.pipeline.operation.device_clocks import DeviceClocks, sentence


def done(
    batch: int, *, ahead: int = 0, late: int = 0, closed: int = 0, off: tuple[int, int] | None = None
) -> BatchReport:
    counts = Counter({"late": late, "minutes_closed": closed})
    return BatchReport(batch, reasons={"future_time": ahead} if ahead else {}, counts=counts, off=off)


def said(*reports: BatchReport) -> list[str]:
    lines: list[str] = []
    clocks = DeviceClocks(lines.append)
    for report in reports:
        clocks.batch(report)
    return lines


def test_all_ahead_by_hours_points_to_a_zone_and_is_told_once() -> None:
    lines = said(*(done(batch, ahead=20, off=(7190, 7200)) for batch in range(2)))
    assert len(lines) == 1
    assert "all 20 readings so far are future_time" in lines[0] and "telemetry.time_zone" in lines[0]


def test_all_late_by_any_time_points_to_the_clocks() -> None:
    assert "set the devices' clocks" in said(done(0, late=9, off=(-1234, -1230)))[0]


def test_one_good_window_is_no_reason_to_say_anything() -> None:
    assert said(done(0, late=8, closed=1, off=(-3600, -3600)), done(1, late=8, off=(-3600, -3600))) == []


def test_a_few_readings_are_waited_for() -> None:
    one, other = (done(n, ahead=3, off=(3600, 3600)) for n in range(2))
    assert said(one) == [] and len(said(one, other)) == 1


def test_resolved_local_times_are_counted_once_a_batch() -> None:
    lines: list[str] = []
    clocks = DeviceClocks(lines.append)
    report = {"batchId": 0, "observedMetrics": {"clocks": {"folds": 2, "gaps": 0}}}
    clocks([report])
    clocks([report, {**report, "batchId": 1}])
    assert lines == [
        "2 local times that a clock of telemetry.time_zone has shown twice (end of summer time) were resolved"
    ]
    assert clocks.folds == 4


def test_devices_of_two_zones_are_both_named() -> None:
    assert "future_time or late: their times are -18000 to 7200 s off" in sentence(9, True, -18_000, 7_200)
