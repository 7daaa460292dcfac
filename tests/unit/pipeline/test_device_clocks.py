"""Clocks of devices that are all off are told of once, with the cause that the size of the difference points to."""

from __future__ import annotations

from typing import Any

from ad_stream.pipeline.operation.device_clocks import DeviceClocks, sentence


def report(batch: int, **seen: int) -> dict[str, Any]:
    none = {"timed": 0, "ahead": 0, "late": 0, "least": 0, "most": 0, "folds": 0, "gaps": 0}
    return {"batchId": batch, "observedMetrics": {"clocks": none | seen}}


def said(*reports: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    clocks = DeviceClocks(lines.append)
    for count in range(1, len(reports) + 1):
        clocks(list(reports[:count]))
    return lines


def test_all_ahead_by_hours_points_to_a_zone_and_is_told_once() -> None:
    one = report(0, timed=20, ahead=20, least=7190, most=7200)
    lines = said(one, report(1, timed=20, ahead=20, least=7190, most=7200))
    assert len(lines) == 1
    assert "all 20 readings so far are future_time" in lines[0] and "telemetry.time_zone" in lines[0]


def test_all_late_by_any_time_points_to_the_clocks() -> None:
    assert "set the devices' clocks" in said(report(0, timed=9, late=9, least=-1234, most=-1230))[0]


def test_one_good_reading_is_no_reason_to_say_anything() -> None:
    assert said(report(0, timed=9, late=8, least=-3600, most=0)) == []


def test_a_few_readings_are_waited_for() -> None:
    one, other = (report(n, timed=3, ahead=3, least=3600, most=3600) for n in range(2))
    assert said(one) == [] and len(said(one, other)) == 1


def test_resolved_local_times_are_counted() -> None:
    assert said(report(0, timed=9, folds=2, gaps=0)) == [
        "2 local times that a clock of telemetry.time_zone has shown twice (end of summer time) were resolved"
    ]


def test_devices_of_two_zones_are_both_named() -> None:
    assert "future_time or late: their times are -18000 to 7200 s off" in sentence(9, True, -18_000, 7_200)
