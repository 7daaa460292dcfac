"""Archives, folders and tables as variables; what is none, and what would take more than it says."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ad_stream.azure_api.multivariate.faults import ContractError
from ad_stream.azure_api.multivariate.settings import MultivariateSettings
from ad_stream.azure_api.multivariate.variables import MOST_ENTRIES, variables_of
from tests.support.plant_files import csv_of, pump, table_of, times, zip_of, zipped

ROWS = 50
COLUMNS = {name: values[:ROWS] for name, values in pump().items()}
STAMPS = times(ROWS)
GOOD = csv_of(COLUMNS["flow"], STAMPS)


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., list[tuple[str, list[str], list[float]]]]:
    def reading(content: str | bytes, **limits: int) -> list[tuple[str, list[str], list[float]]]:
        path = tmp_path / "source"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        settings = MultivariateSettings(state=tmp_path, **limits)  # type: ignore[arg-type]
        found = variables_of(path, settings)
        return [(v.name, [str(time) for time in v.times.astype("datetime64[s]")], list(v.values)) for v in found]

    return reading


def code(read: Callable[..., object], content: str | bytes, **limits: int) -> str:
    with pytest.raises(ContractError) as caught:
        read(content, **limits)
    assert caught.value.message
    return caught.value.code


def test_an_archive_a_table_and_a_folder_give_the_same_variables(read: Callable[..., object], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, column in COLUMNS.items():
        (folder / f"{name}.csv").write_text(csv_of(column, STAMPS))
    of_folder = variables_of(folder, MultivariateSettings(state=tmp_path))
    of_zip, of_table = read(zipped(COLUMNS, STAMPS)), read(table_of(COLUMNS, STAMPS))
    assert of_zip == of_table
    assert [(v.name, list(v.values)) for v in of_folder] == [(name, values) for name, _, values in of_zip]  # type: ignore[attr-defined]
    assert of_zip == [(name, [s[:-1] for s in STAMPS], COLUMNS[name]) for name in sorted(COLUMNS)]


def test_rows_in_any_order_come_sorted_and_of_two_at_one_time_the_later_row_counts(read: Callable[..., object]) -> None:
    text = "timestamp,value\n2026-01-02T00:00:00Z,3\n2026-01-01T00:00:00Z,1\n2026-01-02T00:00:00Z,4\n"
    assert read(zip_of({"a.csv": text})) == [("a", ["2026-01-01T00:00:00", "2026-01-02T00:00:00"], [1.0, 4.0])]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05"),
        ("2026-01-02 03:04:05", "2026-01-02T03:04:05"),
        ("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05"),
        ("2026-01-02T03:04:05+00:00", "2026-01-02T03:04:05"),
        ("2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05"),
        ("2026-01-02T03:04:05.0000000Z", "2026-01-02T03:04:05"),
        ("1/2/2026 3:04:05 AM", "2026-01-02T03:04:05"),
        ("2026-01-02", "2026-01-02T00:00:00"),
    ],
)
def test_times_are_read_as_clients_write_them(read: Callable[..., object], written: str, meant: str) -> None:
    assert read(f"timestamp,a\n{written},1\n") == [("a", [meant], [1.0])]


def test_offsets_of_one_column_may_differ(read: Callable[..., object]) -> None:
    text = "timestamp,a\n2026-01-02T03:00:00+02:00,1\n2026-01-02T03:00:00+01:00,2\n"
    assert read(text) == [("a", ["2026-01-02T01:00:00", "2026-01-02T02:00:00"], [1.0, 2.0])]


def test_empty_and_infinite_values_are_missing(read: Callable[..., object]) -> None:
    found = read("timestamp,a,b\n2026-01-01T00:00:00Z,,NaN\n2026-01-02T00:00:00Z,inf,2\n")
    assert np.array_equal(np.array([row[2] for row in found]), [[np.nan, np.nan], [np.nan, 2.0]], equal_nan=True)  # type: ignore[attr-defined]


def test_subfolders_and_other_files_are_left_aside(read: Callable[..., object]) -> None:
    content = zip_of(
        {"a.csv": GOOD, "old/b.csv": GOOD, "readme.txt": "x", "__MACOSX/._a.csv": "junk", "..\\c.csv": GOOD}
    )
    assert [name for name, *_ in read(content)] == ["a"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(zip_of({}), "NoVariablesFound", id="no_files"),
        pytest.param(zip_of({"folder/a.csv": GOOD}), "NoVariablesFound", id="in_a_folder"),
        pytest.param(zip_of({"a.csv": "time,value\n1,2\n"}), "FileColumnsNotExist", id="no_column_timestamp"),
        pytest.param(zip_of({"a.csv": ""}), "FileColumnsNotExist", id="empty_file"),
        pytest.param(
            zip_of({"a.csv": "timestamp,value\n2026-01-01T00:00:00Z,high\n"}), "ReadingFileError", id="a_word"
        ),
        pytest.param(zip_of({"a.csv": "timestamp,value\nyesterday,1\n"}), "VariableParseError", id="no_time"),
        pytest.param(zip_of({"a.csv": "timestamp,value\n,1\n"}), "VariableParseError", id="time_missing"),
        pytest.param(zip_of({"a.csv": b"\xff\xfe\x00timestamp"}), "ReadingFileError", id="no_text"),
        pytest.param(zip_of({"a.csv": GOOD, "a.CSV": GOOD}), "DuplicatedVariables", id="one_name_twice"),
        pytest.param(zip_of({f"v{i}.csv": GOOD for i in range(302)}), "NumColumnsMismatch", id="too_many_variables"),
        pytest.param(
            zip_of({f"v{i}.txt": "" for i in range(MOST_ENTRIES + 1)}), "ReadingFileError", id="too_many_entries"
        ),
        pytest.param(zip_of({"a.csv": GOOD}, method=zipfile.ZIP_LZMA), "ReadingFileError", id="lzma"),
        pytest.param(zipped(COLUMNS, STAMPS)[:-30], "ReadingFileError", id="torn_archive"),
        pytest.param(b"PK\x03\x04" + bytes(200), "ReadingFileError", id="only_the_head_of_an_archive"),
        pytest.param("timestamp,a,a\n2026-01-01T00:00:00Z,1,2\n", "DuplicatedVariables", id="one_column_twice"),
        pytest.param("a,b\n1,2\n", "FileColumnsNotExist", id="csv_without_time"),
        pytest.param("", "FileColumnsNotExist", id="nothing"),
        pytest.param(b"\x89PNG\r\n\x1a\n\x00\x00\xff", "ReadingFileError", id="a_picture"),
        pytest.param("timestamp,a\n2026-01-01T00:00:00Z,1,2,3\n", "ReadingFileError", id="a_cell_too_many"),
    ],
)
def test_what_is_no_data_is_told_in_the_contracts_codes(
    read: Callable[..., object], content: str | bytes, expected: str
) -> None:
    assert code(read, content) == expected


def test_an_encrypted_archive_is_one_that_cannot_be_read(read: Callable[..., object]) -> None:
    content = bytearray(zip_of({"a.csv": GOOD}, method=zipfile.ZIP_STORED))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(magic) + offset] |= 1  # bit 0 of the flags, APPNOTE 4.4.4
    assert code(read, bytes(content)) == "ReadingFileError"


def test_a_file_that_unpacks_to_more_than_allowed_is_not_unpacked_further(read: Callable[..., object]) -> None:
    bomb = zip_of({"a.csv": "timestamp,value\n" + "0" * 5_000_000})
    assert len(bomb) < 10_000
    assert code(read, bomb, file_bytes=1_000_000) == "FileSizeTooLarge"


def test_many_files_together_may_not_unpack_to_more_than_allowed(read: Callable[..., object]) -> None:
    each = "timestamp,value\n" + "2026-01-01T00:00:00Z,1\n" * 2000
    content = zip_of({f"v{i}.csv": each for i in range(20)})
    assert code(read, content, unpacked_bytes=10 * len(each)) == "InvalidFileSize"
    assert len(read(content, unpacked_bytes=20 * len(each))) == 20  # type: ignore[arg-type]


def test_an_archive_that_lies_about_its_sizes_is_counted_as_it_unpacks(read: Callable[..., object]) -> None:
    content = bytearray(zip_of({"a.csv": "timestamp,value\n" + "0" * 5_000_000}))
    for magic, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = content.index(magic) + offset
        content[place : place + 4] = struct.pack("<I", 100)  # the unpacked size, APPNOTE 4.4.9
    assert code(read, bytes(content), file_bytes=1_000_000) in ("FileSizeTooLarge", "ReadingFileError")


def test_a_link_in_a_folder_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text(GOOD)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.csv").symlink_to(secret)
    with pytest.raises(ContractError, match="It is a link"):
        variables_of(folder, MultivariateSettings(state=tmp_path))
