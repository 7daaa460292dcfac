"""Which column is the time, the device, the signal, which are values: by their names, else by what they hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ad_stream.errors import InputError
from ad_stream.readings.calendar_parts import parts_of
from ad_stream.readings.times import could_be_times, looks_like_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ad_stream.readings.table import TextTable

DEVICE = (
    "device", "deviceid", "devicename", "sensor", "sensorid", "sensorname", "series", "seriesid", "kpiid", "machine", "machineid",
    "entityid", "tag", "tagname", "asset", "assetid", "logger", "loggerid", "host", "hostname",
    "node", "nodeid", "station", "stationid", "stationname", "unit", "unitid", "id", "name",
)  # fmt: skip
TIME = (
    "timestamp", "time", "datetime", "date", "ts", "minute", "createdat", "lastchanged", "observedat", "recordedat", "epoch",
    "eventtime", "enqueuedtime", "datum", "zeit", "zeitstempel", "fecha", "horodatage",
)  # fmt: skip
VALUE = ("value", "reading", "measurement", "val", "y", "state", "wert")
SIGNAL = ("signal", "metric", "parameter", "variable", "channel", "field", "property", "quantity", "datapoint", "key")
CLOCK = ("time", "timeofday", "clock", "hour", "uhrzeit", "hora", "heure")
NO_VALUE = (
    "lat",
    "lon",
    "lng",
    "latitude",
    "longitude",
    "elevation",
    "altitude",
    "location",
    "label",
    "quality",
    "index",
)
"""Columns of numbers that are no measurement."""
COUNT = ("", "no", "nr", "n", "row", "rownumber", "line", "record", "entry", "unnamed0")
"""Names of a column that counts the rows, if it does."""


@dataclass(frozen=True)
class Roles:
    """time: one column, a date and a clock, or parts of a date (`parts_of`); device, signal: None where there are none;
    values: at least one.

    wide: whether each of the values is a signal of its own name.
    """

    time: tuple[str, ...]
    device: str | None
    signal: str | None
    values: tuple[str, ...]
    wide: bool

    @property
    def named(self) -> dict[str, str]:
        """role -> column, as a person names them."""
        roles = {
            "device": self.device,
            "time": " + ".join(self.time),
            "signal": self.signal,
            "value": ", ".join(self.values),
        }
        return {role: name for role, name in roles.items() if name}


def roles_of(
    table: TextTable,
    *,
    time: str | None,
    device: str | None,
    signal: str | None,
    values: Sequence[str],
    beside: str | None = None,
) -> Roles:
    """Given names must be there, the others are found; InputError names what is missing and the option that helps."""
    free = list(table.cells.columns)
    for name in (time, device, signal, *values, beside):
        if name is not None and name not in free:
            raise InputError(f"{table.name} has no column {name!r}: its columns are {', '.join(free)}")
    given = {name for name in (time, device, signal, *values, beside) if name is not None}
    free = [name for name in free if name not in given]
    times = (time,) if time else _take(free, _time(table, free))
    found_device = device or _first(_take(free, _devices(table, free)[:1]))
    signals = [one for one in [*_named(free, SIGNAL, whole=True), *_ending(free, SIGNAL)] if _is_text(table, one)]
    signals += [one for one in free if _plain(one) == "measurement" and _is_name(table.cells[one])]
    found_signal = signal or _first(_take(free, signals[:1]))
    if not times:
        raise InputError(f"{table.name} has no time column among {', '.join(table.cells.columns)}: name it with --time")
    chosen = tuple(values) or _values(table, free, long=found_signal is not None)
    if not chosen and found_device and device is None and _is_measure(table, found_device):
        chosen, found_device = (found_device,), None
    if not chosen:
        raise InputError(
            f"{table.name} has no value column among {', '.join(table.cells.columns)}: name it with --value"
        )
    return Roles(tuple(times), found_device, found_signal, chosen, wide=len(chosen) > 1)


def _time(table: TextTable, free: list[str]) -> Sequence[str]:
    by_name = _named(free, TIME)
    clocks = [one for one in free if _plain(one) in CLOCK and _is_clock(table.cells[one])]
    if clocks:
        dates = [one for one in free if one not in clocks and could_be_times(table.cells[one])]
        if dates:
            return [dates[0], clocks[0]]
    parts = parts_of(table.cells, free)
    if parts and set(by_name) <= set(clocks):
        return [*parts.values(), *(clocks[:1] if "hour" not in parts else [])]
    if by_name:
        return by_name[:1]
    dates = [one for one in free if could_be_times(table.cells[one])]
    if dates:
        after = [one for one in free[free.index(dates[0]) + 1 :] if _is_clock(table.cells[one])]
        return [dates[0], *after[:1]]
    numbered = [
        one for one in free if one.startswith("column ") and all(map(looks_like_time, table.cells[one].head(20)))
    ]
    return numbered[:1]


def _devices(table: TextTable, free: list[str]) -> list[str]:
    """Those with a device's name that do not just count the rows, or any name of an id that repeats; without a header the
    columns of text."""
    named = [one for one in _named(free, DEVICE) if not _counts_rows(table.cells[one])]
    ids = [one for one in free if _plain(one).endswith("id") and _repeats(table.cells[one])]
    return named or ids or [one for one in free if one.startswith("column ") and _is_name(table.cells[one])]


def _values(table: TextTable, free: list[str], *, long: bool) -> tuple[str, ...]:
    numeric = measures(table, free)
    # A word such as `on` under `state` is a value only where no column has numbers.
    named = [one for one in _named(free, VALUE) if one in numeric or not numeric]
    if named and (_plain(named[0]) in VALUE or (len(named) == 1 and named[0] in numeric)):
        return (named[0],)
    if len(free) == 1:
        return (free[0],)
    return numeric[:1] if long and len(numeric) == 1 else numeric


def measures(table: TextTable, names: Sequence[str]) -> tuple[str, ...]:
    """Those of the columns that hold measurements."""
    return tuple(one for one in names if _is_measure(table, one))


def _is_measure(table: TextTable, name: str) -> bool:
    """Mostly numbers, and neither a place, a name's number nor a count of the rows."""
    plain = _plain(name)
    if plain in NO_VALUE or plain.endswith("id") or could_be_times(table.cells[name]):
        return False
    cells = table.cells[name].str.strip()
    full = cells[cells != ""]
    starts = full.str.match(r"[-+]?[.,]?\d").sum()
    counts = (plain in COUNT and _counts_rows(full, anywhere=True)) or (
        name.startswith("column ") and _counts_rows(full)
    )
    return bool(len(full)) and starts >= 0.5 * len(full) and not counts


