"""Five fields of cron -> the numbers that they mean, so that the scheduler and Databricks are told the same."""

from __future__ import annotations

from dataclasses import dataclass

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LAST_DAY = "L"
LONGEST_MONTH = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
FORM = "write five fields, minute hour day month weekday, such as '30 2 * * *'"

Numbers = tuple[int, ...]


@dataclass(frozen=True)
class Cron:
    """The minutes, hours, days, months and weekdays (0 = Sunday) on which it is time; None: all of them.

    last_day: the last day of a month, in place of days. each_hour: its hours began with *, so that a wall-clock hour that
    comes twice counts twice.
    """

    minutes: Numbers | None
    hours: Numbers | None
    days: Numbers | None = None
    months: Numbers | None = None
    weekdays: Numbers | None = None
    last_day: bool = False
    each_hour: bool = False

    @classmethod
    def parse(cls, text: str) -> Cron:
        """'*/15 8-17 * * mon-fri' -> Cron; ValueError says which field is wrong."""
        fields = text.split()
        if len(fields) != 5:
            raise ValueError(f"{FORM}, not {len(fields)}")
        minute, hour, day, month, weekday = fields
        if day != "*" and weekday != "*":
            raise ValueError("give a day of the month or a weekday, and * for the other: which one would count differs")
        last = day.upper() == LAST_DAY
        weekdays = _numbers("weekday", weekday, 0, 7, WEEKDAYS)
        return cls(
            _numbers("minute", minute, 0, 59), _numbers("hour", hour, 0, 23), None if last else _numbers("day", day, 1, 31),
            _numbers("month", month, 1, 12, MONTHS), None if weekdays is None else tuple(sorted({day % 7 for day in weekdays})),
            last_day=last, each_hour=hour.startswith("*"),
        )._that_comes()  # fmt: skip

    def _that_comes(self) -> Cron:
        months = self.months or tuple(range(1, 13))
        if self.days and all(min(self.days) > LONGEST_MONTH.get(month, 31) for month in months):
            raise ValueError(f"day {min(self.days)} never comes in these months: name another day or month")
        return self

    def quartz(self) -> str:
        """As Databricks wants it: seconds first, ? for the day that does not count."""
        minute, hour, month = (_list(one) for one in (self.minutes, self.hours, self.months))
        if self.weekdays is not None:
            return f"0 {minute} {hour} ? {month} {','.join(WEEKDAYS[day].upper() for day in self.weekdays)}"
        return f"0 {minute} {hour} {LAST_DAY if self.last_day else _list(self.days)} {month} ?"


def _list(numbers: Numbers | None) -> str:
    return "*" if numbers is None else ",".join(map(str, numbers))


def _numbers(field: str, text: str, low: int, high: int, names: tuple[str, ...] = ()) -> Numbers | None:
    """'*', '*/15', '8-17', '1,15' or 'mon-fri' -> numbers, ascending; None is all of them."""
    if text == "*":
        return None
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        every = _number(field, step, 1, high, ()) if slash else 1
        start, dash, end = span.partition("-")
        if span == "*":
            first, last = low, high
        elif slash and not dash:
            raise ValueError(f"{FORM} (the {field} {part!r} has a step and no span: write {span}-{high}/{step})")
        else:
            first = _number(field, start, low, high, names)
            last = _number(field, end, low, high, names) if dash else first
        if first > last:
            raise ValueError(f"{FORM} (the {field} {part!r} runs backwards: write two parts with a comma)")
        found.update(range(first, last + 1, every))
    return tuple(sorted(found))


def _number(field: str, text: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if text.lower() in names:
        return low + names.index(text.lower())
    if not (text.isascii() and text.isdigit() and len(text) < 4 and low <= int(text) <= high):
        raise ValueError(f"{FORM} (the {field} {text!r} is none of {low} to {high})")
    return int(text)
