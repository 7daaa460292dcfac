"""A file as text cells: packed or not, whatever its encoding, CSV of any separator, JSON lines, Parquet, a workbook."""

from __future__ import annotations

import gzip
import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ad_stream.errors import InputError
from ad_stream.readings import delimited, workbook
from ad_stream.readings.events import readings_of
from ad_stream.readings.table import TextTable

BESIDE = r"__MACOSX/|(.*/)?(readme|licen[sc]e|metadata)[^/]*$|.*\.(md|pdf|html)$"
"""Files of a zip that hold no readings."""


def read_table(path: Path, sheet: str | None = None) -> TextTable:
    """The file as text cells; InputError where it cannot be read or holds no table. sheet: of a workbook with several."""
    raw, about = _unpacked(path)
    if _is_workbook(raw):
        return workbook.read(path.name, raw, about, sheet)
    if sheet is not None:
        raise InputError(f"{path.name} is no workbook, so it has no sheet {sheet!r}: leave --sheet out")
    if raw[:4] == b"PAR1":
        return _parquet(path, raw, about)
    if raw[:1] == b"\x80" and raw[1:2] in b"\x02\x03\x04\x05":
        raise InputError(
            f"{path.name} is a pickle, which may run whatever it names while it is read: make a table of it,"
            f" ad-stream convert {path.name} out.parquet"
        )
    text, about = _decoded(path.name, raw, about)
    if not text.strip():
        raise InputError(f"{path.name} is empty: give a file with a header and readings")
    if text.lstrip()[0] in "{[":
        return _json(path.name, text, about)
    return delimited.read(path.name, text, about)


def _unpacked(path: Path) -> tuple[bytes, tuple[str, ...]]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): name an existing CSV file") from None
    try:
        if raw[:2] == b"\x1f\x8b":
            return gzip.decompress(raw), ("gzip",)
        if raw[:4] == b"PK\x03\x04" and not _is_workbook(raw):
            return _member(path.name, raw)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise InputError(f"{path.name} cannot be unpacked ({error}): give the file as it was before packing") from None
    return raw, ()


def _is_workbook(raw: bytes) -> bool:
    """By its container: of xls, or a zip with the manifest of xlsx and xlsb or of OpenDocument."""
    if raw[:4] != b"PK\x03\x04":
        return raw[:8] == workbook.OLE
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return bool({"[Content_Types].xml", "META-INF/manifest.xml"} & set(archive.namelist()))
    except zipfile.BadZipFile:  # whoever unpacks it says so
        return False


def _member(name: str, raw: bytes) -> tuple[bytes, tuple[str, ...]]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        files = [one for one in archive.namelist() if not one.endswith("/") and not re.match(BESIDE, one, re.I)]
        if len(files) != 1:
            raise InputError(f"{name} holds {len(files)} files: unpack it and give one of them")
        return archive.read(files[0]), (f"{files[0]} of the zip",)


def _decoded(name: str, raw: bytes, about: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", errors="replace"), (*about, "UTF-16")
    if b"\0" in raw[:4096]:
        raise InputError(f"{name} holds NUL bytes, so it is no text: give CSV, JSON lines or Parquet")
    try:
        return raw.decode("utf-8-sig"), about
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace"), (*about, "no UTF-8, read as Windows-1252")


def _json(name: str, text: str, about: tuple[str, ...]) -> TextTable:
    """One object a line, or one array of objects; members within members are named with dots."""
    if text.lstrip()[0] == "[":
        found = _loaded(name, 1, text)
        numbered: list[tuple[int, Any]] = list(enumerate(found if isinstance(found, list) else [], start=1))
        word = "element"
    else:
        lines = enumerate(text.splitlines(), start=1)
        numbered = [(number, _loaded(name, number, line)) for number, line in lines if line.strip()]
        word = "line"
    wrong = next((number for number, one in numbered if not isinstance(one, dict)), None)
    if wrong is not None or not numbered:
        raise InputError(f'{name} {word} {wrong or 1} is no JSON object: write {{"timestamp": …, "value": …}}')
    held = [(number, reading) for number, one in numbered for reading in readings_of(one)]
    if not held:
        raise InputError(f"{name} holds events without a reading in their bodies: give a file with readings")
    about = (*about, "JSON") if held == numbered else (*about, "JSON", f"{len(numbered):,} events of a hub")
    cells = pd.DataFrame([_flat(one) for _, one in held]).fillna("")
    return TextTable(name, cells, np.array([number for number, _ in held], dtype=np.int64), word, about)


def _loaded(name: str, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise InputError(f"{name} line {number} is no JSON ({error}): mend or delete that line") from None


def _flat(members: Mapping[str, Any], before: str = "") -> dict[str, str]:
    out: dict[str, str] = {}
    for key, value in members.items():
        if isinstance(value, dict):
            out |= _flat(value, f"{before}{key}.")
        elif not isinstance(value, list):
            out[before + key] = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    return out


def _parquet(path: Path, raw: bytes, about: tuple[str, ...]) -> TextTable:
    import pyarrow as pa

    try:
        frame = pd.read_parquet(io.BytesIO(raw))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(f"{path.name} cannot be read as Parquet ({error}): write it anew") from None
    if not isinstance(frame.index, pd.RangeIndex):
        frame = frame.reset_index()
    if frame.empty:
        raise InputError(f"{path.name} has a header and no rows: give a file with readings")
    cells = pd.DataFrame({str(name): _texts(frame[name]) for name in frame.columns})
    return TextTable(path.name, cells, np.arange(1, len(cells) + 1), "row", (*about, "Parquet"))


def _texts(column: pd.Series[Any]) -> pd.Series[str]:
    """A typed column as text: instants in UTC with a Z, times without a zone as they stand."""
    if pd.api.types.is_datetime64_any_dtype(column):
        zone = "Z" if column.dt.tz is not None else ""
        plain = column.dt.tz_convert("UTC").dt.tz_localize(None) if zone else column
        text = plain.dt.strftime("%Y-%m-%dT%H:%M:%S.%f") + zone
    else:
        text = column.astype(object).map(str)
    texts: pd.Series[str] = text.where(column.notna(), "").astype(object)
    return texts
