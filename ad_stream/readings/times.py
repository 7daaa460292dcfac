"""Text as instants: ISO 8601, the usual dates, epochs, the numbers of spreadsheets and programs; zones and their folds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np
import pandas as pd

from ad_stream.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools

    Ints = NDArray[np.int64]
    Instants = pd.Series[pd.Timestamp]

DAY_FIRST, MONTH_FIRST = "day first", "month first"
_CLOCKS = (" %H:%M:%S.%f", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", "")
_DATES = {
    "%d.%m.%Y": DAY_FIRST, "%d.%m.%y": DAY_FIRST, "%m/%d/%Y": MONTH_FIRST, "%d/%m/%Y": DAY_FIRST, "%m/%d/%y": MONTH_FIRST,
    "%d/%m/%y": DAY_FIRST, "%d-%m-%Y": DAY_FIRST, "%m-%d-%Y": MONTH_FIRST, "%Y/%m/%d": "", "%Y%m%d": "", "%d-%b-%Y": "",
    "%d %b %Y": "", "%b %d, %Y": "", "%d-%b-%y": "", "%Y.%m.%d": "", "%d %B %Y": "", "%a, %d %b %Y": "",
}  # fmt: skip
_MONTHS = ("%Y-%m", "%Y/%m", "%b-%Y", "%b %Y", "%m/%Y")
_ISO = r"\d{4}-?\d\d-?\d\d"
_NUMBER = r"-?\d+(\.\d*)?"
_NAMED_UTC = r"\s*(UTC|GMT)$"
_ISO_OPTIONS: dict[str, Any] = {"format": "ISO8601"} if int(pd.__version__.split(".")[0]) >= 2 else {}
SAMPLE = 1000

_COUNTS: tuple[tuple[float, float, float, float, str], ...] = (
    # from, below, their zero in ms since 1970, ms of one
    (25_569, 73_051, -2_209_161_600_000, 86_400_000, "days of a spreadsheet"),
    (719_529, 767_011, -62_167_305_600_000, 86_400_000, "datenum of MATLAB"),
    (6.2e17, 6.7e17, -62_135_596_800_000, 1e-4, ".NET ticks"),
)
_EPOCHS = (
    (1e11, 1e3, "seconds since 1970"),
    (1e14, 1.0, "milliseconds since 1970"),
    (1e17, 1e-3, "microseconds since 1970"),
    (float("inf"), 1e-6, "nanoseconds since 1970"),
)
"""Epoch times of our days are 1.8e9 s, 1.8e12 ms, 1.8e15 us, 1.8e18 ns: below the limit, ms of one."""
_LATEST_MS = 7_258_118_400_000.0
"""The year 2200: what lies beyond is no time of a sensor, and pandas' nanoseconds end in 2262."""


def epoch_unit(size: float) -> tuple[float, str]:
    """The size of a time since 1970 -> milliseconds of one, and what it counts."""
    return next((factor, form) for limit, factor, form in _EPOCHS if size < limit)


@dataclass(frozen=True)
class Times:
    """ms: (rows,) since 1970 UTC; form: how they were written; zone: how they became UTC; folded: rows of repeated hours."""

    ms: Ints
    form: str
    zone: str
    folded: int = 0


def looks_like_time(text: str) -> bool:
    """Whether a cell of a first line is a date, or an epoch of our days, rather than a name."""
    plain = text.strip().strip('"')
    date = re.match(r"(\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[-/. ](\d\d?|[A-Za-z]{3,9})[-/. ,]+\d{2,4})", plain)
    return bool(date) or bool(re.fullmatch(r"\d{9,19}(\.\d+)?|(19|20)\d{6}|(1[6-9]|20)\d\d[-/](0[1-9]|1[0-2])", plain))


def parse_times(
    texts: pd.Series[str],
    where: Callable[[int], str],
    *,
    zone: str | None = None,
    order: str | None = None,
    usual: str | None = None,
    series: Ints | None = None,
) -> Times:
    """Text -> instants. What names no zone is meant in `zone`, by default UTC; order: DAY_FIRST or MONTH_FIRST.

    where: row -> file, line and column, for the message. series: (rows,) code, so that the second pass through an hour
    that a clock repeats is told from the first. Where a file could be read day first or month first, the reading with the
    shorter span is taken: the wrong one scatters the days over the months; where both spans are equal, `usual`, what such
    files mean. InputError for the first cell that is no time, and where both orders are equally likely.
    """
    text: pd.Series[str] = texts.str.strip().str.replace(_NAMED_UTC, "Z", regex=True)
    found = _of_numbers(text) or _of_dates(text, texts, where, order, usual)
    if zone is None or found.own.all():
        return Times(found.ms, found.form, "as written" if found.own.any() else "UTC, as no zone is named")
    local, folded = _localized(found.ms, _zone(zone), series)
    return Times(np.where(found.own, found.ms, local), found.form, zone, folded)


