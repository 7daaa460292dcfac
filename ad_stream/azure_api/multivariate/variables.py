"""Files -> variables: an archive or a folder of `<variable>.csv` with timestamp and value, or one table with a column each.

Which of them a file is, its content says, since the previews cannot. What an archive claims of itself is not believed: its files
are unpacked one by one, and what comes out is counted.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from ad_stream.azure_api.multivariate.faults import ContractError, fault
from ad_stream.azure_api.multivariate.questions import utc
from ad_stream.azure_api.multivariate.settings import MOST_TRAINED, MOST_VARIABLES
from ad_stream.secrets import redact

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.azure_api.multivariate.settings import MultivariateSettings
    from ad_stream.model import Floats

    Times = NDArray[np.datetime64]

TIME, VALUE = "timestamp", "value"
MOST_ENTRIES = 2_000
"""Of an archive; more than 301 are of no use, but people zip whole folders."""
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)
"""What zipfile raises for broken, encrypted and exotic archives."""
_READ_OPTIONS = arrow_csv.ReadOptions(use_threads=False)
_FORMS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Variable:
    """times (n,) datetime64[us] in UTC, rising, each once; values (n,), NaN = missing."""

    name: str
    times: Times
    values: Floats

    @classmethod
    def of(cls, name: str, times: Times, values: Floats) -> Variable:
        """Rows in any order; of two at one time the later row counts."""
        if len(times) > MOST_TRAINED:
            raise fault("TooManyData", f"The variable {name} has {len(times)}.", most=MOST_TRAINED)
        unique, first_from_behind = np.unique(times[::-1], return_index=True)
        kept = values[len(values) - 1 - first_from_behind]
        return cls(name, unique, np.where(np.isfinite(kept), kept, np.nan))


def variables_of(path: Path, settings: MultivariateSettings) -> list[Variable]:
    """A fetched or local source -> its variables by name; raises ContractError."""
    if path.is_dir():
        found = [_single(file.stem, file.read_bytes()) for file in _csv_files(path, settings)]
    elif _begins_with(path, _ZIP):
        found = [_single(name, content) for name, content in _unpacked(path, settings)]
    else:
        found = _one_table(path.read_bytes())
    if not found:
        raise fault("NoVariablesFound", "Put files <variable>.csv with the columns timestamp,value at the top level.")
    return sorted(checked(found), key=lambda variable: variable.name)


def checked(found: list[Variable]) -> list[Variable]:
    """The same; raises ContractError where there are too many, or two of one name."""
    names = [variable.name for variable in found]
    if len(names) > MOST_VARIABLES:
        raise fault("NumColumnsMismatch", f"There are {len(names)} variables, and at most {MOST_VARIABLES} are taken.")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise fault("DuplicatedVariables", f"{twice} is there twice.")
    return found


def _begins_with(path: Path, magic: tuple[bytes, ...]) -> bool:
    with path.open("rb") as file:
        return file.read(4) in magic


def _csv_files(folder: Path, settings: MultivariateSettings) -> list[Path]:
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv" and path.is_file())
    for path in files:
        if path.is_symlink():
            raise fault("ReadingFileError", "It is a link: put the file itself there.", file=path.name)
        if path.stat().st_size > settings.file_bytes:
            raise fault("FileSizeTooLarge", f"At most {settings.file_bytes} bytes are read.", file=path.name)
    if sum(path.stat().st_size for path in files) > settings.unpacked_bytes:
        raise fault("InvalidFileSize", file=folder.name, most=settings.unpacked_bytes)
    return files


def _unpacked(path: Path, settings: MultivariateSettings) -> Iterator[tuple[str, bytes]]:
    """Variable and content of each csv file at the top level; sub-folders and other files are left aside."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if _counts(entry)]
            if len(archive.infolist()) > MOST_ENTRIES:
                raise fault("ReadingFileError", f"It has more than {MOST_ENTRIES} entries.", file="of the archive")
            left = settings.unpacked_bytes
            for entry in entries:
                content = _content(archive, entry, min(settings.file_bytes, left), settings)
                left -= len(content)
                yield entry.filename[: -len(".csv")], content
    except ContractError:
        raise
    except _UNREADABLE as error:
        raise fault(
            "ReadingFileError",
            f"The archive cannot be unpacked ({type(error).__name__}): zip it again.",
            file="of the archive",
        ) from None


