"""Durations in settings: '2 minutes', '90 seconds', '1 hour' or a number of seconds."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, PlainSerializer

UNITS = {
    "second": 1, "sec": 1, "s": 1, "minute": 60, "min": 60, "m": 60, "hour": 3600, "h": 3600, "day": 86400, "d": 86400,
}  # fmt: skip
LONGEST = timedelta(days=3650)


def parse_duration(value: object) -> timedelta:
    """'2 minutes' | '90s' | 90 (seconds) -> timedelta; ValueError says what is accepted."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value) if abs(value) < 1e300 else math.inf
    else:
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", str(value).lower())
        unit = UNITS.get(match[2]) or UNITS.get(re.sub(r"(?<=[a-z]{3})s$", "", match[2])) if match else None
        if match is None or unit is None:
            raise ValueError("write a duration such as '2 minutes', '90 seconds' or '1 hour'")
        seconds = float(match[1]) * unit
    if not 0 <= seconds <= LONGEST.total_seconds():
        raise ValueError(f"write a duration from 0 to {LONGEST.days} days, such as '2 minutes'")
    return timedelta(seconds=seconds)


def _parse_trigger(value: object) -> object:
    if value == "available_now":
        return value
    try:
        return parse_duration(value)
    except ValueError:
        raise ValueError("write available_now, or an interval such as '1 minute'") from None


def as_text(value: timedelta) -> str:
    """As a person would write it in a setting."""
    seconds = value.total_seconds()
    days = {"day": 86_400} if seconds >= 2 * 86_400 else {}
    unit, size = next((one for one in (days | {"minute": 60}).items() if seconds % one[1] == 0), ("second", 1))
    count = seconds / size
    return f"{count:g} {unit}{'' if count == 1 else 's'}"


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(as_text)]
Trigger = Annotated[Literal["available_now"] | Duration, BeforeValidator(_parse_trigger)]
