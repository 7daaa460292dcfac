"""A person's CSV becomes messages: any columns, any times, any step."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ad_stream.errors import InputError
from ad_stream.readings import ReadOptions
from ad_stream.simulate.csv.replay import Index, from_csv, read_index
from tests.support.slow_reader import lines, moment

UTC = timezone.utc


def imported(
    tmp_path: Path, text: str | bytes, read_options: ReadOptions | None = None, **options: object
) -> tuple[Index, list[dict[str, object]]]:
    """Import the text; the index and the bodies in the order they were sent, heartbeat left out."""
    path = tmp_path / "mine.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    index = from_csv(path, tmp_path / "out", read_options=read_options, **options)  # type: ignore[arg-type]
    return index, [json.loads(base64.b64decode(line["body"])) for line in lines(tmp_path / "out")[:-1]]


def times(bodies: list[dict[str, object]]) -> list[str]:
    return [str(body["time"])[11:16] for body in bodies]


def test_minutely_rows_keep_their_times_and_are_sorted(tmp_path: Path) -> None:
    text = (
        "device,timestamp,value\npump,2026-11-01T00:01:00Z,2.5\npump,2026-11-01T00:00:00Z,1.5\n"
        "fan,2026-11-01T00:00:00Z,7\nfan,2026-11-01T00:01:00Z,8\n"
    )
    index, bodies = imported(tmp_path, text)
    assert bodies == [
        {"deviceId": "pump", "time": "2026-11-01T00:00:00.000Z", "value": 1.5},
        {"deviceId": "fan", "time": "2026-11-01T00:00:00.000Z", "value": 7},
        {"deviceId": "pump", "time": "2026-11-01T00:01:00.000Z", "value": 2.5},
        {"deviceId": "fan", "time": "2026-11-01T00:01:00.000Z", "value": 8},
    ]
    assert (index.rows, index.devices, index.rebased) == (4, 2, False)
    minute = datetime(2026, 11, 1, 0, 1, tzinfo=UTC)
    assert index.original("pump", minute) == minute


def test_messages_have_the_envelope_and_end_with_a_heartbeat(tmp_path: Path) -> None:
    imported(tmp_path, "device,timestamp,value\na,2026-11-01T00:00:00Z,1\nb,2026-11-01T00:01:00Z,2\n")
    first, second, last = lines(tmp_path / "out")
    assert first["systemProperties"] == {
        "iothub-connection-device-id": "a",
        "iothub-message-source": "Telemetry",
        "iothub-enqueuedtime": "2026-11-01T00:00:00.000Z",
    }
    assert [(line["partition"], line["sequence"]) for line in (first, second, last)] == [("0", 0), ("1", 0), ("0", 1)]
    assert last["systemProperties"] == {"iothub-message-source": "ad-stream-heartbeat"}
    assert last["enqueuedTime"] == "2026-11-01T00:04:01.000Z"


def test_another_step_is_moved_to_minutes_and_gaps_stay_gaps(tmp_path: Path) -> None:
    rows = [f"2026-11-01T{hour:02d}:00:00Z,{hour}" for hour in (3, 4, 5, 8, 9)]
    index, bodies = imported(tmp_path, "time,value\n" + "\n".join(rows))
    assert times(bodies) == ["03:00", "03:01", "03:02", "03:05", "03:06"]
    assert index.rebased
    assert index.original("mine", datetime(2026, 11, 1, 3, 5, tzinfo=UTC)) == datetime(2026, 11, 1, 8, tzinfo=UTC)
    assert read_index(tmp_path / "out") == index


def test_devices_of_different_steps_start_together_on_their_own_grids(tmp_path: Path) -> None:
    begin = datetime(2026, 11, 1, 12, 0, 30, tzinfo=UTC)
    rows = [f"slow,{(begin + timedelta(days=i)).isoformat()},{i}" for i in range(4)]
    rows += [f"fast,{(begin + timedelta(hours=7, seconds=10 * i)).isoformat()},{i}" for i in range(4)]
    index, bodies = imported(tmp_path, "device,timestamp,value\n" + "\n".join(rows))
    assert [(body["deviceId"], body["time"]) for body in bodies] == [
        (device, f"2026-11-01T12:{i:02d}:00.000Z") for i in range(4) for device in ("slow", "fast")
    ]
    third = datetime(2026, 11, 1, 12, 2, tzinfo=UTC)
    assert index.original("slow", third) == begin + timedelta(days=2)
    assert index.original("fast", third) == begin + timedelta(hours=7, seconds=20)


def test_a_jittering_clock_stays_on_the_grid(tmp_path: Path) -> None:
    seconds = [0, 301, 599, 902, 1198, 1500]
    _, bodies = imported(tmp_path, "ts,value\n" + "\n".join(f"{1_793_491_200 + second},1" for second in seconds))
    assert times(bodies) == [f"00:0{i}" for i in range(6)]


def test_a_device_with_one_row_takes_part(tmp_path: Path) -> None:
    _, bodies = imported(tmp_path, "device,timestamp,value\na,2026-11-01T00:00:00Z,1\n")
    assert times(bodies) == ["00:00"]


@pytest.mark.parametrize(
    "stamps",
    [
        ["2026-11-13T10:20:00Z", "2026-11-13T10:21:00Z"],
        ["2026-11-13 10:20:00", "2026-11-13 10:21"],
        ["2026-11-13T11:20:00+01:00", "2026-11-13T12:21:00+02:00"],
        ["2026-11-13T10:20:00.000", "2026-11-13T10:21:00"],
        ["1794565200", "1794565260"],
        ["1794565200.0", "1794565260.0"],
        ["1794565200000", "1794565260000"],
        ["1794565200000000", "1794565260000000"],
        ["1794565200000000000", "1794565260000000000"],
        ["2026/11/13 10:20", "2026/11/13 10:21"],
        ["13.11.2026 10:20:00", "13.11.2026 10:21:00"],
        ["11/13/2026 10:20", "11/13/2026 10:21"],
        ["13/11/2026 10:20", "13/11/2026 10:21"],
        ["11/13/2026 10:20:00 AM", "11/13/2026 10:21:00 AM"],
    ],
)
def test_usual_forms_of_time_are_read(stamps: list[str], tmp_path: Path) -> None:
    _, bodies = imported(tmp_path, "time,value\n" + "\n".join(f"{stamp},1" for stamp in stamps))
    assert [body["time"] for body in bodies] == ["2026-11-13T10:20:00.000Z", "2026-11-13T10:21:00.000Z"]


def test_days_alone_are_read(tmp_path: Path) -> None:
    for number, form in enumerate(["%Y-%m-%d", "%Y%m%d", "%d.%m.%Y", "%m/%d/%Y"]):
        folder = tmp_path / str(number)
        folder.mkdir()
        days = [(datetime(2015, 1, 1) + timedelta(days=day)).strftime(form) for day in range(300)]
        index, bodies = imported(folder, "date,value\n" + "\n".join(f"{day},1" for day in days))
        assert index.origin["mine"] == (1_420_070_400_000, 86_400_000)
        assert [moment(str(body["time"])) for body in bodies[::100]] == [
            datetime(2015, 1, 1, tzinfo=UTC) + timedelta(minutes=minute) for minute in (0, 100, 200)
        ]


def test_a_day_that_could_be_a_month_is_read_so_that_days_follow_each_other(tmp_path: Path) -> None:
    index, _ = imported(tmp_path, "date,value\n" + "\n".join(f"{day:02d}/03/2026,1" for day in range(1, 13)))
    assert index.origin["mine"] == (int(datetime(2026, 3, 1, tzinfo=UTC).timestamp() * 1000), 86_400_000)


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("device,timestamp,value", {"device": "device", "time": "timestamp", "value": "value"}),
        ("Sensor ID,Date Time,Reading", {"device": "Sensor ID", "time": "Date Time", "value": "Reading"}),
        ("id,ts,temperature", {"device": "id", "time": "ts", "value": "temperature"}),
        ("series_id,timestamp_utc,y", {"device": "series_id", "time": "timestamp_utc", "value": "y"}),
        ('"device","time","value"', {"device": "device", "time": "time", "value": "value"}),
        ("machine;TIME;value", {"device": "machine", "time": "TIME", "value": "value"}),
        ("tag\tminute\tval", {"device": "tag", "time": "minute", "value": "val"}),
        ("\ufeffdevice,time,value", {"device": "device", "time": "time", "value": "value"}),
    ],
)
def test_column_names_are_guessed(header: str, names: dict[str, str], tmp_path: Path) -> None:
    separator = next(mark for mark in ",;\t" if mark in header)
    index, bodies = imported(tmp_path, f"{header}\n" + separator.join(["a", "2026-11-01T00:00:00Z", "1"]) + "\n")
    assert index.columns == names
    assert bodies == [{"deviceId": "a", "time": "2026-11-01T00:00:00.000Z", "value": 1}]


def test_columns_can_be_named_and_others_are_left_alone(tmp_path: Path) -> None:
    text = "id,device,when,time,value,label,speed\n1,a,2026-11-01T00:00:00Z,x,9,0,3.5\n"
    _, bodies = imported(tmp_path, text, ReadOptions(time="when", values=["speed"]))
    assert bodies == [{"deviceId": "a", "time": "2026-11-01T00:00:00.000Z", "value": 3.5}]


def test_without_a_device_column_the_file_is_the_device(tmp_path: Path) -> None:
    index, bodies = imported(tmp_path, "timestamp,value,label\n1793491200,1,0\n")
    assert bodies[0]["deviceId"] == "mine"
    assert index.columns == {"time": "timestamp", "value": "value"}


def test_values_go_through_as_they_stand_and_what_is_no_number_as_text(tmp_path: Path) -> None:
    values = [
        "0.1",
        " 2 ",
        "-3e-7",
        "0.23419106779547371",
        "",
        "n/a",
        "NaN",
        "inf",
        '"1,5"',
        "07",
        ".5",
        '"say ""hi"""',
    ]
    text = "time,value\n" + "\n".join(f"{1_793_491_200 + 60 * i},{value}" for i, value in enumerate(values))
    _, bodies = imported(tmp_path, text)
    assert [body["value"] for body in bodies] == [
        0.1, 2, -3e-7, 0.23419106779547371, "", "n/a", "NaN", "inf", "1,5", "07", ".5", 'say "hi"',
    ]  # fmt: skip


