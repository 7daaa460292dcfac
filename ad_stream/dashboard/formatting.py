"""How numbers and times leave for the page, and what a page may ask for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

from ad_stream.errors import InputError
from ad_stream.grid import Grid
from ad_stream.model import REASONS
from ad_stream.times import moment

MOST_ROWS = 200
Order = Literal["worst", "latest", "flags", "name"]
State = Literal["all", "flagged", "warming_up", "declined", "silent"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A page of a list. device: part of its name, in any case, or the whole of it in double quotes; signal, site: the whole
    name; minutes: how far back flags count, from the newest window of the fleet."""

    device: str = ""
    signal: str = ""
    site: str = ""
    state: State = "all"
    order: Order = "worst"
    minutes: int = 60
    page: int = 0
    size: int = 25

    @property
    def exact(self) -> str | None:
        """The device whose whole name is asked for."""
        return self.device[1:-1] if len(self.device) > 2 and self.device[0] == self.device[-1] == '"' else None

    def slice(self) -> slice:
        """The rows of the page."""
        size = min(max(1, self.size), MOST_ROWS)
        return slice(max(0, self.page) * size, (max(0, self.page) + 1) * size)


def iso(step: int, grid: Grid) -> str | None:
    """Start of a window -> '2026-11-01T06:30Z', with seconds where windows need them; None for one that never was."""
    return None if step < 0 else grid.start(step).strftime(f"%Y-%m-%dT{grid.format(date=False)}Z")


def stamp(moment: datetime | None) -> str | None:
    """A time -> '2026-11-01T06:30Z', with seconds where it has some; None for one that never was."""
    if moment is None:
        return None
    aware = moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
    return aware.strftime(f"%Y-%m-%dT%H:%M{':%S' if aware.second else ''}Z")


def number(value: float, digits: int = 6) -> float | None:
    """What a page shows of a number; None for NaN."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def words(reason: str) -> str:
    """A reason in words; one that this version does not know stays as it is."""
    return REASONS.get(reason, reason)


class MalformedError(InputError):
    """A parameter of a page's question is wrong; InputError alone means that there is nothing to show."""


def time_of(text: str) -> datetime:
    """A time as pages send it; raises MalformedError."""
    try:
        return moment(text)
    except InputError as error:
        raise MalformedError(str(error)) from None


def span(start: str | None, end: str | None, hours: float, newest: int, grid: Grid) -> tuple[datetime, datetime]:
    """The stretch a page asks for: start <= window < end, else the last hours up to the newest window (its step)."""
    last = time_of(end) if end else grid.start(newest + 1)
    return _checked(time_of(start) if start else last - timedelta(hours=hours), last, grid)


def whole_span(start: str | None, end: str | None, grid: Grid) -> tuple[datetime, datetime]:
    """The stretch of a picture or a report, which must be named; raises MalformedError."""
    if not start or not end:
        raise MalformedError(
            f"a picture or report needs 'from' and 'to', at most {most_span(grid).days} days apart: "
            "add from=2026-11-01T06:00Z&to=2026-11-01T12:00Z"
        )
    return _checked(time_of(start), time_of(end), grid)


def _checked(first: datetime, last: datetime, grid: Grid) -> tuple[datetime, datetime]:
    if first >= last:
        raise MalformedError(f"from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} is no stretch of time: swap them")
    if last - first > (most := most_span(grid)):
        raise MalformedError(
            f"{(last - first).days} days are more than a picture can show: ask for {most.days} or less"
        )
    return first, last


def most_span(grid: Grid) -> timedelta:
    """The longest stretch that a picture shows: a month, or a week of minutes' number of longer windows."""
    return max(MOST_SPAN, DRAWN_WINDOWS * grid.every)


MOST_SPAN, DRAWN_WINDOWS = timedelta(days=31), 7 * 1440
MOST_STORED = 200_000
"""Rows of the table that one answer may read: a month of four signals."""


def page_of(rows: list[dict[str, Any]], total: int, asked: Asked) -> dict[str, Any]:
    """One page of a list and how long the list is."""
    return {"rows": rows, "total": total, "page": max(0, asked.page), "size": min(max(1, asked.size), MOST_ROWS)}
