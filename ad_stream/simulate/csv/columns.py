"""A person's CSV as three columns of text: which is the device, which the time, which the value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from ad_stream.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DEVICE = ("device", "deviceid", "sensor", "sensorid", "series", "seriesid", "kpiid", "machine", "tag", "id", "name")
_TIME = ("timestamp", "time", "datetime", "date", "ts", "minute")
_VALUE = ("value", "reading", "measurement", "val", "y")
_FORMATS = (
    "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y",
    "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y",
    "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%Y%m%d %H:%M:%S", "%Y%m%d",
)  # fmt: skip
# Epoch times of our days are 1.8e9 s, 1.8e12 ms, 1.8e15 us, 1.8e18 ns: below the limit -> ms.
_EPOCH_MS = ((1e11, 1e3), (1e14, 1.0), (1e17, 1e-3), (float("inf"), 1e-6))
_ISO: dict[str, Any] = {"format": "ISO8601"} if int(pd.__version__.split(".")[0]) >= 2 else {}
_EPOCH_UNITS = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (float("inf"), "ns"))


@dataclass(frozen=True)
class Columns:
    """The three columns, one entry per data row; `device` is None where the file has none; `names` as in the file."""

    device: pa.Array | None
    time: pa.Array
    value: pa.Array
    names: dict[str, str]


def read_columns(path: Path, *, device: str | None, time: str | None, value: str | None) -> Columns:
    """Read the file as text; given names must be there, the others are guessed. Separators: comma, semicolon, tab."""
    header = _header(path)
    separator = max(",;\t", key=header.count)
    names = [name.strip().strip('"') for name in header.split(separator)]
    free = list(names)
    chosen: dict[str, str] = {}
    for role, given, guesses in (("time", time, _TIME), ("device", device, _DEVICE), ("value", value, _VALUE)):
        found = _given(path, given, names) if given else _guess(free, guesses)
        if found is None and role == "value" and len(free) == 1:
            found = free[0]
        if found is not None:
            chosen[role] = found
            free.remove(found)
    for role in ("time", "value"):
        if role not in chosen:
            raise InputError(f"{path.name} has no {role} column among {', '.join(names)}: name it with --{role}")
    table = _table(path, names, separator, list(chosen.values()))
    if table.num_rows == 0:
        raise InputError(f"{path.name} has a header and no rows: give a file with readings")
    columns = {role: table.column(name).combine_chunks() for role, name in chosen.items()}
    return Columns(columns.get("device"), columns["time"], columns["value"], chosen)


def parse_times(texts: pa.Array, path: Path) -> NDArray[np.int64]:
    """Text -> ms since 1970 UTC: ISO 8601, epoch s / ms / us / ns, or a usual date format; without a zone UTC is meant.

    Where a file could be read day first or month first, the reading with the shorter span is taken: the wrong one
    scatters the days over the months.
    """
    text: pd.Series[str] = texts.to_pandas().str.strip()
    compact_dates = text.str.fullmatch(r"(19|20)\d{6}").all()
    if not compact_dates and text.str.fullmatch(r"-?\d+(\.\d+)?").all():
        number = text.astype(np.float64).to_numpy()
        size = float(np.median(np.abs(number)))
        return np.rint(number * next(factor for limit, factor in _EPOCH_MS if size < limit)).astype(np.int64)
    # pandas before 2 guesses at everything else, and may take the day for the month in one row and not in the next.
    iso = text.where(text.str.match(r"\d{4}-?\d\d-?\d\d"))
    times: pd.Series[pd.Timestamp] = pd.to_datetime(iso, utc=True, errors="coerce", **_ISO)
    if times.isna().any():
        times = min([times, *_other_readings(text)], key=_failures_and_span)
    bad = times.isna().to_numpy()
    if bad.any():
        row = int(bad.argmax())
        where = f"{path.name} line {_line_of(path, row)}"
        raise InputError(f"{where}: {text[row]!r} is no time: write 2026-11-01T00:00:00Z or seconds since 1970")
    return times.to_numpy(dtype="datetime64[ms]").astype(np.int64)


def _other_readings(text: pd.Series[str]) -> list[pd.Series[pd.Timestamp]]:
    sample = text.head(1000)
    fitting = [form for form in _FORMATS if pd.to_datetime(sample, format=form, errors="coerce").notna().any()]
    return [pd.to_datetime(text, format=form, utc=True, errors="coerce") for form in fitting]


def _failures_and_span(times: pd.Series[pd.Timestamp]) -> tuple[int, float]:
    span = (times.max() - times.min()).total_seconds()
    return int(times.isna().sum()), span if span == span else float("inf")


def _header(path: Path) -> str:
    try:
        with path.open(encoding="utf-8-sig") as lines:
            header = next((line.strip() for line in lines if line.strip()), "")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): name an existing CSV file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is not UTF-8 text: save it as CSV in UTF-8") from None
    if not header:
        raise InputError(f"{path.name} is empty: give a file with a header and readings")
    return header


def _given(path: Path, name: str, names: list[str]) -> str:
    if name not in names:
        raise InputError(f"{path.name} has no column {name!r}: its columns are {', '.join(names)}")
    return name


def _guess(names: list[str], guesses: tuple[str, ...]) -> str | None:
    """The column whose name is a guess, the earlier guess first; else one that begins with a guess of 4 letters."""
    plain = {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in reversed(names)}
    for guess in guesses:
        if guess in plain:
            return plain[guess]
    long = tuple(guess for guess in guesses if len(guess) >= 4)
    return next((name for name in names if re.sub(r"[^a-z0-9]", "", name.lower()).startswith(long)), None)


def _table(path: Path, names: list[str], separator: str, wanted: list[str]) -> pa.Table:
    problem = ""
    try:
        return arrow_csv.read_csv(
            path,
            read_options=arrow_csv.ReadOptions(column_names=names, skip_rows=_lines_to_header(path)),
            parse_options=arrow_csv.ParseOptions(delimiter=separator),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        problem = str(error).splitlines()[0]
    raise InputError(f"{path.name} cannot be read as CSV: {problem}")


def _lines_to_header(path: Path) -> int:
    """How many lines end with the header: 1 and the blank lines before it."""
    with path.open(encoding="utf-8-sig") as lines:
        return next(number for number, line in enumerate(lines, start=1) if line.strip())


def _line_of(path: Path, row: int) -> int:
    """The line of a data row, counted from 1; blank lines hold no row."""
    with path.open(encoding="utf-8-sig") as lines:
        full = (number for number, line in enumerate(lines, start=1) if line.strip())
        return next(number for count, number in enumerate(full) if count == row + 1)
