"""Files as a named source: the forms that `detect` reads give the readings of a range."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ad_stream.errors import AdStreamError, ConfigError, InputError
from ad_stream.readers.contract import Only, RangeReader, TimeRange, us_of
from ad_stream.readers.registry import reader_of, settings_of

NINE = us_of(datetime(2026, 11, 1, 8, tzinfo=timezone.utc))
"""Nine o'clock in Berlin."""
MINUTE = 60_000_000
EVER = TimeRange(0, 2**52)
GERMAN = {"time_zone": "Europe/Berlin", "decimal": ","}
CSV = "sensor;Zeit;temp;rpm\na;01.11.2026 09:00;1,5;7\na;01.11.2026 09:01;2,5;\nb;01.11.2026 09:02;x;8\n"


def reader(path: Path, more: dict[str, Any] | None = None) -> RangeReader[Any]:
    return reader_of("files", {"files": settings_of({"kind": "table_files", "path": str(path)} | (more or {}))})


def rows(found: RangeReader[Any], span: TimeRange = EVER, only: Only | None = None) -> list[tuple[Any, ...]]:
    return [tuple(row.values())[:4] for batch in found.read(span, only) for row in batch.to_pylist()]


def test_each_form_gives_the_same_readings(tmp_path: Path) -> None:
    wanted = [
        ("a", NINE, "rpm", 7.0),
        ("a", NINE, "temp", 1.5),
        ("a", NINE + MINUTE, "temp", 2.5),
        ("b", NINE + 2 * MINUTE, "rpm", 8.0),
    ]
    (tmp_path / "one.csv").write_text(CSV)
    assert sorted(rows(reader(tmp_path / "one.csv", GERMAN))) == wanted
    lines = [f'{{"device": "{d}", "ts": "2026-11-01T08:0{m}:00Z", "{s}": {v}}}' for d, m, s, v in
             (("a", 0, "temp", 1.5), ("a", 0, "rpm", 7), ("a", 1, "temp", 2.5), ("b", 2, "rpm", 8))]  # fmt: skip
    (tmp_path / "two.jsonl").write_text("\n".join(lines))
    assert sorted(rows(reader(tmp_path / "two.jsonl"))) == wanted
    long = pd.DataFrame(wanted, columns=["device", "time", "signal", "value"])
    long.assign(time=pd.to_datetime(long["time"], unit="us", utc=True)).to_parquet(tmp_path / "three.parquet")
    assert sorted(rows(reader(tmp_path / "three.parquet"))) == wanted


def test_a_range_a_device_and_a_signal_are_cut_out_of_all_files_of_a_pattern(tmp_path: Path) -> None:
    for name in "xy":
        (tmp_path / f"{name}.csv").write_text(CSV.replace("a;", f"{name};"))
    found = reader(tmp_path / "*.csv", GERMAN)
    assert sorted(rows(found, TimeRange(NINE, NINE + 1))) == [
        (d, NINE, s, v) for d in "xy" for s, v in (("rpm", 7.0), ("temp", 1.5))
    ]
    assert rows(found, only=Only("y", "rpm")) == [("y", NINE, "rpm", 7.0)]
    assert found.earliest() == NINE
    assert {one.name: one.type for one in found.columns()} == {
        "sensor": "device", "Zeit": "time", "temp": "value", "rpm": "value",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "kind", "sentence"),
    [
        (
            {"device": "pump"},
            ConfigError,
            r"sources.files: .* has no column 'pump': its columns are sensor, Zeit, temp, rpm",
        ),
        ({"path": "nowhere/*.csv"}, InputError, r"sources.files.path 'nowhere/\*.csv' fits no file"),
        ({"values": ["sensor"]}, InputError, r"sources.files: .* 'a' is no number"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(
    tmp_path: Path, settings: dict[str, Any], kind: type[AdStreamError], sentence: str
) -> None:
    (tmp_path / "one.csv").write_text(CSV)
    with pytest.raises(kind, match=sentence):
        reader(tmp_path / "one.csv", settings).check()


def test_several_columns_are_the_device_together(tmp_path: Path) -> None:
    (tmp_path / "plant.csv").write_text("line,machine,time,temp\n1,press,2026-11-01T08:00Z,7\n2,,2026-11-01T08:01Z,8\n")
    found = reader(tmp_path / "plant.csv", {"dimensions": ["line", "machine"], "values": ["temp"]})
    found.check()
    assert rows(found) == [("1/press", NINE, "value", 7.0), ("2/", NINE + MINUTE, "value", 8.0)]
    assert rows(found, only=Only("2/", "value")) == [("2/", NINE + MINUTE, "value", 8.0)]
    with pytest.raises(
        ConfigError, match=r"sources.files: plant.csv has no column 'site': its columns are line, machine, time, temp"
    ):
        reader(tmp_path / "plant.csv", {"dimensions": ["site"]}).check()
