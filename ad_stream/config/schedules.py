"""Section `schedules`: which command runs when, without a person."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, field_validator, model_validator

from ad_stream.config.cron import Cron
from ad_stream.durations import Duration, as_text, parse_duration
from ad_stream.settings import Section

Command = Literal["train", "backfill", "propose", "maintain", "tune"]
Model = Literal["profile", "seasonal", "isolation_forest", "joint"]
DAY_NAMES = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
CALENDAR = ("daily", "weekday", *DAY_NAMES, "weekly", "two-weekly", "monthly")
ONCE = "once"
EVERY = f"write an interval such as '15 minutes' or '6 hours', or one of {ONCE}, {', '.join(CALENDAR)}"
JOB_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
DAY = timedelta(days=1)
TUNABLE = ("seasonal", "isolation_forest")


def _as_text(value: object) -> object:
    """YAML makes a time of 2026-12-01T02:30:00 by itself."""
    return value.isoformat() if isinstance(value, (date, datetime)) else value


class Schedule(Section):
    """A job: its name -> what it runs, and when (docs/schedules.md). `ad-stream schedule` runs them, on Databricks they become jobs.

    run: the command. model: what train learns, or the detector that tune tunes for in place of the run's own; candidate: it waits to be
    activated. tau: of train seasonal (docs/detectors.md); tuned: train with the parameters of the live version, the first time with
    those that tune chooses. alarms: of tune, its budget per series and day, 0.1 where none is given. last: how far back: of backfill
    up to the planned time, of train, tune and propose the days they look at.
    cron: minute hour day month weekday (0 or 7 is Sunday), or every: an interval, once, daily, weekday (Monday to Friday), a
    day's name, weekly, two-weekly or monthly, with start, its first time. time_zone: of cron and start.
    catch_up: which of the times that passed without a scheduler, or behind a longer run, still run: none (skip), the last (once)
    or each (all). time_limit: a run that takes longer is ended. retries: of a run that failed, but not of bad input.
    """

    run: Command
    model: Model | None = None
    candidate: bool = False
    tau: float | None = Field(default=None, gt=0, le=100)
    tuned: bool = False
    alarms: float | None = Field(default=None, ge=0)
    last: Duration | None = None
    cron: str | None = None
    every: str | None = None
    start: Annotated[str | None, BeforeValidator(_as_text)] = None
    time_zone: str = "UTC"
    catch_up: Literal["skip", "once", "all"] = "once"
    time_limit: Duration = timedelta(hours=6)
    retries: int = Field(default=0, ge=0, le=10)

    @field_validator("cron")
    @classmethod
    def _known_cron(cls, value: str | None) -> str | None:
        return value if value is None or Cron.parse(value) else None

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            return ZoneInfo(value).key
        except (KeyError, ValueError, OSError):
            raise ValueError("write a time zone such as Europe/Berlin, America/New_York or UTC") from None

    @field_validator("every")
    @classmethod
    def _known_every(cls, value: str | None) -> str | None:
        if value is None or value in (ONCE, *CALENDAR):
            return value
        try:
            span = parse_duration(value)
        except ValueError:
            raise ValueError(EVERY) from None
        if span < timedelta(minutes=1) or span.total_seconds() % 60:
            raise ValueError("an interval is whole minutes, such as '15 minutes': what is quicker is a stream")
        return value

    @field_validator("start")
    @classmethod
    def _known_start(cls, value: str | None) -> str | None:
        if value is not None and _time(value) is None:
            raise ValueError("write a time of whole minutes such as 2026-12-01T02:30")
        return value

    @model_validator(mode="after")
    def _when(self) -> Schedule:
        if (self.cron is None) == (self.every is None):
            raise ValueError("give either cron or every")
        if self.start is None and (self.every == ONCE or self.every in CALENDAR):
            raise ValueError(f"every {self.every} needs a start, its first time, such as 2026-12-01T02:30")
        if self.every == "monthly" and self._local_start().day > 28:
            raise ValueError("not every month has that day: give a start on day 1 to 28, or cron '30 2 L * *'")
        return self

    @model_validator(mode="after")
    def _what(self) -> Schedule:
        if self.run != "tune" and (self.run == "train") != (self.model is not None):
            raise ValueError("model says what train learns: give it there, and nowhere else")
        if self.run == "tune" and self.model not in (None, *TUNABLE):
            raise ValueError(f"model is {self.model}: tune knows parameters of {' and '.join(TUNABLE)}")
        if self.candidate and self.run != "train":
            raise ValueError("candidate is said of train: leave it out")
        if self.tau is not None and (self.run, self.model) != ("train", "seasonal"):
            raise ValueError("tau is said of train and the model seasonal: leave it out")
        if self.tuned and (self.run != "train" or self.model not in TUNABLE):
            raise ValueError(f"tuned is said of train and the models {' and '.join(TUNABLE)}: leave it out")
        if self.tuned and self.tau is not None:
            raise ValueError("tuned chooses tau: leave out one of them")
        if self.alarms is not None and self.run != "tune":
            raise ValueError("alarms is the budget of tune: leave it out")
        return self

    @model_validator(mode="after")
    def _how_far(self) -> Schedule:
        if self.run in ("backfill", "train") and not self.last:
            example = "1 hour" if self.run == "backfill" else "28 days"
            raise ValueError(f"{self.run} needs last, how far back it looks, such as {example!r}")
        if self.run == "maintain" and self.last is not None:
            raise ValueError("maintain looks at all there is: leave out last")
        if self.run in ("train", "propose") and self.last is not None and not DAY <= self.last <= 400 * DAY:
            raise ValueError(f"last is {as_text(self.last)}: {self.run} looks at 1 to 400 days")
        if self.run == "tune" and self.last is not None and (self.last % DAY or not 2 * DAY <= self.last <= 60 * DAY):
            raise ValueError(f"last is {as_text(self.last)}: tune looks at 2 to 60 whole days")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """That of cron and start."""
        return ZoneInfo(self.time_zone)

    @property
    def first(self) -> datetime | None:
        """The start in UTC."""
        return None if self.start is None else self._local_start().astimezone(timezone.utc)

    @property
    def interval(self) -> timedelta | None:
        """The length of an interval, None for what follows the calendar."""
        calendar = self.every is None or self.every == ONCE or self.every in CALENDAR
        return None if calendar else parse_duration(self.every)

    @property
    def calendar(self) -> Cron | None:
        """What follows the wall clock of the zone; None: an interval, or once."""
        if self.cron is not None:
            return Cron.parse(self.cron)
        if self.every not in CALENDAR:
            return None
        at = self._local_start()
        days: tuple[int, ...] | None = None
        if self.every == "weekday":
            days = (1, 2, 3, 4, 5)
        elif self.every in ("weekly", "two-weekly"):
            days = (at.isoweekday() % 7,)
        elif self.every in DAY_NAMES:
            days = (DAY_NAMES.index(self.every),)
        return Cron((at.minute,), (at.hour,), (at.day,) if self.every == "monthly" else None, None, days)

    def text(self) -> str:
        """When it runs, for people."""
        rhythm = f"cron {self.cron}" if self.cron is not None else f"every {self.every}"
        rhythm = self.every if self.every in (ONCE, "daily", "weekly", "two-weekly", "monthly") else rhythm
        since = f" from {self.start}" if self.start is not None else ""
        return f"{rhythm}{since} {self.time_zone}"

    def _local_start(self) -> datetime:
        at = _time(self.start or "")
        assert at is not None
        return (at if at.tzinfo else at.replace(tzinfo=self.zone)).astimezone(self.zone)


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return None if at.second or at.microsecond or not 1970 <= at.year <= 2200 else at


def checked_names(schedules: dict[str, Schedule]) -> dict[str, Schedule]:
    """ValueError for a name that could not be that of a folder."""
    for name in schedules:
        if not JOB_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a job: write letters, digits, - and _, at most 60")
    return schedules
