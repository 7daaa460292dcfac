"""Text as numbers: point or comma, thousands, one unit behind them, switches."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ad_stream.errors import InputError

if TYPE_CHECKING:
    from ad_stream.model import Floats

MOST_ODD = 0.1
"""A form other than the plain one is taken where it reads all but this share of the cells."""
SWITCHES = {"on": 1.0, "off": 0.0, "true": 1.0, "false": 0.0, "open": 1.0, "closed": 0.0, "yes": 1.0, "no": 0.0}
_COMMA = r"[-+]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?(e[-+]?\d+)?"
_THOUSANDS = r"[-+]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?"
_GROUPS = r"[-+]?\d{1,3}([ '’\u00a0\u202f]\d{3})+(\.\d+)?|[-+]?\d+(\.\d+)?"
_UNIT = r"\s*([^\W\d_]|[°%µ²³/·])+$"
_TWO_WAYS = r"[-+]?[1-9]\d{0,2},\d{3}"


@dataclass(frozen=True)
class Numbers:
    """values: (rows,) float64, NaN where the cell holds no finite number; form: '' or how they were written."""

    values: Floats
    form: str


def parse_numbers(texts: pd.Series[str], *, decimal: str | None = None, semicolons: bool = False) -> Numbers:
    """The whole column in the one form that reads it best, the plain one first.

    decimal: ',' or '.' where that is known; semicolons: whether the file is cut by them, as where the comma is decimal.
    Raises InputError where a column could be thousands as well as fractions.
    """
    cells = texts.str.strip()
    full = cells != ""
    best = Numbers(_plain(cells), "")
    if decimal == "." or full.sum() == np.isfinite(best.values).sum():
        return best if decimal != "," else Numbers(_comma(cells), "decimal comma")
    if decimal == ",":
        return Numbers(_comma(cells), "decimal comma")
    for form, reading in _forms(cells).items():
        values = reading(cells)
        read = int(np.isfinite(values).sum())
        if read > np.isfinite(best.values).sum() and read >= (1 - MOST_ODD) * full.sum():
            best = Numbers(values, form)
    if best.form in ("decimal comma", "thousands with commas") and not semicolons:
        _only_one_way(cells[full])
    return Numbers(_comma(cells), "decimal comma") if best.form == "thousands with commas" and semicolons else best


def _forms(cells: pd.Series[str]) -> dict[str, Callable[[pd.Series[str]], Floats]]:
    units = cells.str.extract(f"({_UNIT})", expand=True)[0].str.strip()
    unit = units.dropna().mode()
    forms: dict[str, Callable[[pd.Series[str]], Floats]] = {
        "decimal comma": _comma,
        "thousands with commas": lambda text: _matching(text, _THOUSANDS, lambda one: one.str.replace(",", "")),
        "thousands in groups": lambda text: _matching(
            text, _GROUPS, lambda one: one.str.replace("[ '’\u00a0\u202f]", "", regex=True)
        ),
        "on = 1, off = 0": lambda text: text.str.lower().map(SWITCHES).to_numpy(dtype=np.float64),
    }
    if len(unit):
        ends = re.escape(str(unit.iloc[0]))
        forms |= {
            f"in {unit.iloc[0]}": lambda text: _plain(text.str.replace(rf"\s*{ends}$", "", regex=True)),
            f"decimal comma, in {unit.iloc[0]}": lambda text: _comma(text.str.replace(rf"\s*{ends}$", "", regex=True)),
        }
    return forms


def _plain(cells: pd.Series[str]) -> Floats:
    values = np.asarray(pd.to_numeric(cells, errors="coerce"), dtype=np.float64)
    there = np.isfinite(values)
    # pandas rounds the last digit of long numbers otherwise than JSON and the stream do.
    values[there] = cells.to_numpy(dtype=object)[there].astype(np.float64)
    return np.where(there, values, np.nan)


def _comma(cells: pd.Series[str]) -> Floats:
    return _matching(
        cells, _COMMA, lambda one: one.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    )


def _matching(cells: pd.Series[str], form: str, rewrite: Callable[[pd.Series[str]], pd.Series[str]]) -> Floats:
    return _plain(rewrite(cells).where(cells.str.fullmatch(form, flags=re.I), ""))


def _only_one_way(cells: pd.Series[str]) -> None:
    """InputError where each comma could part thousands as well as fractions."""
    commas = cells[cells.str.contains(",", regex=False)]
    if commas.str.fullmatch(_TWO_WAYS).all():
        one = str(commas.iloc[0])
        raise InputError(
            f"{one!r} could be {one.replace(',', '.')} or {one.replace(',', '')}: say which with --decimal , or --decimal ."
        )