def test_odd_device_names_survive(tmp_path: Path) -> None:
    _, bodies = imported(tmp_path, 'device,time,value\n"Gerät ""7"", Süd",1793491200,1\n')
    assert bodies[0]["deviceId"] == 'Gerät "7", Süd'
    assert lines(tmp_path / "out")[0]["systemProperties"]["iothub-connection-device-id"] == 'Gerät "7", Süd'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", r"^mine.csv is empty: give a file with a header and readings$"),
        ("\n \n", r"^mine.csv is empty"),
        ("device,time,value\n", r"^mine.csv has a header and no rows: give a file with readings$"),
        (
            "device,value,speed\na,1,2\n",
            r"^mine.csv has no time column among device, value, speed: name it with --time$",
        ),
        (
            "time,speed\n1,n/a\n",
            r"^mine.csv line 2, column 'speed': 'n/a' is no number, and no other cell of mine.csv is one",
        ),
        (
            "time,value\n2026-11-01T00:00:00Z,1\n\nyesterday,2\n",
            r"^mine.csv line 4, column 'time': 'yesterday' is no time: write 2026-11-01T00:00:00Z or seconds since 1970$",
        ),
        ("time,value\n2026-11-01T00:00:00Z,1\n,2\n", r"^mine.csv line 3, column 'time': '' is no time"),
        (
            "time,value\n1,2\n1,2,3\n",
            r"^mine.csv line 3: 3 fields where the other lines have 2 \('1,2,3'\): mend or delete",
        ),
        (b"time,value\n1,2\n\xff,3\n", r"^mine.csv line 3, column 'time': 'ÿ' is no time"),
        (b"\0\1\2\3", r"^mine.csv holds NUL bytes, so it is no text: give CSV, JSON lines or Parquet$"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(text: str | bytes, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=sentence):
        imported(tmp_path, text)


def test_a_named_column_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^mine.csv has no column 'speed': its columns are time, value$"):
        imported(tmp_path, "time,value\n1,2\n", ReadOptions(values=["speed"]))


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"none.csv cannot be read \(No such file or directory\): name an existing CSV"
    ):
        from_csv(tmp_path / "none.csv", tmp_path / "out")


