"""Names of texts that are left out are told once each, and no more of them than a log should hold."""

from __future__ import annotations

from typing import Any

from ad_stream.pipeline.operation.attributes import MOST, Attributes
from ad_stream.pipeline.steps.observations import SEPARATOR


def report(batch: int, readings: int, *slots: list[str]) -> dict[str, Any]:
    names = {f"first_{slot}": SEPARATOR.join(names) or None for slot, names in enumerate(slots)}
    return {"batchId": batch, "observedMetrics": {"attributes": {"readings": readings, **names}}}


def said(*reports: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    attributes = Attributes(lines.append)
    for number in range(len(reports)):
        attributes(list(reports[: number + 1]))
    return lines


def test_each_name_is_told_once_whatever_slot_it_comes_in() -> None:
    lines = said(report(0, 7, ["status", "fw"], []), report(1, 9, [], ["fw"]), report(2, 3, ["fw", "site"]))
    assert [line.split(" (")[0] for line in lines] == [
        "NOTE: no numbers, left out as attributes of 7 readings: fw, status",
        "NOTE: no numbers, left out as attributes of 3 readings: site",
    ]


def test_a_batch_without_texts_says_nothing() -> None:
    assert said(report(0, 0, [], []), {"batchId": 1}) == []


def test_names_that_devices_make_up_fill_no_log_and_break_no_line() -> None:
    many = [f"name {number:03}" for number in range(200)]
    lines = said(report(0, 200, many), report(1, 200, ["another"]))
    assert len(lines) == 1 and lines[0].count("name ") == MOST and "further names are not told" in lines[0]
    assert "\\n" in said(report(0, 1, ["a\nb"]))[0] and "\n" not in said(report(0, 1, ["a\nb"]))[0]


def test_the_name_of_a_record_points_to_the_setting_for_records() -> None:
    assert "telemetry.records" in said(report(0, 5, ["name"]))[0]
    assert "telemetry.records" not in said(report(0, 5, ["status"]))[0]
