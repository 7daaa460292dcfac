"""Each kind of bad input under its own reason, in both signal modes, and nothing valid beside it lost."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from ad_stream.pipeline.run import Summary
from tests.support.streaming import Stream, iso, message

GOOD = {"t": 1.5, "h": 2.0}
HUGE = json.dumps({**GOOD, "pad": "x" * 3000})

# name: body, time of the device or None, reasons in quarantine by element, values of t that must survive
BODIES: dict[str, tuple[object, list[tuple[int, str]], list[float]]] = {
    "truncated": ('{"t": 1', [(0, "malformed")], []),
    "glued": ('{"t":1}{"t":2}', [(0, "malformed")], []),
    "comma_separated": ('{"t":1},{"t":2}', [(0, "malformed")], []),
    "arrays_glued": ('[{"t":1}][{"t":2}]', [(0, "malformed")], []),
    "array_then_garbage": ('[{"t":1}] garbage', [(0, "malformed")], []),
    "object_then_bracket": ('{"t":1}]garbage', [(0, "malformed")], []),
    "array_without_its_front": ('{"t":1},{"t":2}]', [(0, "malformed")], []),
    "empty": ("", [(0, "empty")], []),
    "whitespace": (" \n\t ", [(0, "malformed")], []),
    "huge": (HUGE, [(0, "too_large")], []),
    "not_utf8": (b'{"t":1,"p":"\xff\xfe"}', [(0, "not_utf8")], []),
    "byte_order_mark": ("\ufeff" + '{"t":1}', [], [1.0]),
    "trailing_zeros": ('{"t":1}\0\0', [], [1.0]),
    "lines": ('{"t":1}\r\n{"t":2}\n', [], [1.0, 2.0]),
    "lines_with_one_bad": ('{"t":1}\n{"t":"n/a"}\n{"t":3}', [(1, "not_a_number")], [1.0, 3.0]),
    "lines_with_one_torn": ('{"t":1}\n{"t":', [(0, "malformed")], []),
    "only_text": ('"t"', [(0, "malformed")], []),
    "only_number": ("5", [(0, "malformed")], []),
    "only_null": ("null", [(0, "malformed")], []),
    "deep": ("[" * 1500, [(0, "too_deep")], []),
    "long_number": ('{"t":' + "9" * 1500 + "}", [(0, "malformed")], []),
    "empty_array": ("[]", [(0, "malformed")], []),
    "nested_array": ('[[{"t":1}]]', [(0, "malformed")], []),
    "array_of_numbers": ("[1,2]", [(0, "malformed"), (1, "malformed")], []),
    "array": ('[{"t":1},{"t":2}]', [], [1.0, 2.0]),
    "array_after_a_line_break": ('\n[{"t":1},{"t":2}]\n', [], [1.0, 2.0]),
    "array_with_one_bad_element": ('[{"t":1},5,{"t":2}]', [(1, "malformed")], [1.0, 2.0]),
    "array_with_one_bad_number": ('[{"t":1},{"t":"n/a"},{"t":3}]', [(1, "not_a_number")], [1.0, 3.0]),
    "array_with_one_without_signal": ('[{"t":1},{}]', [(1, "no_signal")], [1.0]),
    "number_as_text": ('{"t":"7"}', [], [7.0]),
    "padded_text": ('{"t":" 7 "}', [], [7.0]),
    "exponent_as_text": ('{"t":"1e3"}', [], [1000.0]),
    "java_double": ('{"t":"5d"}', [(0, "not_a_number")], []),
    "java_hex_float": ('{"t":"0x1p3"}', [(0, "not_a_number")], []),
    "hexadecimal": ('{"t":"0x10"}', [(0, "not_a_number")], []),
    "failed": ('{"t":"fault"}', [(0, "not_a_number")], []),
    "empty_text": ('{"t":""}', [(0, "not_a_number")], []),
    "one_member_failed": ('{"t":4,"h":"unavailable"}', [(0, "not_a_number")], [4.0]),
    "both_members_failed": ('{"t":"NULL","h":"n/a"}', [(0, "not_a_number")], []),
    "nan": ('{"t":NaN,"h":1}', [(0, "not_a_number")], []),
    "infinity": ('{"t":-Infinity,"h":1}', [(0, "not_a_number")], []),
    "beyond_double": ('{"t":1e400,"h":1}', [(0, "not_a_number")], []),
    "beyond_double_as_text": ('{"t":"1e400","h":1}', [(0, "not_a_number")], []),
    "null_beside_a_value": ('{"t":null,"h":1}', [], []),
    "only_nulls": ('{"t":null}', [(0, "no_signal")], []),
    "no_member": ("{}", [(0, "no_signal")], []),
    "no_signal": ('{"messageId":5,"id":6}', [(0, "no_signal")], []),
    "whole_number_beyond_long": ('{"t":12345678901234567890123}', [], [12345678901234567890123.0]),
    "smallest_numbers": ('{"t":1e-320}', [], [1e-320]),
}  # fmt: skip
# Words, booleans and lists are no signals to `auto`, and no numbers to one who declared them. Body, reason and signals of `auto`:
DIFFER: dict[str, tuple[str, list[str], set[str]]] = {
    "boolean": ('{"t":true,"h":1}', [], {"h"}),
    "object": ('{"t":{"a":1},"h":1}', [], {"h", "t.a"}),
    "list": ('{"t":[1],"h":1}', [], {"h"}),
    "word": ('{"t":"warm","h":1}', [], {"h"}),
    "only_words": ('{"t":"warm","h":"open"}', ["no_signal"], set()),
}
TIMES: dict[str, tuple[object, str | None, str | None]] = {
    "zone_offset": ("2026-11-01T02:04:10+02:00", None, "00:04"),
    "epoch_seconds": (1793491450, None, "00:04"),
    "epoch_seconds_with_a_fraction": (1793491450.5, None, "00:04"),
    "epoch_milliseconds": (1793491450123, None, "00:04"),
    "epoch_as_text": ("1793491450", None, "00:04"),
    "no_zone": ("2026-11-01T00:04:10", None, "00:04"),
    "null_time": (None, None, "00:05"),
    "clock_ahead": (iso(10, 30), None, "00:05"),
    "clock_too_far_ahead": (iso(10, 31), "future_time", None),
    "clock_a_year_ahead": ("2027-11-01T00:05:00Z", "future_time", None),
    "no_time": ("soon", "bad_time", None),
    "only_a_time_of_day": ("12:34", "bad_time", None),
    "only_a_year": ("2026", "bad_time", None),
    "small_number": (12345, "bad_time", None),
    "object_as_time": ({"a": 1}, "bad_time", None),
}
Case = tuple[Stream, Summary]


def _messages() -> list[Any]:
    out = [message(body, 5, device=name) for name, (body, _, _) in BODIES.items()]
    out += [message(body, 5, device=name) for name, (body, _, _) in DIFFER.items()]
    out += [message({"t": 1, "time": time}, 5, device=name) for name, (time, _, _) in TIMES.items()]
    out += [message({**GOOD, "deviceId": "in_the_body"}, 5, device=None), message(GOOD, 5, device=None)]
    out += [
        message(GOOD, 5, device="twin", source="twinChangeEvents"),
        message(GOOD, 5, device="life", source="deviceLifecycleEvents"),
    ]
    out += [message(GOOD, minute, device="steady") for minute in range(10)]
    # The minute 0 ends at 1; with a watermark of 2 it closes with what is enqueued at 3.
    out += [message({"t": 8, "time": iso(0)}, 2, 59.999, device="just_in_time")]
    out += [message({"t": 9, "time": iso(0)}, 3, 0, device="at_the_boundary")]
    out += [message({"t": 9, "h": "n/a", "time": iso(0)}, 13, device="late_and_odd")]
    return sorted(out, key=lambda one: one.enqueued)


def _ran(spark: SparkSession, folder: Any, signals: object) -> Case:
    telemetry = {"signals": signals, "event_time": "time", "max_body": 2500, "keep_body": 64}
    stream = Stream(spark, folder, {"telemetry": telemetry})
    body = base64.b64encode(json.dumps(GOOD).encode()).decode()
    unnumbered = {"iothub-connection-device-id": "unnumbered"}
    stream.writer.write_lines(
        [
            '{"body": "eyJ0IjoxfQ==", "enqueuedTime": "' + iso(5) + '", "partition": "0", "sequen\n',
            json.dumps({"body": "!!no base64!!", "enqueuedTime": iso(5), "partition": "7", "sequence": 1}) + "\n",
            *[json.dumps({"body": body, "enqueuedTime": iso(5, k), "systemProperties": unnumbered}) + "\n" for k in range(3)],
        ]
    )  # fmt: skip
    stream.write(_messages())
    return stream, stream.run()


@pytest.fixture(scope="module")
def auto(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return _ran(spark, tmp_path_factory.mktemp("auto"), "auto")


@pytest.fixture(scope="module")
def declared(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return _ran(spark, tmp_path_factory.mktemp("declared"), ["t", "h"])


@pytest.fixture(params=["auto", "declared"])
def case(request: pytest.FixtureRequest) -> Case:
    found: Case = request.getfixturevalue(request.param)
    return found


def _of(frame: pd.DataFrame) -> Callable[[str], pd.DataFrame]:
    return lambda device: frame[frame.device_id == device]


def test_each_bad_body_lands_under_its_own_reason(case: Case) -> None:
    quarantine = _of(case[0].table("quarantine"))
    found = {name: sorted(zip(quarantine(name).element, quarantine(name).reason, strict=True)) for name in BODIES}
    assert found == {name: reasons for name, (_, reasons, _) in BODIES.items()}


def test_a_row_of_quarantine_says_what_it_rests_on(case: Case) -> None:
    detail = _of(case[0].table("quarantine"))
    assert list(detail("array_with_one_bad_number").detail) == ["t is 'n/a'"]
    assert list(detail("huge").detail) == ["set telemetry.max_body"]
    assert list(detail("no_time").detail) == ["time is 'soon'"]
    assert detail("truncated").detail.isna().all()


def test_nothing_valid_beside_something_bad_is_lost(case: Case) -> None:
    table = case[0].table("minutes")
    minutes = _of(table[table.signal == "t"])
    wanted = {name: (len(values), min(values), max(values)) for name, (_, _, values) in BODIES.items() if values}
    found = {
        name: (int(rows.n.sum()), rows["min"].min(), rows["max"].max()) for name in BODIES if len(rows := minutes(name))
    }
    assert found == wanted


def test_a_huge_body_is_cut_and_its_full_length_kept(case: Case) -> None:
    row = _of(case[0].table("quarantine"))("huge").iloc[0]
    assert bytes(row.body) == HUGE.encode()[:64]
    assert row.body_bytes == len(HUGE)


def test_device_clocks_are_read_in_every_form_or_refused(case: Case) -> None:
    quarantine, minutes = _of(case[0].table("quarantine")), _of(case[0].table("minutes"))
    for name, (_, reason, minute) in TIMES.items():
        assert list(quarantine(name).reason) == ([reason] if reason else []), name
        assert [f"{at:%H:%M}" for at in minutes(name).minute] == ([minute] if minute else []), name


def test_the_device_is_found_in_the_body_and_its_absence_is_quarantined(case: Case) -> None:
    minutes, quarantine = case[0].table("minutes"), case[0].table("quarantine")
    assert set(_of(minutes)("in_the_body").signal) == {"t", "h"}
    assert len(quarantine[(quarantine.reason == "no_device") & quarantine.device_id.isna()]) == 1


def test_what_is_late_keeps_its_value_and_the_boundary_is_the_closing_event(case: Case) -> None:
    late, minutes = case[0].table("late"), _of(case[0].table("minutes"))
    assert dict(zip(late.device_id, late.value, strict=True)) == {"at_the_boundary": 9.0, "late_and_odd": 9.0}
    assert list(minutes("just_in_time").value) == [8.0]
    assert list(_of(case[0].table("quarantine"))("late_and_odd").reason) == ["not_a_number"]


def test_a_torn_line_and_bad_base64_are_quarantined_with_their_text(case: Case) -> None:
    quarantine = case[0].table("quarantine")
    bodies = [bytes(body) for body in quarantine[quarantine.device_id.isna()].body]
    assert any(body.startswith(b'{"body": "eyJ0IjoxfQ==", "enqueuedTime"') for body in bodies)
    assert any(body == b"!!no base64!!" for body in bodies)


def test_lines_without_a_sequence_number_are_no_duplicates_of_each_other(case: Case) -> None:
    assert set(_of(case[0].table("minutes"))("unnumbered").n) == {3}


def test_twin_and_life_cycle_events_are_counted_and_parsed_nowhere(case: Case) -> None:
    stream, summary = case
    assert summary.non_telemetry == 2
    for name in ("minutes", "quarantine", "late"):
        assert not set(stream.table(name).device_id) & {"twin", "life"}


def test_the_steady_device_beside_it_all_has_every_minute(case: Case) -> None:
    minutes = _of(case[0].table("minutes"))("steady")
    assert [f"{at:%H:%M}" for at in sorted(minutes[minutes.signal == "t"].minute)] == [f"00:0{k}" for k in range(10)]


def test_no_reading_is_both_good_and_quarantined_and_none_is_neither(case: Case) -> None:
    stream, summary = case
    lines = len(_messages()) + 5
    assert (summary.events, summary.duplicates, summary.dropped_by_watermark) == (lines, 0, 0)
    quarantine = stream.table("quarantine")
    assert not quarantine.duplicated(["source", "partition", "sequence", "element"]).any()
    assert sum(summary.quarantined.values()) == len(quarantine)
    assert summary.quarantined == quarantine.reason.value_counts().to_dict()


def test_declared_and_auto_signals_give_equal_tables(auto: Case, declared: Case) -> None:
    both = [set(BODIES) | set(TIMES) | {"steady", "in_the_body", "unnumbered", "just_in_time"}] * 2
    for name, order in (("minutes", ["device_id", "signal", "minute"]), ("late", ["device_id", "signal"])):
        one, other = (
            frame[frame.device_id.isin(devices)].reset_index(drop=True)
            for frame, devices in zip(
                (auto[0].content(name, *order), declared[0].content(name, *order)), both, strict=True
            )
        )
        columns = [column for column in one.columns if column != "source"]
        pd.testing.assert_frame_equal(one[columns], other[columns], rtol=1e-9)


def test_what_is_no_number_to_a_declared_signal_is_no_signal_to_auto(auto: Case, declared: Case) -> None:
    for name, (_, reasons, signals) in DIFFER.items():
        assert list(_of(declared[0].table("quarantine"))(name).reason) == ["not_a_number"]
        assert list(_of(auto[0].table("quarantine"))(name).reason) == reasons
        assert set(_of(auto[0].table("minutes"))(name).signal) == signals
        assert set(_of(declared[0].table("minutes"))(name).signal) == signals & {"h"}