def _counts_rows(cells: pd.Series[str], *, anywhere: bool = False) -> bool:
    """Whether a column counts one by one, from 0 or 1 or from `anywhere`."""
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy()
    return len(numbers) > 2 and bool((np.diff(numbers) == 1).all()) and (anywhere or numbers[0] in (0, 1))


def _repeats(cells: pd.Series[str]) -> bool:
    """Whether a column names few things often, so that it tells rows of one from rows of another."""
    return 2 <= cells.nunique() <= len(cells) / 2


def _is_text(table: TextTable, name: str) -> bool:
    cells = table.cells[name]
    return not cells.str.fullmatch(r"\s*[-+]?[\d.,]+\s*").all()


def _is_name(cells: pd.Series[str]) -> bool:
    full = cells[cells.str.strip() != ""]
    return bool(len(full)) and not full.str.match(r"\s*[-+]?[.,]?\d").any()


def _is_clock(cells: pd.Series[str]) -> bool:
    sample = cells.head(50).str.strip()
    return bool(sample.str.fullmatch(r"\d{1,2}:\d\d(:\d\d([.,]\d+)?)?(\s*[APap][Mm])?").all())


def _named(names: Sequence[str], guesses: Sequence[str], *, whole: bool = False) -> list[str]:
    """The columns whose name is a guess, the earlier guess first; then those that begin with a guess of 4 letters."""
    plain = {name: _plain(name) for name in names}
    exact = [name for guess in guesses for name in names if plain[name] == guess]
    long = tuple(guess for guess in guesses if len(guess) >= 4)
    return exact or ([] if whole else [name for name in names if plain[name].startswith(long)])


def _ending(names: Sequence[str], guesses: Sequence[str]) -> list[str]:
    """The columns whose name ends with a guess of 6 letters: `logged_variable`."""
    long = tuple(guess for guess in guesses if len(guess) >= 6)
    return [name for name in names if _plain(name).endswith(long)]


def is_time(name: str) -> bool:
    """Whether a column is named as a time."""
    return _plain(name) in TIME


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _take(free: list[str], names: Sequence[str]) -> list[str]:
    for name in names:
        free.remove(name)
    return list(names)


def _first(names: Sequence[str]) -> str | None:
    return names[0] if names else None
