"""Sheets of workbooks: written here as the few XML files that every spreadsheet program writes."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest

from ad_stream.errors import InputError
from ad_stream.readings import ReadOptions, read

pytest.importorskip("python_calamine")

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
ZERO = datetime(1899, 12, 30)
START = datetime(2026, 3, 2, 6)
Cell = str | float | bool | datetime | None
ROWS: list[list[Cell]] = [["time", "temperature", "site"]]
ROWS += [[START + timedelta(minutes=5 * k), 20 + k / 4, "north"] for k in range(20)]


def workbook(path: Path, sheets: Mapping[str, Sequence[Sequence[Cell]]]) -> Path:
    """The sheets as xlsx."""
    numbered = list(enumerate(sheets.items(), start=1))
    named = "".join(f'<sheet name="{escape(name)}" sheetId="{n}" r:id="r{n}"/>' for n, (name, _) in numbered)
    related = "".join(
        f'<Relationship Id="r{n}" Type="{OFFICE}/worksheet" Target="worksheets/{n}.xml"/>' for n, _ in numbered
    )
    styled = f'<Relationship Id="s" Type="{OFFICE}/styles" Target="styles.xml"/>'
    book = f'<Relationship Id="b" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{PACKAGE}/content-types"/>')
        archive.writestr("_rels/.rels", f'<Relationships xmlns="{PACKAGE}/relationships">{book}</Relationships>')
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{named}</sheets></workbook>'
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{PACKAGE}/relationships">{related}{styled}</Relationships>',
        )
        archive.writestr(
            "xl/styles.xml",
            f'<styleSheet xmlns="{MAIN}"><cellXfs><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></styleSheet>',
        )
        for n, (_, rows) in numbered:
            lines = "".join(f"<row>{''.join(map(_xml, row))}</row>" for row in rows)
            archive.writestr(
                f"xl/worksheets/{n}.xml", f'<worksheet xmlns="{MAIN}"><sheetData>{lines}</sheetData></worksheet>'
            )
    return path


def _xml(cell: Cell) -> str:
    if isinstance(cell, bool):
        return f'<c t="b"><v>{int(cell)}</v></c>'
    if isinstance(cell, datetime):
        return f'<c s="1"><v>{(cell - ZERO) / timedelta(days=1)}</v></c>'
    if isinstance(cell, str):
        return f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
    return "<c/>" if cell is None else f"<c><v>{cell}</v></c>"


def test_a_sheet_is_read_as_its_cells_are_meant(tmp_path: Path) -> None:
    found = read(workbook(tmp_path / "pump.xlsx", {"Sheet1": ROWS}))
    assert found.signals == ["value"] and dict(found.understood)["values"] == "column 'temperature'"
    np.testing.assert_allclose(found.value, [20 + k / 4 for k in range(20)])
    assert found.ms[0] == int(START.timestamp() * 1000) and set(np.diff(found.ms)) == {300_000}
    assert dict(found.understood)["file"] == "20 rows, sheet 'Sheet1'"


def test_what_stands_above_the_table_is_passed_over_and_rows_keep_their_numbers(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [["Report of the boiler house"], [], *ROWS]
    rows[6] = [rows[6][0], "broken", "north"]
    found = read(workbook(tmp_path / "pump.xlsx", {"A": rows}))
    told = dict(found.understood)
    assert told["file"] == "20 rows, sheet 'A', header in row 3"
    assert "row 7" in " ".join(told.values())


def test_of_several_tables_one_is_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "pump.xlsx", {"notes": [["hello"]], "May": ROWS, "June": ROWS[:9]})
    with pytest.raises(InputError, match="^pump.xlsx has tables in 2 sheets: give --sheet one of 'May', 'June'$"):
        read(path)
    assert read(path, ReadOptions(sheet="June")).rows == 8
    with pytest.raises(InputError, match="^pump.xlsx has no sheet 'July': give --sheet one of 'notes', 'May', 'June'$"):
        read(path, ReadOptions(sheet="July"))


def test_a_sheet_without_a_table_and_a_sheet_of_what_is_no_workbook(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="^x.xlsx has no sheet with a time and a value in each row: "):
        read(workbook(tmp_path / "x.xlsx", {"notes": [["hello"]]}))
    (tmp_path / "x.csv").write_text("time,value\n2026-03-02T06:00:00Z,1\n", encoding="utf-8")
    with pytest.raises(InputError, match="^x.csv is no workbook, so it has no sheet 'A': leave --sheet out$"):
        read(tmp_path / "x.csv", ReadOptions(sheet="A"))


def test_a_switch_is_one_and_zero(tmp_path: Path) -> None:
    rows: list[list[Cell]] = [["time", "door"]]
    rows += [[START + timedelta(minutes=k), k % 2 == 0] for k in range(12)]
    assert set(read(workbook(tmp_path / "x.xlsx", {"A": rows})).value) == {0.0, 1.0}
