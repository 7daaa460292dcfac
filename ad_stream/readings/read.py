"""The file reader: a path and what a person says of it -> readings, and what was understood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ad_stream.errors import InputError
from ad_stream.readings.calendar_parts import parts_of, written_out
from ad_stream.readings.content import read_table
from ad_stream.readings.left_out import left_out
from ad_stream.readings.model import VALUE, Readings
from ad_stream.readings.numbers import parse_numbers
from ad_stream.readings.roles import Roles, measures, roles_of
from ad_stream.readings.times import DAY_FIRST, parse_times

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Floats
    from ad_stream.readings.table import TextTable
    from ad_stream.readings.times import Times

    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class ReadOptions:
    """What a person says of the file; None and () are found out.

    time, device, signal, values: names of columns. zone: of times that name none. order: day first or month first.
    decimal: ',' or '.'. sheet: of a workbook with several. beside: a column that is handed over as it stands. dimensions: columns
    whose texts, joined by /, are the device.
    """

    time: str | None = None
    device: str | None = None
    signal: str | None = None
    values: Sequence[str] = ()
    zone: str | None = None
    order: str | None = None
    decimal: str | None = None
    sheet: str | None = None
    beside: str | None = None
    dimensions: Sequence[str] = ()


def read(path: Path, options: ReadOptions | None = None) -> Readings:
    """CSV of any separator, JSON lines, Parquet or a workbook, packed or not, long or wide -> readings.

    A column named as a time, a device or a value is taken for one, else what it holds decides; without a device column the
    file's name is the device, and without a value column each column of numbers is a signal. Raises InputError, with line,
    column and cell, where something cannot be read, or could be read in two ways.
    """
    options = options or ReadOptions()
    table = read_table(path, options.sheet)
    if options.dimensions:
        table, options = _joined(table, options)
    roles = roles_of(
        table,
        time=options.time,
        device=options.device,
        signal=options.signal,
        values=options.values,
        beside=options.beside,
    )
    rows = len(table.cells)
    devices, device = _coded(table, roles.device, path.name.split(".")[0] or path.name)
    signals, signal = _coded(table, roles.signal, VALUE)
    times = _times(table, roles, options, device * max(len(signals), 1) + signal)
    numbers = {name: _numbers(table, name, options) for name in roles.values}
    wide = len(roles.values)
    if roles.wide:
        signals, signal = _wide_signals(roles, signals, signal, rows)
    found = Readings(
        name=table.name,
        devices=devices,
        signals=signals,
        device=np.repeat(device, wide),
        signal=signal if roles.wide else np.repeat(signal, wide),
        ms=np.repeat(times.ms, wide),
        text=table.cells[list(roles.values)].to_numpy(dtype=object).reshape(-1),
        value=np.column_stack([numbers[name][0] for name in roles.values]).reshape(-1),
        rows=rows,
        beside=None if options.beside is None else np.repeat(table.cells[options.beside].to_numpy(dtype=object), wide),
        columns=roles.named,
        understood=_understood(table, roles, times, {name: form for name, (_, form) in numbers.items()}),
    )
    place = np.repeat(table.place, wide)
    if not found.numbers.any():
        raise InputError(
            f"{table.where(0, roles.values[0])}: {str(found.text[0]).strip()!r} is no number, and no other cell of {table.name}"
            " is one: name the column of numbers with --value"
        )
    taken = {*roles.time, roles.device, roles.signal, *roles.values, options.beside}
    others = table.cells[[name for name in table.cells if name not in taken]]
    if not options.values and (more := measures(table, list(others))):
        names = ", ".join(repr(one) for one in more)
        found.understood.append(
            ("not read", f"{names}: numbers, too; --value, once for each column, reads what you want")
        )
    return replace(found, understood=[*found.understood, *left_out(found, place, table.word, others)])


def _joined(table: TextTable, options: ReadOptions) -> tuple[TextTable, ReadOptions]:
    """The table with one column in place of the dimensions, and options that name it."""
    columns = list(options.dimensions)
    for name in (*columns, options.time, options.signal, *options.values):
        if name is not None and name not in table.cells:
            raise InputError(f"{table.name} has no column {name!r}: its columns are {', '.join(table.cells.columns)}")
    parts = table.cells[columns].apply(lambda column: column.str.strip())
    together, device = parts.agg("/".join, axis=1), " / ".join(columns)
    cells = table.cells.drop(columns=[name for name in columns if name != options.time]).assign(**{device: together})
    return replace(table, cells=cells), replace(options, device=device)


def _coded(table: TextTable, column: str | None, otherwise: str) -> tuple[list[str], Ints]:
    """Names in the order in which they come, and for each row the number of its name."""
    if column is None:
        return [otherwise], np.zeros(len(table.cells), dtype=np.int64)
    codes, names = pd.factorize(table.cells[column].str.strip())
    return [str(name) for name in names], codes.astype(np.int64)


def _wide_signals(roles: Roles, before: list[str], codes: Ints, rows: int) -> tuple[list[str], Ints]:
    """Each column is a signal; with a column of signals beside them, each pair."""
    wide = len(roles.values)
    if before == [VALUE]:
        return list(roles.values), np.tile(np.arange(wide, dtype=np.int64), rows)
    names = [f"{one} {column}" for one in before for column in roles.values]
    return names, (codes[:, None] * wide + np.arange(wide)).reshape(-1)


def _times(table: TextTable, roles: Roles, options: ReadOptions, series: Ints) -> Times:
    cells = table.cells[roles.time[0]].str.strip()
    parts = parts_of(table.cells, roles.time)
    if parts:
        cells = written_out(table.cells, parts, table.where)
    for clock in roles.time[len(parts) or 1 :]:
        cells = cells + " " + table.cells[clock].str.strip()
    return parse_times(
        cells,
        lambda row: table.where(row, " + ".join(roles.time)),
        zone=options.zone,
        order=options.order,
        # Where the comma is decimal and a file therefore cut by semicolons, the day comes first.
        usual=DAY_FIRST if "semicolons" in table.about else None,
        series=series,
    )


def _numbers(table: TextTable, name: str, options: ReadOptions) -> tuple[Floats, str]:
    try:
        found = parse_numbers(table.cells[name], decimal=options.decimal, semicolons="semicolons" in table.about)
    except InputError as error:
        raise InputError(f"{table.name}, column {name!r}: {error}") from None
    return found.values, found.form


def _understood(table: TextTable, roles: Roles, times: Times, forms: dict[str, str]) -> list[tuple[str, str]]:
    *most, last = [f"{name!r}" for name in roles.time]
    columns = f"{', '.join(most)} and {last}" if most else last
    folded = f", {times.folded:,} rows in an hour that the clock repeats" if times.folded else ""
    values = "; ".join(f"{name!r}" + (f" ({form})" if form else "") for name, form in forms.items())
    return [
        ("file", ", ".join([f"{len(table.cells):,} rows", *table.about])),
        ("time", f"column{'s' * bool(most)} {columns}, {times.form}; time zone: {times.zone}{folded}"),
        ("device", f"column {roles.device!r}" if roles.device else "none named, so the file is the device"),
        *([("signal", f"column {roles.signal!r}")] if roles.signal else []),
        ("values", f"column {values}" if len(forms) == 1 else f"columns {values}, each a signal"),
    ]