def _counts(entry: zipfile.ZipInfo) -> bool:
    return "/" not in entry.filename and "\\" not in entry.filename and entry.filename.lower().endswith(".csv")


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int, settings: MultivariateSettings) -> bytes:
    if entry.compress_type not in _FORMS:
        raise fault("ReadingFileError", "Zip it with the usual method (deflate).", file=entry.filename)
    with archive.open(entry) as file:
        content = file.read(most + 1)
    if len(content) <= most:
        return content
    if most == settings.file_bytes:
        raise fault("FileSizeTooLarge", f"Unpacked, at most {most} bytes are read.", file=entry.filename)
    raise fault(
        "InvalidFileSize", "That is of all its files, unpacked.", file="of the archive", most=settings.unpacked_bytes
    )


def _single(name: str, content: bytes) -> Variable:
    """A file with the columns timestamp and value."""
    file = f"{name}.csv"
    header = _header(file, content)
    if TIME not in header or VALUE not in header:
        raise fault("FileColumnsNotExist", f"Its columns are {redact(', '.join(header))[:200]}.", file=file)
    table = _table(file, content, [VALUE])
    return Variable.of(name, _times(name, table[TIME]), _floats(table[VALUE]))


def _one_table(content: bytes) -> list[Variable]:
    """A file with the column timestamp and one for each variable."""
    header = _header("of the source", content)
    names = [name for name in header if name != TIME]
    if TIME not in header or len(names) < len(header) - 1:
        raise fault(
            "FileColumnsNotExist",
            "One table needs the column timestamp, once, and a column for each variable.",
            file="of the source",
        )
    if len(set(names)) < len(names):
        raise fault("DuplicatedVariables", f"The columns are {', '.join(names)[:200]}.")
    table = _table("of the source", content, names)
    times = _times(TIME, table[TIME])
    return [Variable.of(name, times, _floats(table[name])) for name in names]


def _header(file: str, content: bytes) -> list[str]:
    line = content.split(b"\n", 1)[0][:65_536]
    try:
        return next(csv.reader(io.StringIO(line.decode("utf-8-sig"))), [])
    except (UnicodeDecodeError, csv.Error):
        raise fault("ReadingFileError", "It is no CSV file in UTF-8.", file=file) from None


def _table(file: str, content: bytes, values: list[str]) -> pa.Table:
    types = {TIME: pa.string(), **dict.fromkeys(values, pa.float64())}
    options = arrow_csv.ConvertOptions(column_types=types, include_columns=list(types))
    try:
        return arrow_csv.read_csv(io.BytesIO(content), read_options=_READ_OPTIONS, convert_options=options)
    except pa.ArrowKeyError:
        raise fault("ReadingFileError", "Its columns cannot be told apart.", file=file) from None
    except pa.ArrowInvalid as error:
        raise fault("ReadingFileError", f"{str(error).splitlines()[0][:200]}.", file=file) from None


def _floats(column: pa.ChunkedArray) -> Floats:
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _times(name: str, column: pa.ChunkedArray) -> Times:
    """(n,) texts in UTC; those without an offset are UTC. Arrow reads ISO 8601 in bulk, the rest is read one by one."""
    if column.null_count:
        raise fault("VariableParseError", "A timestamp is empty.", variable=name, why="timestamp")
    bare = pc.replace_substring_regex(column, pattern=r"(Z|[+]00:?00)$", replacement="")
    try:
        return np.asarray(bare.cast(pa.timestamp("us")).to_numpy()).astype("datetime64[us]")
    except pa.ArrowInvalid:
        pass
    try:
        return utc(column.to_pylist())
    except ContractError as error:
        raise fault("VariableParseError", error.message, variable=name, why="timestamp") from None