def could_be_times(texts: pd.Series[str]) -> bool:
    """Whether a column's first cells are all dates."""
    sample = texts[texts != ""].head(50)
    return bool(len(sample)) and all(looks_like_time(one) and not one.strip().isdigit() for one in sample)


@dataclass(frozen=True)
class _Clock:
    """ms: (rows,) as written, since 1970; own: (rows,) whether the cell says its zone."""

    ms: Ints
    form: str
    own: Bools


def _of_numbers(text: pd.Series[str]) -> _Clock | None:
    """Compact dates, day numbers, ticks, epochs; None where not every cell is a number."""
    if not text.str.fullmatch(_NUMBER).all():
        return None
    no_zone = np.zeros(len(text), dtype=bool)
    for digits, form in ((8, "%Y%m%d"), (12, "%Y%m%d%H%M"), (14, "%Y%m%d%H%M%S")):
        if text.str.fullmatch(rf"(19|20)\d{{{digits - 2}}}").all():
            stamps = pd.to_datetime(text, format=form, utc=True, errors="coerce")
            if not stamps.isna().any():
                return _Clock(_ms(stamps), _shown(form), no_zone)
    number = text.astype(np.float64).to_numpy()
    for low, high, zero, one, form in _COUNTS:
        if (number >= low).all() and (number < high).all():
            # Ticks have more digits than a double.
            whole = text.str.partition(".")[0].astype(np.int64).to_numpy() // 10_000
            ms = np.rint(number * one).astype(np.int64) if one > 1 else whole
            return _Clock(np.asarray(ms + int(zero)), form, no_zone)
    size = float(np.median(np.abs(number)))
    factor, form = epoch_unit(size)
    beyond = np.flatnonzero(np.abs(number * factor) > _LATEST_MS)
    if len(beyond):
        raise InputError(
            f"{text.iloc[int(beyond[0])]!r} is no time that a sensor writes, as {form} it lies beyond the year 2200: name the"
            " time column with --time"
        )
    return _Clock(np.rint(number * factor).astype(np.int64), form, ~no_zone)


def _of_dates(
    text: pd.Series[str], texts: pd.Series[str], where: Callable[[int], str], order: str | None, usual: str | None
) -> _Clock:
    text = text.str.replace(r"(?<=\d),(?=\d+)", ".", regex=True)
    if usual is None and text.head(SAMPLE).str.contains(r"\b[AP]M$", case=False, regex=True).any():
        usual = MONTH_FIRST  # where the clock has twelve hours
    stamps, form = _of_text(text, order, usual, lambda: where(0))
    bad = stamps.isna().to_numpy()
    numbers = text.str.fullmatch(_NUMBER).to_numpy(dtype=bool)
    if bad.any() and 2 * numbers.sum() >= len(text):  # a column of epochs with something else among them
        bad = ~numbers
    if bad.any():
        row = int(bad.argmax())
        cell = str(texts.iloc[row]).strip()
        raise InputError(f"{where(row)}: {cell!r} is no time: write 2026-11-01T00:00:00Z or seconds since 1970")
    own = text.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", regex=True, na=False).to_numpy(dtype=bool)
    return _Clock(_ms(stamps), _shown(form), own)


def _ms(stamps: Instants) -> Ints:
    return np.asarray(stamps.to_numpy(dtype="datetime64[ms]").astype(np.int64))


def _of_text(
    text: pd.Series[str], order: str | None, usual: str | None, where: Callable[[], str]
) -> tuple[Instants, str]:
    # pandas before 2 guesses at everything else, and may take the day for the month in one row and not in the next.
    iso = text.where(text.str.match(_ISO))
    stamps: Instants = pd.to_datetime(iso, utc=True, errors="coerce", **_ISO_OPTIONS)
    readings = [(stamps, "ISO 8601")]
    if stamps.isna().any():
        readings += _other_readings(text, order)
    best = min(readings, key=lambda one: _failures_and_span(one[0]))
    level = [one for one in readings if _failures_and_span(one[0]) == _failures_and_span(best[0])]
    rivals = [one for one in level if not one[0].equals(best[0])]
    if not rivals:
        return best
    meant = [one for one in level if usual is not None and one[1].endswith(usual)]
    if not meant:
        one, other = (f"{found.iloc[0]:%d %B}" for found in (best[0], rivals[0][0]))
        raise InputError(
            f"{where()}: {text.iloc[0]!r} could be {one} or {other}: say which with --date-order day or --date-order month"
        )
    return meant[0]


