"""Times in columns of their parts: year, month and day, or year and day of the year, then hour, minute and second."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ad_stream.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

PARTS = {
    "year": ("year", "yyyy", "yr", "yy", "jahr", "ano", "annee"),
    "month": ("month", "mo", "mon", "mm", "monat", "mes", "mois"),
    "day": ("day", "dy", "dd", "dayofmonth", "tag", "dia", "jour"),
    "day of the year": ("doy", "dayofyear", "yearday", "yday", "julianday"),
    "hour": ("hour", "hr", "hh", "stunde", "hora", "heure"),
    "minute": ("minute", "min", "mi", "mn", "mm"),
    "second": ("second", "sec", "ss"),
}
"""Part -> names; a second `mm` is the minute, as buoys write YY MM DD hh mm."""
NEEDED = ({"year", "month", "day"}, {"year", "day of the year"}, {"year", "month"})
BOUNDS = {
    "year": (0, 2200),
    "month": (1, 12),
    "day": (1, 31),
    "day of the year": (1, 366),
    "hour": (0, 24),
    "minute": (0, 59),
    "second": (0, 60),
}
"""An hour 24 is midnight of the next day, a second 60 the next minute's first."""


def parts_of(cells: pd.DataFrame, names: Sequence[str]) -> dict[str, str]:
    """part -> its column, of those that are named; none where they do not make a date."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^a-z]", "", name.lower())
        if not cells[name].head(50).str.fullmatch(r"\s*\d{1,4}\s*").all():  # MIN may be a minute and a minimum
            continue
        part = next((part for part, words in PARTS.items() if plain in words and part not in found), None)
        if part is not None:
            found[part] = name
    wanted = next((one for one in NEEDED if one <= set(found)), None)
    if wanted is None:
        return {}
    clock = ("hour", "minute", "second")
    end = next((k for k, part in enumerate(clock) if part not in found), len(clock))
    return {part: found[part] for part in (*sorted(wanted, key=list(PARTS).index), *clock[:end])}


def written_out(cells: pd.DataFrame, parts: dict[str, str], where: Callable[[int, str], str]) -> pd.Series[str]:
    """(rows,) ISO 8601 text of the parts, without a clock where there is no hour.

    InputError, with line and column, for the first cell that is no such part.
    """
    numbers = {part: _numbers(cells[name], part, name, where) for part, name in parts.items()}
    at, form = _days(numbers, lambda row: where(row, parts["day"])), "%Y-%m-%d"
    if "hour" in numbers:
        clock = (("hour", 3600), ("minute", 60), ("second", 1))
        seconds = sum(numbers[part] * one for part, one in clock if part in numbers)
        at, form = at + np.asarray(seconds, dtype="timedelta64[s]"), "%Y-%m-%dT%H:%M:%S"
    text: pd.Series[str] = pd.Series(pd.DatetimeIndex(at).strftime(form), index=cells.index)
    return text


def _days(numbers: dict[str, Ints], where: Callable[[int], str]) -> NDArray[np.datetime64]:
    years = numbers["year"]
    years = np.where(years < 100, years + np.where(years < 70, 2000, 1900), years)
    first = np.ones_like(years)
    months, days = numbers.get("month", first), numbers.get("day", first)
    date = (years - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (months - 1)
    at = date.astype("datetime64[D]") + (days - 1)
    wrong = np.flatnonzero(at.astype("datetime64[M]") != date)
    if len(wrong):
        row = int(wrong[0])
        raise InputError(f"{where(row)}: month {months[row]} of {years[row]} has no day {days[row]}: mend that line")
    of_the_year = numbers.get("day of the year", first) - 1
    return np.asarray((at + of_the_year).astype("datetime64[s]"))


def _numbers(cells: pd.Series[str], part: str, name: str, where: Callable[[int, str], str]) -> Ints:
    low, high = BOUNDS[part]
    found = pd.to_numeric(cells.str.strip(), errors="coerce")
    wrong = np.flatnonzero(~found.between(low, high).to_numpy() | (found % 1 != 0).to_numpy())
    if len(wrong):
        row = int(wrong[0])
        raise InputError(
            f"{where(row, name)}: {cells.iloc[row].strip()!r} is no {part} ({low} to {high}):"
            " mend that line, or name the time column with --time"
        )
    return found.to_numpy(dtype=np.int64)
