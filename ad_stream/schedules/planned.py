"""When a schedule's times come, by APScheduler's triggers; what they leave open about the change of clocks is decided here.

A wall-clock hour that comes twice in autumn counts once, unless the cron runs in each hour. One that is skipped in spring
comes an hour later on the clock: 02:30 in Berlin is 03:30 summer time, 24 hours after the day before.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ad_stream.config.cron import WEEKDAYS, Cron
from ad_stream.config.schedules import ONCE
from ad_stream.errors import SetupError

if TYPE_CHECKING:
    from ad_stream.config.schedules import Schedule

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
TICK = timedelta(microseconds=1)
WEEK = timedelta(days=7)


def next_time(schedule: Schedule, after: datetime) -> datetime | None:
    """The first planned time later than `after`, both UTC; None where none comes any more."""
    if schedule.every == ONCE:
        return schedule.first if schedule.first is not None and schedule.first > after else None
    trigger, cron = _trigger(schedule), schedule.calendar
    at = after
    while True:
        found: datetime | None = trigger.get_next_fire_time(None, at + TICK)
        if found is None:
            return None
        at = found.astimezone(timezone.utc)
        if at > after and (cron is None or _counts(schedule, cron, at)):
            return at


def times_between(schedule: Schedule, after: datetime, until: datetime) -> Iterator[datetime]:
    """The planned times with after < time <= until, ascending."""
    at = next_time(schedule, after)
    while at is not None and at <= until:
        yield at
        at = next_time(schedule, at)


def _counts(schedule: Schedule, cron: Cron, at: datetime) -> bool:
    local = at.astimezone(schedule.zone)
    if local.fold and not cron.each_hour:
        return False
    if schedule.every != "two-weekly" or schedule.first is None:
        return True
    days = local.date() - schedule.first.astimezone(schedule.zone).date()
    return days // WEEK % 2 == 0


@lru_cache(maxsize=1000)
def _trigger(schedule: Schedule) -> Any:
    try:
        from apscheduler.triggers.cron import CronTrigger
        from apscheduler.triggers.interval import IntervalTrigger
    except ImportError:
        raise SetupError("the package apscheduler is missing: pip install 'ad-stream[schedule]'") from None
    interval, cron = schedule.interval, schedule.calendar
    if interval is not None:
        seconds = int(interval.total_seconds())
        return IntervalTrigger(seconds=seconds, start_date=schedule.first or EPOCH, timezone=timezone.utc)
    assert cron is not None
    # Its own reading of five fields takes 0 for Monday, where cron has Sunday.
    weekdays = None if cron.weekdays is None else ",".join(WEEKDAYS[day] for day in cron.weekdays)
    return CronTrigger(
        minute=_field(cron.minutes), hour=_field(cron.hours), day="last" if cron.last_day else _field(cron.days),
        month=_field(cron.months), day_of_week=weekdays or "*", second="0", start_date=schedule.first, timezone=schedule.zone,
    )  # fmt: skip


def _field(numbers: tuple[int, ...] | None) -> str:
    return "*" if numbers is None else ",".join(map(str, numbers))
