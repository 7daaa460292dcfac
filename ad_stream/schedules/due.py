"""Which of the times that have come still runs, by the policy of its schedule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ad_stream.schedules.planned import times_between

if TYPE_CHECKING:
    from ad_stream.config.schedules import Schedule

GRACE = timedelta(minutes=1)
"""A time that is found so late is on time."""
MOST = 1_000
"""Of the times of a long absence only so many, the latest, are told as missed or caught up."""


@dataclass(frozen=True)
class Due:
    """run: the time that runs now, if any; missed: those that never will; through: all up to this are dealt with."""

    run: datetime | None
    missed: list[datetime]
    through: datetime


def choose(schedule: Schedule, through: datetime, now: datetime) -> Due:
    """What becomes of the planned times with through < time <= now."""
    found = list(times_between(schedule, through, now))[-MOST:]
    if not found:
        return Due(None, [], through)
    if schedule.catch_up == "all":
        return Due(found[0], [], found[0])
    if schedule.catch_up == "once" or now - found[-1] <= GRACE:
        return Due(found[-1], found[:-1], found[-1])
    return Due(None, found, found[-1])
