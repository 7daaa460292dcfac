"""A sheet of a workbook (xlsx, xlsb, xls, ods) as text cells."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time, timedelta
from typing import Any

from ad_stream.errors import InputError, SetupError
from ad_stream.readings import delimited
from ad_stream.readings.delimited import Lines
from ad_stream.readings.table import TextTable

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""The first bytes of the container that xls files lie in."""
SEPARATOR = "\t"


def read(name: str, raw: bytes, about: tuple[str, ...], wanted: str | None) -> TextTable:
    """The sheet that holds a table; InputError where there is none, or several and none of them is `wanted`."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ModuleNotFoundError:
        raise SetupError(f"{name} is a workbook: pip install 'ad-stream[excel]', or save the sheet as CSV") from None
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(raw))
        sheets = {one: book.get_sheet_by_name(one).to_python(skip_empty_area=False) for one in book.sheet_names}
    except (CalamineError, OSError, ValueError) as error:
        raise InputError(f"{name} cannot be read as a workbook ({error}): save the sheet as CSV") from None
    sheet = _chosen(name, sheets, wanted)
    return delimited.cut(name, _lines(sheets[sheet]), SEPARATOR, (*about, f"sheet {sheet!r}"), word="row")


def _chosen(name: str, sheets: dict[str, list[list[Any]]], wanted: str | None) -> str:
    if wanted is not None:
        if wanted not in sheets:
            raise InputError(f"{name} has no sheet {wanted!r}: give --sheet one of {', '.join(map(repr, sheets))}")
        return wanted
    tables = [one for one, rows in sheets.items() if sum(_filled(row) > 1 for row in rows) > 1]
    if len(tables) > 1:
        raise InputError(
            f"{name} has tables in {len(tables)} sheets: give --sheet one of {', '.join(map(repr, tables))}"
        )
    if not tables:
        raise InputError(f"{name} has no sheet with a time and a value in each row: give a file with readings")
    return tables[0]


def _filled(row: list[Any]) -> int:
    return sum(cell != "" for cell in row)


def _lines(rows: list[list[Any]]) -> Lines:
    """Rows that hold something, as text with separators."""
    filled = [_filled(row) for row in rows]
    first = next((number for number, cells in enumerate(filled) if cells > 1), len(rows))
    # What stands above the table has one cell; as wide as the table it would be taken for its header.
    cells = [[cell for cell in row if cell != ""] if number < first else row for number, row in enumerate(rows)]
    return [(number + 1, _joined(cells[number])) for number in range(len(rows)) if filled[number]]


def _joined(cells: list[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=SEPARATOR, lineterminator="").writerow([_cell(cell) for cell in cells])
    return out.getvalue()


def _cell(value: Any) -> str:
    """Numbers without a fraction as whole ones, so that ids and years are no decimals; times as ISO 8601."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return repr(value.total_seconds())
    return " ".join(str(value).split())
