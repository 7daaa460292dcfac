"""Files as people have them become the readings that they mean, or one sentence that says where and what to do."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ad_stream.errors import InputError
from ad_stream.readings import Readings, ReadOptions, read
from tests.support.shared import shared

UTC = timezone.utc
START = datetime(2026, 3, 2, 6, tzinfo=UTC)


def reading(folder: Path, text: str | bytes, name: str = "pump.csv", **read_options: object) -> Readings:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(path, ReadOptions(**read_options))  # type: ignore[arg-type]


def series(found: Readings) -> dict[str, list[tuple[str, float]]]:
    """'device signal' -> (time, value) of each reading, in the order of the file."""
    out: dict[str, list[tuple[str, float]]] = {}
    for device, signal, ms, value in zip(found.device, found.signal, found.ms, found.value, strict=True):
        at = np.datetime_as_string(np.datetime64(int(ms), "ms"), unit="s").item()
        out.setdefault(f"{found.devices[device]} {found.signals[signal]}", []).append((at, float(value)))
    return out


EXPECTED = [("2026-03-02T06:00:00", 20.5), ("2026-03-02T06:01:00", 21.25), ("2026-03-02T06:02:00", 22.0)]


@pytest.mark.parametrize(
    "text",
    [
        "timestamp,value\n2026-03-02T06:00:00Z,20.5\n2026-03-02T06:01:00Z,21.25\n2026-03-02T06:02:00Z,22\n",
        "2026-03-02T06:00:00Z,20.5\n2026-03-02T06:01:00Z,21.25\n2026-03-02T06:02:00Z,22\n",
        "\ufefftimestamp;value\r\n02.03.2026 06:00;20,5\r\n02.03.2026 06:01;21,25\r\n02.03.2026 06:02;22,0\r\n",
        "sep=;\ntimestamp;value\n02.03.26 06:00;20,5\n02.03.26 06:01;21,25\n02.03.26 06:02;22\n",
        "# logger 7\n# exported today\ntime\tt\n2026-03-02 06:00\t20.5\n2026-03-02 06:01\t21.25\n2026-03-02 06:02\t22\n",
        "#time,t\n2026-03-02 06:00,20.5\n2026-03-02 06:01,21.25\n2026-03-02 06:02,22\n",
        '"Plot Title: cellar"\n"#","Date Time, GMT","Temp"\n1,03/22/2026 06:00:00 AM,20.5\n'
        "2,03/22/2026 06:01:00 AM,21.25\n3,03/22/2026 06:02:00 AM,22\n".replace("03/22", "03/02"),
        "Date;Time;Temp\n02/03/2026;06:00:00;20.5\n02/03/2026;06:01:00;21.25\n02/03/2026;06:02:00;22\n",
        "date,time,temp\n2026-03-02,06:00,20.5\n2026-03-02,06:01,21.25\n2026-03-02,06:02,22\n",
        "2026-03-02 06:00:00 20.5\n2026-03-02 06:01:00 21.25\n2026-03-02 06:02:00 22\n",
        ",timestamp,count\n0,2026-03-02 06:00:00,20.5\n1,2026-03-02 06:01:00,21.25\n2,2026-03-02 06:02:00,22\n",
        "timestamp;value;\n2026-03-02 06:00;20.5;\n2026-03-02 06:01;21.25;\n2026-03-02 06:02;22;\n",
        "timestamp;value\n2026-03-02 06:00;20.5;\n2026-03-02 06:01;21.25;\n2026-03-02 06:02;22;\n",
        "ts,value\n20260302060000,20.5 °C\n20260302060100,21.25 °C\n20260302060200,22 °C\n",
        "ts,value\n202603020600,20.5%\n202603020601,21.25%\n202603020602,22%\n",
        "ts,value\n46083.25,20.5\n46083.250694444,21.25\n46083.251388889,22\n",
        "ts,value\n740043.25,20.5\n740043.250694444,21.25\n740043.251388889,22\n",
        "ts,value\n639080280000000000,20.5\n639080280600000000,21.25\n639080281200000000,22\n",
        "ts,value\n1772431200,20.5\n1772431260,21.25\n1772431320,22\n",
        'ts,value\n"Mon, 02 Mar 2026 06:00:00 +0000",20.5\n"Mon, 02 Mar 2026 06:01:00 +0000",21.25\n'
        '"Mon, 02 Mar 2026 06:02:00 +0000",22\n',
        "ts;value\n2026-03-02 06:00:00,000;20.5\n2026-03-02 06:01:00,000;21.25\n2026-03-02 06:02:00,000;22\n",
        "ts,value\n2026-03-02 06:00:00 UTC,20.5\n2026-03-02 06:01:00 UTC,21.25\n2026-03-02 06:02:00 UTC,22\n",
        "ts,value\n02-Mar-2026 06:00,20.5\n02-Mar-2026 06:01,21.25\n02-Mar-2026 06:02,22\n",
        '{"ts": "2026-03-02T06:00:00Z", "value": 20.5}\n{"ts": "2026-03-02T06:01:00Z", "value": 21.25}\n\n'
        '{"ts": "2026-03-02T06:02:00Z", "value": 22}\n',
        '[{"ts": 1772431200000, "value": 20.5}, {"ts": 1772431260000, "value": 21.25}, {"ts": 1772431320000, "value": 22}]',
    ],
)  # fmt: skip
def test_one_series_is_read_from_every_usual_form(text: str, tmp_path: Path) -> None:
    found = series(reading(tmp_path, text))
    # Numbers of days carry a clock to the tenth of a millisecond only.
    assert list(found) == ["pump value"]
    rounded = [(str(np.datetime64(at) + np.timedelta64(500, "ms"))[:19], value) for at, value in found["pump value"]]
    assert rounded == EXPECTED or found["pump value"] == EXPECTED


def test_thousands_and_switches_are_numbers(tmp_path: Path) -> None:
    rows = "ts,value\n1772431200,{}\n1772431260,{}\n"
    assert reading(tmp_path, rows.format('"20,500.5"', '"1,200"')).value.tolist() == [20500.5, 1200]
    assert reading(tmp_path, rows.format("1'234.5", "99")).value.tolist() == [1234.5, 99]
    assert reading(tmp_path, rows.format("ON", "off")).value.tolist() == [1, 0]
    assert reading(tmp_path, "ts;value\n1772431200;1.234,5\n1772431260;99\n").value.tolist() == [1234.5, 99]


def test_what_could_be_thousands_or_fractions_is_asked(tmp_path: Path) -> None:
    text = 'ts,value\n1772431200,"20,950"\n1772431260,"21,150"\n'
    with pytest.raises(
        InputError, match=r"column 'value': '20,950' could be 20.950 or 20950: say which with --decimal"
    ):
        reading(tmp_path, text)
    assert reading(tmp_path, text, decimal=",").value.tolist() == [20.95, 21.15]
    with pytest.raises(InputError, match="no other cell of pump.csv is one"):
        reading(tmp_path, text, decimal=".")


def test_a_day_that_could_be_a_month_is_asked_where_nothing_tells(tmp_path: Path) -> None:
    text = "ts,value\n02/03/2026 06:00,1\n02/03/2026 06:01,2\n"
    with pytest.raises(InputError, match=r"line 2, column 'ts': '02/03/2026 06:00' could be .* --date-order day or"):
        reading(tmp_path, text)
    for order, month in (("day first", 3), ("month first", 2)):
        first = reading(tmp_path, text, order=order).ms[0]
        assert datetime.fromtimestamp(int(first) / 1000, UTC) == datetime(2026, month, 5 - month, 6, tzinfo=UTC)


def test_a_wide_file_has_a_signal_per_column_of_numbers(tmp_path: Path) -> None:
    text = (
        "sensor_id;lat;lon;timestamp;P1;durP1;P2;state_text\n7;48.7;9.2;2026-03-02T06:00:00;20.5;;10.5;ok\n"
        "7;48.7;9.2;2026-03-02T06:01:00;21.5;;;ok\n"
    )
    found = reading(tmp_path, text)
    assert (found.devices, found.signals, found.rows) == (["7"], ["P1", "P2"], 2)
    assert found.value.tolist()[:3] == [20.5, 10.5, 21.5] and np.isnan(found.value[3])
    assert dict(found.understood)["values"] == "columns 'P1'; 'P2', each a signal"
    assert dict(found.understood)["left out"] == "1 of 4 cells have no number: 1 are empty"


def test_a_long_file_has_a_signal_per_name(tmp_path: Path) -> None:
    text = (
        "device,metric,timestamp,value\npump,temp,2026-03-02T06:00Z,1\npump,rpm,2026-03-02T06:00Z,900\n"
        "fan,temp,2026-03-02T06:00Z,2\n"
    )
    found = series(reading(tmp_path, text))
    assert {name: rows[0][1] for name, rows in found.items()} == {"pump temp": 1, "pump rpm": 900, "fan temp": 2}


def test_home_assistant_and_thingspeak_are_read_as_exported(tmp_path: Path) -> None:
    states = (
        "entity_id,state,last_changed\nsensor.kitchen,unavailable,2026-03-02T06:00:00.000Z\n"
        "sensor.kitchen,21.5,2026-03-02T06:01:00.000Z\n"
    )
    found = reading(tmp_path, states)
    assert (found.devices, int(found.numbers.sum())) == (["sensor.kitchen"], 1)
    assert "the first 'unavailable' in line 2" in dict(found.understood)["left out"]
    feed = "created_at,entry_id,field1,field2,latitude\n2026-03-02 06:00:00 UTC,5,20.5,70.5,\n2026-03-02 06:01:00 UTC,6,2,7,\n"
    assert reading(tmp_path, feed).signals == ["field1", "field2"]


def test_packed_files_and_other_encodings_are_read(tmp_path: Path) -> None:
    text = "timestamp;Wärme\n02.03.2026 06:00;20,5\n02.03.2026 06:01;21,25\n02.03.2026 06:02;22\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inner.csv", text)
        archive.writestr("inner/README.txt", "Readings of the pump.")
        archive.writestr("Metadata_2026.csv", "signal,unit")
    for name, raw in (
        ("pump.csv.gz", gzip.compress(text.encode())),
        ("pump.zip", packed.getvalue()),
        ("pump.csv", text.encode("utf-16")),
        ("pump.csv", text.encode("cp1252")),
        ("pump.csv", text.encode("utf-8-sig")),
    ):
        assert series(reading(tmp_path, raw, name)) == {"pump value": EXPECTED}, name


def test_parquet_is_read_with_its_own_types(tmp_path: Path) -> None:
    at = pd.date_range(START, periods=3, freq="min").tz_convert("Europe/Berlin")
    frame = pd.DataFrame({"ts": at, "temp": [20.5, 21.25, None], "rpm": [1, 2, 3], "note": ["a", None, "b"]})
    frame.to_parquet(tmp_path / "pump.parquet")
    found = read(tmp_path / "pump.parquet")
    assert series(found)["pump rpm"] == [(at, n) for (at, _), n in zip(EXPECTED, (1.0, 2.0, 3.0), strict=True)]
    assert series(found)["pump temp"][:2] == EXPECTED[:2] and np.isnan(found.value[4])


def test_members_within_members_are_named_with_dots(tmp_path: Path) -> None:
    lines = [{"ts": 1_772_431_200 + 60 * n, "id": "p7", "data": {"t": 20.0 + n, "ok": True}} for n in range(3)]
    found = reading(tmp_path, "\n".join(map(json.dumps, lines)), "pump.jsonl")
    assert (found.devices, found.columns["value"], found.value.tolist()) == (["p7"], "data.t", [20.0, 21.0, 22.0])


def test_times_without_a_zone_are_read_in_the_one_that_is_named(tmp_path: Path) -> None:
    text = "device,ts,value\n" + "".join(
        f"{device},2026-10-25 0{hour}:30,{n}\n" for device in "ab" for n, hour in enumerate((1, 2, 2, 3))
    )
    found = series(reading(tmp_path, text, zone="Europe/Berlin"))
    times = ["2026-10-24T23:30:00", "2026-10-25T00:30:00", "2026-10-25T01:30:00", "2026-10-25T02:30:00"]
    assert {name: [at for at, _ in rows] for name, rows in found.items()} == {"a value": times, "b value": times}
    compact = reading(tmp_path, "ts,value\n20260702060000,1\n20260702060100,2\n", zone="Europe/Berlin")
    assert datetime.fromtimestamp(int(compact.ms[0]) / 1000, UTC).hour == 4
    with pytest.raises(InputError, match="there is no time zone 'Europe/Berlim': did you mean 'Europe/Berlin'"):
        reading(tmp_path, text, zone="Europe/Berlim")


def test_rows_with_an_offset_of_their_own_keep_it(tmp_path: Path) -> None:
    text = "ts,value\n02.03.2026 07:00:00 +01:00,1\n02.03.2026 08:01:00 +02:00,2\n"
    ms = reading(tmp_path, text, zone="Asia/Tokyo").ms
    assert [datetime.fromtimestamp(int(at) / 1000, UTC) for at in ms] == [START, START + timedelta(minutes=1)]


def test_a_device_without_a_number_is_named_with_a_cell_of_it(tmp_path: Path) -> None:
    rows = [
        f"{name},{1_772_431_200 + 60 * n},{cell}" for n in range(5) for name, cell in (("a", "1.5"), ("b", '"1,5"'))
    ]
    understood = dict(reading(tmp_path, "device,ts,value\n" + "\n".join(rows)).understood)
    assert understood["no numbers"] == "in no cell of b (its first cell is '1,5'; a decimal comma? --decimal ,)"


def test_lines_of_units_and_a_record_s_number_are_no_readings(tmp_path: Path) -> None:
    head = '"TOA5","met 7","CR1000"\n"TIMESTAMP","RECORD","Air","RH"\n"TS","RN","Deg C","%"\n"","","Avg","Smp"\n'
    rows = "".join(f'"2026-03-02 06:0{k}:00",{117 + k},{20 + k},{50 + k}\n' for k in range(4))
    found = reading(tmp_path, head + rows, "met.dat")
    assert (found.signals, found.rows) == (["Air", "RH"], 4)
    assert dict(found.understood)["file"] == "4 rows, commas, 2 lines of units"


def test_of_a_wide_file_only_a_device_without_any_number_is_named(tmp_path: Path) -> None:
    rows = [
        f"{name},{1_772_431_200 + 60 * n},{cells}"
        for n in range(3)
        for name, cells in (("air", "1,"), ("water", ",7"), ("off", ","))
    ]
    understood = dict(reading(tmp_path, "device,ts,pm,ph\n" + "\n".join(rows)).understood)
    assert understood["no numbers"] == "in no cell of off pm (its first cell is ''), off ph (its first cell is '')"


def test_a_time_that_comes_twice_is_said(tmp_path: Path) -> None:
    understood = dict(reading(tmp_path, "ts,value\n1772431200,1\n1772431200,2\n1772431260,3\n").understood)
    assert understood["times twice"].startswith(
        "1 readings have the time of an earlier one of their series, the first at"
    )


def test_a_column_that_has_such_times_apart_is_named(tmp_path: Path) -> None:
    rows = "".join(
        f"{1772431200 + 60 * k},{letter},{n},{k}\n" for k in range(4) for n, letter in enumerate(("x 1", "y 2"))
    )
    text = "ts,the letter,z,value\n" + rows
    assert dict(reading(tmp_path, text).understood)["times twice"].endswith(
        "the largest counts; --device 'the letter' has them apart"
    )
    assert reading(tmp_path, text, device="the letter").devices == ["x 1", "y 2"]


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        ("a;b;c\n", "x.csv", r"^x.csv has a header and no rows"),
        ("just words\nand more of them here\n", "x.csv", r"^x.csv has one column: give a time and a value"),
        (b"PK\x03\x04broken", "x.xlsx", r"^x.xlsx cannot be unpacked"),
        (b"\x1f\x8bbroken", "x.csv.gz", r"^x.csv.gz cannot be unpacked"),
        (gzip.compress(b"PK\x03\x04" + bytes(8), mtime=0), "x.zip.gz", r"^x.zip.gz holds NUL bytes"),
        ('{"ts": 1}\n{"ts": \n', "x.jsonl", r"^x.jsonl line 2 is no JSON .*mend or delete that line$"),
        ("[1, 2]", "x.json", r"^x.json element 1 is no JSON object"),
        (b"PAR1 and no more", "x.parquet", r"^x.parquet cannot be read as Parquet"),
        ("# a\n# b\n", "x.csv", r"^x.csv holds comments only"),
    ],
)
def test_what_is_no_table_is_one_sentence(text: str | bytes, name: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=sentence):
        reading(tmp_path, text, name)


def test_a_workbook_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("[Content_Types].xml", "")
    with pytest.raises(InputError, match="^x.xlsx cannot be read as a workbook .*: save the sheet as CSV$"):
        reading(tmp_path, packed.getvalue(), "x.xlsx")


CASES = [
    ("demo-date-and-time-columns/date_time_split.csv", "2026-03-02T06:00", 22.44, 300, ["value"]),
    ("demo-date-and-time-columns/date_time_split2.csv", "2026-03-02T06:00", 22.44, 300, ["value"]),
    ("demo-decimal-comma/semicolon_decimal_comma.csv", "2026-03-02T06:00", 22.44, 300, ["value"]),
    ("demo-headerless/headerless.csv", "2026-03-02T06:00", 22.44, 300, ["value"]),
    ("demo-known-exports/homeassistant.csv", "2026-03-02T06:00", 22.44, 294, ["value"]),
    ("demo-known-exports/sds011.csv", "2026-03-02T06:00", 11.22, 600, ["P1", "P2"]),
    ("demo-known-exports/thingspeak.csv", "2026-03-02T06:00", 72.44, 600, ["field1", "field2"]),
    ("demo-number-forms/onoff.csv", "2026-03-02T06:00", 0.0, 300, ["value"]),
    ("demo-number-forms/percent.csv", "2026-03-02T06:00", 22.44, 300, ["value"]),
    ("demo-number-forms/thousands.csv", "2026-03-02T06:00", 22440.0, 300, ["value"]),
    ("demo-number-forms/units.csv", "2026-03-02T06:00", 22.44, 300, ["value"]),
    *(
        (f"demo-numeric-times/{name}.csv", "2026-03-02T06:00", 22.44, 300, ["value"])
        for name in ("compact12", "compact14", "dotnet_ticks", "excel_serial", "matlab_datenum")
    ),
    ("demo-unnamed-index-column/r_rownames.csv", "2026-03-02T06:00", 22.44, 300, ["value"]),
    ("demo-unnamed-index-column/unnamed_index.csv", "2026-03-02T06:00", 22.44, 300, ["value"]),
]


@pytest.mark.acceptance
@pytest.mark.parametrize(("name", "first", "last", "count", "signals"), CASES, ids=lambda one: str(one)[:50])
def test_files_that_people_asked_about_are_read(
    name: str, first: str, last: float, count: int, signals: list[str]
) -> None:
    found = read(shared("cases", "the cases are") / name)
    assert np.datetime_as_string(np.datetime64(int(found.ms[0]), "ms"), unit="m") == first
    assert (int(found.numbers.sum()), found.signals) == (count, signals)
    assert found.value[found.numbers][-1] == pytest.approx(last)


def test_an_id_of_any_name_tells_devices_apart_where_it_repeats(tmp_path: Path) -> None:
    rows = [f"2026-03-02T06:0{k}:00Z,{20 + k},{'a' if k % 2 else 'b'}\n" for k in range(6)]
    found = reading(tmp_path, "dateTime,temperature,respondentId\n" + "".join(rows))
    assert sorted(found.devices) == ["a", "b"]


def test_an_id_that_counts_the_rows_names_no_device(tmp_path: Path) -> None:
    rows = [f"2026-03-02T06:0{k}:00Z,{20 + k},{700 + 3 * k}\n" for k in range(6)]
    assert len(reading(tmp_path, "dateTime,temperature,entryId\n" + "".join(rows)).devices) == 1


def test_months_are_a_time_whatever_their_column_is_called(tmp_path: Path) -> None:
    rows = [f'"19{20 + k // 12}-{k % 12 + 1:02d}",{40 + k % 12}\n' for k in range(24)]
    assert len(reading(tmp_path, '"Month","Temperature"\n' + "".join(rows)).ms) == 24


def test_a_number_that_no_unit_makes_a_time_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        reading(tmp_path, "012016070614,3800.00,26.55\n", "01070614.TXT")
    assert "\n" not in str(caught.value)


def test_columns_of_numbers_beside_one_that_is_named_a_value_are_told(tmp_path: Path) -> None:
    text = "time,value,load,lat\n2026-03-02 06:00,1,2,50\n2026-03-02 06:01,1,3,50\n"
    told = ("not read", "'load': numbers, too; --value, once for each column, reads what you want")
    assert told in reading(tmp_path, text).understood
    assert told not in reading(tmp_path, text, values=["value"]).understood


@pytest.mark.parametrize(
    ("text", "first", "columns"),
    [
        ("Year,Month,Temp\n2026,1,5\n2026,2,6", "2026-01-01T00:00", "'Year' and 'Month'"),
        ("Year,Month,Day,Time,T\n2026,3,2,13:45,5\n2026,3,2,13:50,6", "2026-03-02T13:45", "'Year', 'Month', 'Day' and 'Time'"),
        ("YEAR,MO,DY,HR,T\n2026,3,1,24,5\n2026,3,2,1,6", "2026-03-02T00:00", "'YEAR', 'MO', 'DY' and 'HR'"),
        ("YEAR,MO,DY,MIN,MAX\n2026,3,1,-2.5,5\n2026,3,2,-1.5,6", "2026-03-01T00:00", "'YEAR', 'MO' and 'DY'"),
        ("yy,mm,dd,v\n99,12,31,5\n00,1,1,6", "1999-12-31T00:00", "'yy', 'mm' and 'dd'"),
        ("timestamp,year,month,day,v\n2026-03-02T06:00Z,2026,3,2,5\n2026-03-02T06:01Z,2026,3,2,6", "2026-03-02T06:00", "'timestamp'"),
    ],
)  # fmt: skip
def test_parts_of_a_date_in_columns_of_their_own_are_one_time(
    text: str, first: str, columns: str, tmp_path: Path
) -> None:
    found = reading(tmp_path, text + "\n")
    assert str(np.datetime64(int(found.ms[0]), "ms").astype("datetime64[m]")) == first
    assert f" {columns}, " in dict(found.understood)["time"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Year,Month,Day,T\n2026,2,27,1\n2026,2,30,2\n", "pump.csv line 3, column 'Day': month 2 of 2026 has no day 30: mend"),
        ("Year,Month,Day,Hour,T\n2026,2,27,1,1\n2026,2,28,25,2\n", "pump.csv line 3, column 'Hour': '25' is no hour (0 to 24): mend"),
        ("w,site=a temp=20.5 1772409600000000000\nw,site=a temp=21 1772409660000000000\n", "pump.csv is InfluxDB's line protocol: export"),
    ],
)  # fmt: skip
def test_parts_that_make_no_time_and_line_protocol_are_one_sentence(text: str, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        reading(tmp_path, text)
    assert str(error.value).startswith(sentence)
