"""The state of a stream, read from tables that are written here without Spark."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from deltalake import write_deltalake

from ad_stream.cli.output.console import show
from ad_stream.cli.output.status import status_page
from ad_stream.errors import InputError
from ad_stream.monitoring.status import status
from ad_stream.report.series import series_report
from ad_stream.series_config.table import append
from ad_stream.tables.reader import read_detections

NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def put(tables: Path, table: str, *rows: dict[str, Any]) -> None:
    frame = pd.DataFrame(rows)
    for column in frame.select_dtypes("datetimetz"):
        frame[column] = frame[column].astype("datetime64[us, UTC]")
    write_deltalake(str(tables / table), frame, mode="append")


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    counts = {"minutes_closed": 10, "scored": 8, "anomalies": 1, "warming_up": 2, "declined": 0, "late": 1}
    for batch in range(2):
        put(tmp_path, "batches", {"batch_id": batch, **counts})
    put(tmp_path, "progress", progress(3, ago(10), 0, 70), progress(0, ago(2), 1, 9), progress(0, ago(2), 2, 5))
    put(tmp_path, "late", {"device_id": "b"}, {"device_id": "a"}, {"device_id": "b"})
    put(tmp_path, "quarantine", {"reason": "empty"}, {"reason": "empty"}, {"reason": "malformed"})
    put(tmp_path, "minutes", minute("a", 3), minute("b", 4), minute("c", 90), minute("c", 95), minute("gone", 3000))
    put(tmp_path, "owner", {"alive": ago(1)})
    put(tmp_path, "deliveries", *(delivery(*one) for one in DELIVERIES))
    return tmp_path


DELIVERIES = [
    ("power_bi", 0, 1, "delivered", 5), ("power_bi", 0, 2, "failed", 3), ("power_bi", 0, 3, "delivered", 2),
    ("power_bi", 0, 4, "set_aside", 1), ("power_bi", 1, 1, "failed", 8), ("power_bi", 1, 2, "delivered", 1),
    ("power_bi", 1, 3, "not_sent", 7), ("power_bi", 2, 1, "thinned", 4), ("webhook", 0, 1, "held", 1),
]  # fmt: skip


def delivery(sink: str, batch: int, attempt: int, state: str, rows: int) -> dict[str, Any]:
    return {"sink": sink, "query_id": "q", "batch_id": batch, "attempt": attempt, "rows": rows, "state": state}


def test_of_pushes_the_last_record_of_a_batch_says_what_waits(tables: Path) -> None:
    found = status(tables, now=lambda: NOW)
    assert found.pushes == {
        "power_bi": {"delivered": 8, "set_aside": 1, "thinned": 4, "waiting": 7}, "webhook": {"held": 1},
    }  # fmt: skip
    assert (found.pushed, found.push_waiting, found.push_failed) == (8, 7, 1)


def test_a_person_reads_why_rows_were_thinned(tables: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(status_page(status(tables, now=lambda: NOW)))
    said = " ".join(capsys.readouterr().out.split())
    assert "push power_bi 8 delivered, 1 set aside, 4 thinned, 7 waiting" in said
    assert "thinned: normal rows left out, because more rows came within an hour than the target takes" in said


def progress(duplicates: int, watermark: datetime, batch: int, lag: int) -> dict[str, Any]:
    return {
        "batch_id": batch,
        "lag": lag,
        "events": 50,
        "duplicates": duplicates,
        "dropped_by_watermark": 0,
        "source_lost": 0,
        "watermark": watermark,
    }


def minute(device: str, minutes: float) -> dict[str, Any]:
    return {"device_id": device, "minute": ago(minutes)}


def test_rows_of_series_config_that_cannot_be_right_are_named(tables: Path) -> None:
    assert status(tables, now=lambda: NOW).ignored == ()
    for device, sensitivity in (("a", 90), ("b", 400)):
        append(tables, {"device": device, "sensitivity": sensitivity}, now=NOW)
    (sentence,) = status(tables, now=lambda: NOW).ignored
    assert "device 'b'" in sentence and "'sensitivity' is 400" in sentence


def test_batches_are_added_up_and_the_latest_watermark_counts(tables: Path) -> None:
    found = status(tables, now=lambda: NOW)
    assert (found.batches, found.scored, found.events, found.duplicates) == (2, 16, 150, 3)
    assert (found.newest, found.watermark) == (ago(3), ago(2))
    assert found.quarantined == {"empty": 2, "malformed": 1}


def test_a_device_far_behind_the_newest_minute_is_silent(tables: Path) -> None:
    assert status(tables, now=lambda: NOW).silent == {"c": ago(90)}
    assert status(tables, silent_after=timedelta(hours=2), now=lambda: NOW).silent == {}


def test_the_delay_of_a_running_stream_and_what_waits_for_it_are_told(tables: Path) -> None:
    found = status(tables, now=lambda: NOW)
    assert (found.watermark_delay, found.lag) == (120.0, 5)
    assert status(tables, now=lambda: NOW + timedelta(minutes=5)).watermark_delay is None


def test_late_readings_are_counted_by_device(tables: Path) -> None:
    assert list(status(tables, now=lambda: NOW).late_by_device.items()) == [("b", 2), ("a", 1)]


def test_a_stream_without_a_sign_of_life_has_stopped(tables: Path) -> None:
    assert status(tables, now=lambda: NOW).running is True
    assert status(tables, now=lambda: NOW + timedelta(minutes=5)).running is False


def test_the_answer_for_programs_has_times_as_text(tables: Path) -> None:
    answer = status(tables, now=lambda: NOW).as_dict()
    assert (answer["newest"], answer["silent"]) == ("2026-11-01T11:57:00Z", {"c": "2026-11-01T10:30:00Z"})


def test_a_folder_without_tables_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match="there are no tables in .* yet: start a stream that writes there, ad-stream run conf/local.yaml, or name the folder",
    ):
        status(tmp_path)


def verdict(minutes: float, revision: int, reason: str) -> dict[str, Any]:
    flagged = reason == "above"
    return {
        **minute("a", minutes),
        "signal": "temperature",
        "revision": revision,
        **dict.fromkeys(("value", "expected", "upper_margin", "lower_margin", "score", "severity"), 20.0),
        "is_anomaly": flagged,
        "is_positive": flagged,
        "continuing": False,
        "status": "scored",
        "reason": reason,
    }


def test_the_highest_revision_of_a_minute_is_shown(tmp_path: Path) -> None:
    put(tmp_path, "detections", verdict(5, 0, "normal"), verdict(5, 1, "above"), verdict(4, 0, "normal"))
    shown = read_detections(tmp_path)
    assert list(zip(shown["revision"], shown["reason"], strict=True)) == [(1, "above"), (0, "normal")]


def test_a_device_with_a_quote_in_its_name_is_found_and_no_other(tmp_path: Path) -> None:
    odd = verdict(5, 0, "normal") | {"device_id": "o'b"}
    put(tmp_path, "detections", odd, verdict(5, 0, "normal"), verdict(3, 0, "normal"))
    assert list(read_detections(tmp_path, [("device_id", "=", "o'b")])["device_id"]) == ["o'b"]
    assert len(read_detections(tmp_path, [("device_id", "=", "a"), ("minute", "<", ago(4))])) == 1


def test_the_page_of_a_device_lists_its_flagged_minutes_with_their_reason(tmp_path: Path) -> None:
    put(tmp_path, "detections", verdict(5, 0, "above"), verdict(4, 0, "normal"))
    (page,) = series_report(tmp_path, tmp_path / "a.html", device="a")
    html = page.read_text(encoding="utf-8")
    assert "<td>2026-11-01 11:55</td><td>temperature</td><td>20</td><td>0 to 40</td>" in html
    assert "<td>above the expected band</td>" in html
    with pytest.raises(InputError, match="holds no verdicts on device 'b'"):
        series_report(tmp_path, tmp_path / "b.html", device="b")
