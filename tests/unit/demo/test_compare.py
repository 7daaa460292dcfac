"""Found, missed, false alarm: on verdicts written by hand, minute by minute."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pandas as pd
import pytest

from ad_stream.demo.compare import FaultComparison, compare, means
from ad_stream.simulate import Fault

START = datetime(2026, 11, 1, tzinfo=timezone.utc)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def fault(kind: str, first: int, last: int, signal: str = "temperature") -> Fault:
    return Fault("pi-1", signal, kind, at(first), at(last), 7.0, "up")


def verdicts(*flagged: int, signal: str = "temperature", minutes: int = 1440, warm: int = 0) -> pd.DataFrame:
    rows = range(minutes)
    return pd.DataFrame(
        {
            "device_id": "pi-1",
            "signal": signal,
            "minute": pd.to_datetime([at(row) for row in rows], utc=True),
            "score": [5.0 + row / 1e4 if row in flagged else 1.0 for row in rows],
            "severity": [0.5 if row in flagged else 0.0 for row in rows],
            "is_anomaly": [row in flagged for row in rows],
            "status": ["warming_up" if row < warm else "scored" for row in rows],
            "reason": ["above" if row in flagged else "normal" for row in rows],
        }
    )


def test_a_flag_of_the_slow_verdict_finds_a_fault_and_gives_a_false_alarm_as_the_first_one_does() -> None:
    rows = verdicts(100).assign(slow_is_anomaly=False, slow_reason="normal", slow_score=0.5)
    rows.loc[[150, 400, 401], ["slow_is_anomaly", "slow_reason", "slow_score"]] = [True, "drift", 1.5]
    compared = compare([fault("drift", 140, 200)], rows)
    assert compared.outcomes[0].found and compared.outcomes[0].delay_minutes == 10
    assert compared.outcomes[0].note == means("drift")
    assert [(one.reason, one.flagged, one.score) for one in compared.alarms] == [("above", 1, 5.01), ("drift", 2, 1.5)]
    assert compare([], rows.drop(columns="slow_score")).false_flags == 4


def only(compared: FaultComparison) -> tuple[bool, int | None]:
    (one,) = compared.outcomes
    return one.found, one.delay_minutes


@pytest.mark.parametrize(
    ("kind", "flag", "found", "delay"),
    [
        ("spike", 100, True, 0),
        ("dip", 103, True, 3),
        ("level_shift", 104, False, None),
        ("spike", 99, False, None),
        ("drift", 160, True, 60),
        ("stuck", 161, False, None),
    ],
)
def test_a_sudden_fault_has_three_minutes_and_a_slow_one_its_whole_length(
    kind: str, flag: int, found: bool, delay: int | None
) -> None:
    compared = compare([fault(kind, 100, 160)], verdicts(flag))
    assert only(compared) == (found, delay)


def test_the_delay_is_that_of_the_first_flag() -> None:
    assert only(compare([fault("spike", 100, 100)], verdicts(102, 103))) == (True, 2)


def test_a_flag_on_the_other_signal_finds_only_what_touches_all_of_them() -> None:
    rows = pd.concat([verdicts(minutes=300), verdicts(120, signal="humidity", minutes=300)])
    assert only(compare([fault("spike", 120, 120)], rows)) == (False, None)
    assert only(compare([fault("drift", 110, 130, signal="all")], rows)) == (True, 10)


def test_flags_near_a_fault_are_no_false_alarms_and_the_minutes_around_it_do_not_count() -> None:
    compared = compare([fault("spike", 100, 105)], verdicts(99, 100, 115))
    assert (compared.alarms, compared.false_flags, compared.clear) == ([], 0, 1440 - 17)


@pytest.mark.parametrize("flag", [98, 116])
def test_a_flag_just_outside_is_a_false_alarm(flag: int) -> None:
    (alarm,) = compare([fault("spike", 100, 105)], verdicts(flag)).alarms
    assert (alarm.first, alarm.last, alarm.flagged, alarm.reason) == (at(flag), at(flag), 1, "above")


def test_flags_up_to_ten_minutes_apart_are_one_alarm() -> None:
    compared = compare([], verdicts(200, 210, 221))
    assert [(alarm.first, alarm.last, alarm.flagged) for alarm in compared.alarms] == [
        (at(200), at(210), 2),
        (at(221), at(221), 1),
    ]
    assert compared.false_flags == 3


def test_the_rate_is_per_day_of_scored_minutes() -> None:
    assert compare([], verdicts(700, minutes=1440, warm=720)).false_alarms_per_series_day == pytest.approx(2.0)


def test_a_missed_fault_says_what_the_rows_say() -> None:
    faults = [fault("spike", 100, 100), fault("silence", 5000, 5030, "all"), fault("drift", 5000, 5030)]
    missed, silent, absent = compare(faults, verdicts()).outcomes
    assert missed.note == "most unusual minute 01:40: inside the expected band"
    assert silent.note == "no incident says that the device was silent"
    assert absent.note == "no rows: the device sent none meanwhile"


@pytest.mark.parametrize(
    ("kind", "device", "opened", "found", "delay"),
    [
        ("silence", "pi-1", 112, True, 12),
        ("silence", "pi-1", 131, False, None),
        ("silence", "pi-1", 90, False, None),
        ("silence", "pi-2", 112, False, None),
        ("value", "pi-1", 112, False, None),
    ],
)
def test_a_silence_is_found_by_an_incident_of_its_device_that_opens_meanwhile(
    kind: str, device: str, opened: int, found: bool, delay: int | None
) -> None:
    incidents = [{"kind": kind, "device_id": device, "opened": at(opened)}]
    compared = compare([fault("silence", 100, 130, "all")], verdicts(), incidents=incidents)
    assert only(compared) == (found, delay)
