"""Text with separators: which one, where the header is or that there is none, what stands before it and between."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from ad_stream.errors import InputError
from ad_stream.readings.table import TextTable
from ad_stream.readings.times import looks_like_time

SAMPLE = 200
"""Lines that the separator and the header are found in."""
FEW = 3
"""Up to so many words above the rows may as well be a sentence."""
LINE_PROTOCOL = r'[^\s,]+(,[^\s=,]+=[^\s=,]+)* [^\s=,]+=("[^"]*"|[^\s,]+)(,[^\s=,]+=("[^"]*"|[^\s,]+))*( \d+)?$'
MOST_UNITS = 4
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}

Lines = list[tuple[int, str]]
"""(number from 1, text)."""


def read(name: str, text: str, about: tuple[str, ...]) -> TextTable:
    """The text as a table; InputError, with the line, where it is none."""
    every = [(n, line) for n, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1) if line.strip()]
    told = re.fullmatch(r"\s*\"?sep=(.)\"?\s*", every[0][1], re.I)
    # Campbell's loggers name themselves in a line above the header, which may have as many fields as it.
    every = every[1:] if told or re.match(r'"?TOA5\b', every[0][1]) else every
    lines = [one for one in every if not one[1].lstrip().startswith("#")]
    if not lines:
        raise InputError(f"{name} holds comments only: give a file with readings")
    if re.match(LINE_PROTOCOL, lines[0][1]):
        raise InputError(
            f"{name} is InfluxDB's line protocol: export it as CSV, such as influx query --raw, or read the database (docs/sources.md)"
        )
    separator = told.group(1) if told else _separator(name, lines[:SAMPLE])
    words = SEPARATORS.get(separator, repr(separator))
    return cut(
        name, _squeezed(lines, separator), separator, (*about, words), [one for one in every if one[0] < lines[0][0]]
    )


def cut(
    name: str, lines: Lines, separator: str, about: tuple[str, ...], comments: Lines | None = None, word: str = "line"
) -> TextTable:
    """Lines whose separator is known, without comments, as a table. comments: what stands above; word: what they count."""
    names, begin = _header(lines, separator, comments or [])
    units = _units(lines[begin : begin + MOST_UNITS], separator) if names else 0
    rows = lines[begin + units :]
    if not rows:
        raise InputError(f"{name} has a header and no rows: give a file with readings")
    names = names or [f"column {number + 1}" for number in range(len(_fields(rows[0][1], separator)))]
    table = _parsed(name, rows, _unique(names), separator)
    place = np.array([number for number, _ in rows], dtype=np.int64)
    if len(place) != len(table):  # a quoted cell holds line breaks: lines can only be counted
        place = place[0] + np.arange(len(table), dtype=np.int64)
    return TextTable(
        name,
        table,
        place,
        word,
        (
            *about,
            *_skipped(lines, begin, names, word),
            *([f"{units} {word}{'s' * (units > 1)} of units"] * bool(units)),
        ),
    )


def _skipped(lines: Lines, begin: int, names: Sequence[str], word: str) -> tuple[str, ...]:
    if all(re.fullmatch(r"column \d+", one) for one in names):
        return ("no header",)
    return (f"header in {word} {lines[begin - 1][0]}",) if begin > 1 else ()


def _fields(line: str, separator: str) -> list[str]:
    return next(csv.reader([line], delimiter=separator), [])


def _separator(name: str, lines: Lines) -> str:
    """The one that cuts most lines into equally many fields, at least two."""
    best, found = (0.0, 0), ""
    for separator in SEPARATORS:
        counts = Counter(len(_fields(line, separator)) for _, line in _squeezed(lines, separator))
        more = [(many / len(lines), fields) for fields, many in counts.items() if fields > 1]
        # Spaces stand within times and names, so they are taken only where nothing else cuts.
        if more and max(more) > best and not (separator == " " and best[0] > 0.5):
            best, found = max(more), separator
    if not found or best[0] <= 0.5:
        raise InputError(f"{name} has one column: give a time and a value on each line, with a comma between them")
    return found


def _squeezed(lines: Lines, separator: str) -> Lines:
    """Columns that are set with several spaces have one between them."""
    return [(number, re.sub(r"\s+", " ", line.strip())) for number, line in lines] if separator == " " else lines


def _header(lines: Lines, separator: str, comments: Lines) -> tuple[list[str], int]:
    """The names, none where there are none, and which line the rows begin at."""
    cells = [_fields(line, separator) for _, line in lines[:SAMPLE]]
    usual = Counter(len(one) for one in cells).most_common(1)[0][0] if len(cells) > 2 else len(cells[-1])
    at = next(n for n, one in enumerate(cells) if len(one) == usual)
    before = cells[at - 1] if at else []
    if len(before) == usual - 1 and not _is_data(before) and _is_data(cells[at]):
        return [*before, ""], at  # every row ends with a separator, the header does not
    if not _is_data(cells[at]):
        return cells[at], at + 1
    above = [_fields(line.lstrip("# "), separator) for _, line in _squeezed(comments[-2:], separator)]
    named = [one for one in above if len(one) == usual and not _is_data(one)]
    # Of two that could be it the upper one has the names and the lower one the units; two words may be anything.
    return (named[0 if usual > FEW else -1] if named else []), at


def _is_data(cells: Sequence[str]) -> bool:
    """Whether a line is a row: all numbers, or a time among them."""
    full = [cell.strip() for cell in cells if cell.strip()]
    numbers = [bool(re.fullmatch(r"[-+]?[\d.,]+(e[-+]?\d+)?", cell, re.I)) for cell in full]
    return bool(full) and (all(numbers) or any(looks_like_time(cell) for cell in full))


def _units(lines: Lines, separator: str) -> int:
    """How many lines below the header name units or sums (as of Campbell's loggers): none of their cells begins with a digit."""
    for count, (_, line) in enumerate(lines):
        cells = _fields(line, separator)
        if _is_data(cells) or any(re.match(r"\s*[-+]?[.,]?\d", cell) for cell in cells):
            return count
    return 0


def _unique(names: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    out = []
    for number, raw in enumerate(names, start=1):
        name = raw.strip().strip('"').strip() or f"column {number}"
        seen[name] += 1
        out.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return out


def _parsed(name: str, rows: Lines, names: list[str], separator: str) -> pd.DataFrame:
    odd: list[arrow_csv.InvalidRow] = []

    def remember(row: arrow_csv.InvalidRow) -> str:
        odd.append(row)
        return "skip"

    body = "\n".join(line for _, line in rows) + "\n"
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(body.encode()),
            read_options=arrow_csv.ReadOptions(column_names=names, use_threads=False),
            parse_options=arrow_csv.ParseOptions(
                delimiter=separator, newlines_in_values=body.count('"') > 0, invalid_row_handler=remember
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise InputError(f"{name} cannot be read as CSV ({str(error).splitlines()[0]}): mend that line") from None
    if odd:
        _refuse(name, rows, odd[0])
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _refuse(name: str, rows: Lines, odd: arrow_csv.InvalidRow) -> None:
    number = rows[odd.number - 1][0] if odd.number and odd.number <= len(rows) else "?"
    raise InputError(
        f"{name} line {number}: {odd.actual_columns} fields where the other lines have {odd.expected_columns}"
        f" ({odd.text[:60]!r}): mend or delete that line"
    )