def _other_readings(text: pd.Series[str], order: str | None) -> list[tuple[Instants, str]]:
    zoned = text.str.extract(r"\s*([+-]\d\d:?\d\d|Z)$", expand=True)[0]
    plain = text.str.replace(r"\s*(?:[+-]\d\d:?\d\d|Z)$", "", regex=True).str.replace("T", " ", n=1, regex=False)
    sample, readings = plain.head(SAMPLE), []
    for date, about in _DATES.items():
        if order is not None and about not in ("", order):
            continue
        if pd.to_datetime(sample.str.partition(" ")[0] if " " not in date else sample, format=date, errors="coerce",
                          exact=" " not in date).notna().any():  # fmt: skip
            readings.append((_shifted(_any_clock(plain, date), zoned), f"{date}, {about}" if about else date))
    months = [(form, pd.to_datetime(plain, format=form, utc=True, errors="coerce")) for form in _MONTHS]
    return readings + [(stamps, form) for form, stamps in months if not stamps.isna().any()]


def _any_clock(plain: pd.Series[str], date: str) -> Instants:
    """One form of date with whatever clock a row has: midnight may stand without one."""
    stamps: Instants = pd.to_datetime(plain.where(plain == "\0"), format=date, utc=True, errors="coerce")
    for clock in _CLOCKS:
        left = stamps.isna()
        if left.any():
            stamps = stamps.where(~left, pd.to_datetime(plain[left], format=date + clock, utc=True, errors="coerce"))
    return stamps


def _shown(form: str) -> str:
    """'%d.%m.%Y, day first' -> 'DD.MM.YYYY, day first'."""
    words = {
        "%d": "DD",
        "%m": "MM",
        "%Y": "YYYY",
        "%y": "YY",
        "%b": "Mon",
        "%B": "Month",
        "%a": "Day",
        "%H": "hh",
        "%M": "mm",
        "%S": "ss",
    }
    for code, word in words.items():
        form = form.replace(code, word)
    return form


def _shifted(stamps: Instants, zoned: pd.Series[str]) -> Instants:
    """Written in a zone of their own -> UTC."""
    offset = zoned.where(zoned != "Z").dropna().str.replace(":", "")
    if offset.empty:
        return stamps
    minutes: pd.Series[int] = (offset.str[1:3].astype(int) * 60 + offset.str[3:5].astype(int)) * np.where(
        offset.str[0] == "-", -1, 1
    )
    back = pd.to_timedelta(minutes.reindex(stamps.index, fill_value=0), unit="min")
    shifted: Instants = stamps - back
    return shifted


def _failures_and_span(times: Instants) -> tuple[int, float]:
    span = (times.max() - times.min()).total_seconds()
    return int(times.isna().sum()), span if span == span else float("inf")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = get_close_matches(name, sorted(available_timezones()), n=1)
        way = f"did you mean {near[0]!r}?" if near else "name one as 'Europe/Berlin'"
        raise InputError(f"there is no time zone {name!r}: {way}") from None


def _localized(ms: Ints, zone: ZoneInfo, series: Ints | None) -> tuple[Ints, int]:
    """Wall clock -> UTC. A repeated hour's second pass is the one in standard time; an hour that a clock leaves out is
    read as if it had not."""
    wall = pd.DatetimeIndex(ms.astype("datetime64[ms]").astype("datetime64[ns]"))
    codes = np.zeros(len(ms), dtype=np.int64) if series is None else series
    pairs = [
        wall.tz_localize(zone, ambiguous=np.full(len(wall), summer), nonexistent="shift_forward")
        for summer in (True, False)
    ]
    summer, standard = (
        one.tz_convert("UTC").tz_localize(None).to_numpy(dtype="datetime64[ms]").astype(np.int64) for one in pairs
    )
    folded = summer != standard
    again = pd.DataFrame({"code": codes, "wall": ms}).groupby(["code", "wall"]).cumcount().to_numpy() > 0
    return np.where(folded & again, standard, summer), int(folded.sum())
