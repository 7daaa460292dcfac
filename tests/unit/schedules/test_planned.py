"""When the times of a schedule come, both changes of clocks included."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ad_stream.config.cron import Cron
from ad_stream.config.schedules import Schedule
from ad_stream.schedules.planned import next_time, times_between

BERLIN = "Europe/Berlin"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def planned(first: str, last: str, **when: Any) -> list[str]:
    made = Schedule(run="maintain", **when)
    return [f"{at:%m-%d %H:%M}" for at in times_between(made, utc(first), utc(last))]


def test_half_past_two_comes_once_on_the_day_that_has_it_twice() -> None:
    found = planned("2026-10-24", "2026-10-27", cron="30 2 * * *", time_zone=BERLIN)
    assert found == ["10-24 00:30", "10-25 00:30", "10-26 01:30"]


def test_half_past_two_comes_at_half_past_three_on_the_day_that_lacks_it() -> None:
    found = planned("2026-03-28", "2026-03-31", cron="30 2 * * *", time_zone=BERLIN)
    assert found == ["03-28 01:30", "03-29 01:30", "03-30 00:30"]


def test_a_cron_of_every_hour_runs_in_both_hours_of_that_name() -> None:
    found = planned("2026-10-24T22:00", "2026-10-25T23:00", cron="*/30 * * * *", time_zone=BERLIN)
    assert len(found) == 50 and found[3:6] == ["10-25 00:00", "10-25 00:30", "10-25 01:00"]


@pytest.mark.parametrize(
    ("every", "times"),
    [
        ("once", ["11-05 01:30"]),
        ("daily", [f"11-{day:02d} 01:30" for day in range(5, 30)]),
        ("weekday", [f"11-{day:02d} 01:30" for day in (5, 6, 9, 10, 11, 12, 13, 16, 17, 18, 19, 20, 23, 24, 25, 26, 27)]),
        ("monday", ["11-09 01:30", "11-16 01:30", "11-23 01:30"]),
        ("sunday", ["11-08 01:30", "11-15 01:30", "11-22 01:30", "11-29 01:30"]),
        ("weekly", ["11-05 01:30", "11-12 01:30", "11-19 01:30", "11-26 01:30"]),
        ("two-weekly", ["11-05 01:30", "11-19 01:30"]),
        ("monthly", ["11-05 01:30"]),
        ("200 hours", ["11-05 01:30", "11-13 09:30", "11-21 17:30"]),
    ],
)  # fmt: skip
def test_each_rhythm_begins_at_its_start(every: str, times: list[str]) -> None:
    assert planned("2026-10-01", "2026-11-30", every=every, start="2026-11-05T02:30", time_zone=BERLIN) == times


def test_an_interval_without_a_start_counts_from_midnight() -> None:
    found = planned("2026-11-01T00:00", "2026-11-01T01:00", every="15 minutes")
    assert found == [f"11-01 {at}" for at in ("00:15", "00:30", "00:45", "01:00")]


@pytest.mark.parametrize("weekday", ["0", "7", "sun", "SUN"])
def test_sunday_is_zero_and_seven_as_in_cron_and_not_as_in_apscheduler(weekday: str) -> None:
    assert planned("2026-11-01T12:00", "2026-11-20", cron=f"0 4 * * {weekday}") == ["11-08 04:00", "11-15 04:00"]


def test_the_last_day_of_each_month() -> None:
    assert planned("2028-01-05", "2028-03-05", cron="0 4 L * *") == ["01-31 04:00", "02-29 04:00"]


def test_what_never_comes_again_has_no_next_time() -> None:
    made = Schedule(run="maintain", every="once", start="2026-11-05T02:30")
    assert next_time(made, utc("2026-11-05T02:30")) is None


def naive(cron: Cron, first: datetime, last: datetime, zone: ZoneInfo) -> list[datetime]:
    """Minute by minute, without a thought."""
    found, at = [], first + timedelta(minutes=1)
    while at <= last:
        local = at.astimezone(zone)
        wanted_of = (cron.minutes, cron.hours, cron.days, cron.months, cron.weekdays)
        have_of = (local.minute, local.hour, local.day, local.month, local.isoweekday() % 7)
        fields = zip(wanted_of, have_of, strict=True)
        if all(wanted is None or have in wanted for wanted, have in fields) and not (local.fold and not cron.each_hour):
            found.append(at)
        at += timedelta(minutes=1)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_times_are_those_of_a_walk_over_every_minute(seed: int) -> None:
    """Over an autumn change; a spring one differs on purpose, where the hour is skipped."""
    draw = random.Random(seed)
    minute = draw.choice(["*/20", "7", "5,50", "10-30/10"])
    text = f"{minute} {draw.choice(['*', '*/3', '2', '1-3', '22,4'])} {draw.choice(['* * *', '* * sun', '* * 1-5', '25,26 10 *'])}"
    made = Schedule(run="maintain", cron=text, time_zone=BERLIN)
    first, last = utc("2026-10-23T17:00"), utc("2026-10-27T05:00")
    assert list(times_between(made, first, last)) == naive(Cron.parse(text), first, last, ZoneInfo(BERLIN)), text