def test_a_folder_without_index_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no _index.json: give a folder that a CSV was imported into$"):
        read_index(tmp_path)


def test_large_files_are_cut_and_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    text = "time,value\n" + "\n".join(f"{1_793_491_200 + 60 * i},{i}" for i in range(25))
    _, bodies = imported(tmp_path, text, rows_per_file=10, progress=lambda done, total: told.append((done, total)))
    assert [body["value"] for body in bodies] == list(range(25))
    assert len(list((tmp_path / "out").glob("*.jsonl"))) == 3
    assert told == [(10, 25), (20, 25), (25, 25)]


def test_hourly_rows_keep_their_times_for_a_run_in_hours_and_lead_back_in_another_length(tmp_path: Path) -> None:
    text = "timestamp,value\n" + "".join(f"2026-11-01T{hour:02}:00:00Z,{hour}\n" for hour in (0, 1, 2, 5))
    index, bodies = imported(tmp_path, text, every=timedelta(hours=1))
    assert (index.rebased, index.every, times(bodies)) == (False, 3600, ["00:00", "01:00", "02:00", "05:00"])
    (tmp_path / "other").mkdir()
    index, bodies = imported(tmp_path / "other", text, every=timedelta(minutes=5))
    assert (index.rebased, times(bodies)) == (True, ["00:00", "00:05", "00:10", "00:25"])
    moved = datetime(2026, 11, 1, 0, 25, tzinfo=UTC)
    assert index.original("mine", moved) == datetime(2026, 11, 1, 5, tzinfo=UTC)
    assert read_index(tmp_path / "other" / "out") == index
    with pytest.raises(InputError, match="every is 7 minutes: give 10 seconds to 1 day"):
        imported(tmp_path, text, every=timedelta(minutes=7))
