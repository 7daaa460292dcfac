"""A Delta table of telemetry as source: the verdicts that files give, Delta's own offsets, the checks of messages."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from ad_stream.errors import ConfigError, InputError, RunError
from ad_stream.pipeline.run import Summary, run
from ad_stream.simulate import simulate
from ad_stream.simulate.send import events, message_files
from ad_stream.sources import registry
from tests.support.compare import SAME, difference, differences, read
from tests.support.distribution import SOURCE, install
from tests.support.streaming import config_of, with_tables
from tests.support.telemetry_table import LONG, append, heartbeat, reading, rows_of, whole_minute

MINUTE = timedelta(minutes=1)
KEPT = {"enqueued": "enqueued", "sequence": "id"}
"""Columns in which an ingestion kept when a message came and what it was called."""


def stream(spark: Any, folder: Path, source: dict[str, Any], **sections: Any) -> Summary:
    """All that the source holds, into `folder`/tables; goes on where an earlier run over `folder` ended."""
    config = config_of(folder, **sections)
    return run(with_tables(config.model_copy(update={"source": registry.settings_of(source)}), spark), spark=spark)


def table(folder: Path, **settings: Any) -> dict[str, Any]:
    return {"kind": "table", "path": str(folder / "telemetry"), **settings}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """70 minutes of two devices with every kind of bad traffic."""
    folder = tmp_path_factory.mktemp("fleet")
    simulate(folder, devices=2, start=whole_minute(timedelta(hours=3)), minutes=70, seed=11, faults=False, partitions=2)
    return folder


@pytest.fixture(scope="module")
def from_files(spark: Any, fleet: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    stream(spark, folder, {"kind": "files", "path": str(fleet)}, telemetry={"event_time": "time"})
    return folder / "tables"


@pytest.fixture(scope="module")
def readings(fleet: Path) -> list[dict[str, Any]]:
    """The fleet's readings, in the order in which they came."""
    return list(rows_of(events(message_files(fleet))))


def last(rows: list[dict[str, Any]]) -> datetime:
    return max(row["enqueued"] for row in rows)


@pytest.mark.parametrize("signals", ["auto", ["temperature", "humidity"]], ids=["auto", "declared"])
def test_a_table_gives_the_verdicts_that_the_files_give(
    spark: Any, from_files: Path, readings: list[dict[str, Any]], signals: Any, tmp_path: Path
) -> None:
    append(tmp_path / "telemetry", [*readings, heartbeat(last(readings))])
    done = stream(spark, tmp_path, table(tmp_path, **KEPT), telemetry={"signals": signals})
    assert done.scored > 50
    for name in ("minutes", "detections"):
        found, wanted = (
            read(tmp_path / "tables", name),
            read(from_files, name).drop(columns="config_version", errors="ignore"),
        )
        assert difference(found, wanted, name) == SAME[name]
    place = ["device_id", "signal", "event_time", "value", "enqueued_time"]
    late = [
        read(folder, "late")[place].sort_values(place).reset_index(drop=True)
        for folder in (tmp_path / "tables", from_files)
    ]
    assert len(late[0]) > 0
    pd.testing.assert_frame_equal(*late)
    reasons = [Counter(read(folder, "quarantine")["reason"]) for folder in (tmp_path / "tables", from_files)]
    assert reasons[0]["not_a_number"] >= reasons[1]["not_a_number"] > 0  # one a reading, not one a body
    assert min(reasons[0]["future_time"], reasons[0]["no_device"]) > 0


@pytest.mark.soak
def test_columns_side_by_side_give_what_one_reading_a_row_gives(spark: Any, tmp_path: Path) -> None:
    start = whole_minute(timedelta(hours=1))
    at = [start + number * timedelta(seconds=20) for number in range(60)]
    schema = pa.schema(
        [("device", pa.int64()), ("ts", pa.timestamp("us")), ("temp c", pa.float64()), ("rpm", pa.int32())]
    )
    wide = [
        {
            "device": 7,
            "ts": moment.replace(tzinfo=None),
            "temp c": 20.0 + number % 5,
            "rpm": number if number % 2 else None,
        }
        for number, moment in enumerate(at)
    ]
    long = [
        reading(row["ts"].replace(tzinfo=at[0].tzinfo), row["temp c"], device="7", signal="temperature") for row in wide
    ]
    long += [
        reading(moment, row["rpm"], device="7", signal="rpm")
        for moment, row in zip(at, wide, strict=True)
        if row["rpm"]
    ]
    append(tmp_path / "wide" / "telemetry", wide, schema)
    append(tmp_path / "long" / "telemetry", long)
    values = {"temperature": "temp c", "rpm": "rpm"}
    done = stream(spark, tmp_path / "wide", table(tmp_path / "wide", device="device", time="ts", values=values))
    assert (done.events, done.minutes_closed) == (90, 2 * 17)  # 20 minutes, of which the last 3 wait for the watermark
    stream(spark, tmp_path / "long", table(tmp_path / "long"))
    assert differences(tmp_path / "wide" / "tables", tmp_path / "long" / "tables", named=False) == SAME


@pytest.mark.soak
def test_what_a_commit_appends_is_read_once_and_restarts_go_on_where_they_ended(
    spark: Any, readings: list[dict[str, Any]], tmp_path: Path
) -> None:
    parts, whole = tmp_path / "parts", tmp_path / "whole"
    cut = len(readings) // 3
    for begin in range(0, len(readings), cut):
        append(parts / "telemetry", readings[begin : begin + cut])
        counted = stream(spark, parts, table(parts, **KEPT))
        assert counted.events == len(readings[begin : begin + cut])
    assert stream(spark, parts, table(parts, **KEPT)).events == 0
    append(parts / "telemetry", [heartbeat(last(readings))])
    stream(spark, parts, table(parts, **KEPT))
    append(whole / "telemetry", [*readings, heartbeat(last(readings))])
    stream(spark, whole, table(whole, **KEPT))
    assert differences(parts / "tables", whole / "tables", named=False) == SAME


def test_bad_rows_are_in_quarantine_under_their_reason_and_no_clock_moves_the_watermark(
    spark: Any, tmp_path: Path
) -> None:
    start = whole_minute(timedelta(minutes=20))
    good = [reading(start + number * MINUTE, number) for number in range(12)]
    append(tmp_path / "telemetry", good)
    stream(spark, tmp_path, table(tmp_path))
    soon = start + 12 * MINUTE
    bad = {
        "not_a_number": [reading(soon, text) for text in ("NaN", "-Infinity", "n/a", "5d")],
        "no_device": [reading(soon, device=None), reading(soon, device="")],
        "no_signal": [reading(soon, None), reading(soon, signal=None), reading(soon, signal="")],
        "bad_time": [reading(None, 3.5)],
        "future_time": [reading(soon + timedelta(days=30_000), 4.5), reading(soon + timedelta(hours=2), 4.5)],
    }
    append(tmp_path / "telemetry", [row for rows in bad.values() for row in rows])
    append(tmp_path / "telemetry", [reading(soon, 12), heartbeat(whole_minute(timedelta(0)), watermark=MINUTE)])
    done = stream(spark, tmp_path, table(tmp_path))
    assert done.dropped_by_watermark == 0
    minutes = read(tmp_path / "tables", "minutes").sort_values("minute")
    assert minutes["value"].tolist() == [float(number) for number in range(13)]
    stream_again = whole_minute(timedelta(0))
    append(tmp_path / "telemetry", [heartbeat(stream_again, watermark=2 * MINUTE)])
    stream(spark, tmp_path, table(tmp_path))
    quarantine = read(tmp_path / "tables", "quarantine")
    assert Counter(quarantine["reason"]) == {reason: len(rows) for reason, rows in bad.items()}
    assert quarantine.loc[quarantine["reason"] == "bad_time", "body"].tolist() == [b"t = 3.5"]
    assert set(quarantine["source"]) == {str(tmp_path / "telemetry")}


def test_without_an_arrival_a_late_row_is_counted_as_dropped_by_the_watermark(spark: Any, tmp_path: Path) -> None:
    start = whole_minute(timedelta(hours=1))
    append(tmp_path / "telemetry", [reading(start + number * MINUTE, number) for number in range(20)])
    stream(spark, tmp_path, table(tmp_path))
    append(tmp_path / "telemetry", [reading(start, 99), heartbeat(start + 20 * MINUTE)])
    done = stream(spark, tmp_path, table(tmp_path))
    assert (done.dropped_by_watermark, done.late) == (1, 0)
    assert read(tmp_path / "tables", "minutes")["value"].max() == 19.0


def test_equal_rows_are_one_unless_a_column_tells_them_apart(spark: Any, tmp_path: Path) -> None:
    at = whole_minute(timedelta(hours=1))
    rows = [reading(at, 2, id="a"), reading(at, 2, id="b"), reading(at, 2, id="b")]
    counts = {}
    for name, settings in {"alone": {}, "numbered": {"sequence": "id"}}.items():
        append(tmp_path / name / "telemetry", [*rows, heartbeat(at)])
        stream(spark, tmp_path / name, table(tmp_path / name, **settings), minutes={"aggregate": "sum"})
        (counts[name],) = read(tmp_path / name / "tables", "minutes")["value"]
    assert counts == {"alone": 2.0, "numbered": 4.0}


@pytest.mark.parametrize(("kind", "of"), [(pa.string(), str), (pa.int64(), int)])
def test_times_may_be_text_or_epoch_numbers(spark: Any, kind: Any, of: Any, tmp_path: Path) -> None:
    start = whole_minute(timedelta(hours=1))
    schema = LONG.set(2, pa.field("time", kind))
    moments = [*(start + number * MINUTE for number in range(10)), start + 20 * MINUTE]
    texts = [moment.isoformat() if of is str else round(moment.timestamp() * 1000) for moment in moments]
    append(tmp_path / "telemetry", [{**reading(start, 1), "time": text} for text in texts], schema)
    stream(spark, tmp_path, table(tmp_path))
    found = read(tmp_path / "tables", "minutes")["minute"].sort_values().tolist()
    assert [pd.Timestamp(minute).tz_convert("UTC") for minute in found] == [
        pd.Timestamp(moment) for moment in moments[:10]
    ]


@pytest.mark.soak
def test_a_start_leaves_out_what_is_earlier_or_already_there(spark: Any, tmp_path: Path) -> None:
    start = whole_minute(timedelta(hours=1))
    append(tmp_path / "telemetry", [reading(start + number * MINUTE, number) for number in range(10)])
    append(tmp_path / "telemetry", [heartbeat(start + 10 * MINUTE)])
    since = (start + 4 * MINUTE).isoformat()
    by_time = tmp_path / "by_time"
    stream(spark, by_time, table(tmp_path, start=since))
    assert sorted(read(by_time / "tables", "minutes")["value"]) == [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    with pytest.raises(
        ConfigError, match=r"source.start is latest, with which a run of trigger available_now never reads"
    ):
        stream(spark, tmp_path / "newest", table(tmp_path, start="latest"))


@pytest.mark.soak
def test_latest_begins_with_the_next_commit(spark: Any, tmp_path: Path) -> None:
    start = whole_minute(timedelta(hours=1))
    append(tmp_path / "telemetry", [reading(start, 1)])
    found: list[Any] = []
    rows = registry.read(spark, registry.settings_of(table(tmp_path, start="latest")), None)
    writer = rows.writeStream.foreachBatch(lambda batch, _: found.extend(batch.collect()))
    query = writer.option("checkpointLocation", str(tmp_path / "checkpoint")).start()
    try:
        query.processAllAvailable()
        append(tmp_path / "telemetry", [reading(start, 2)])
        query.processAllAvailable()
    finally:
        query.stop()
    assert [row["value"] for row in found] == ["2"]


@pytest.mark.soak
def test_a_commit_that_changes_rows_ends_the_run_in_a_sentence_unless_such_commits_are_passed_over(
    spark: Any, tmp_path: Path
) -> None:
    start = whole_minute(timedelta(hours=1))
    append(tmp_path / "telemetry", [reading(start + number * MINUTE, number) for number in range(10)])
    stream(spark, tmp_path, table(tmp_path))
    DeltaTable(str(tmp_path / "telemetry")).update(updates={"value": "'99'"}, predicate="value = '3'")
    with pytest.raises(RunError, match=r"the stream stopped: .* source.skip_change_commits: true") as raised:
        stream(spark, tmp_path, table(tmp_path))
    assert "\n" not in str(raised.value)
    append(tmp_path / "telemetry", [reading(start + 10 * MINUTE, 10), heartbeat(start + 10 * MINUTE)])
    done = stream(spark, tmp_path, table(tmp_path, skip_change_commits=True))
    assert done.events == 1
    assert sorted(read(tmp_path / "tables", "minutes")["value"]) == [float(number) for number in range(11)]


def test_a_table_is_found_by_its_name(spark: Any, tmp_path: Path) -> None:
    start = whole_minute(timedelta(hours=1))
    append(tmp_path / "telemetry", [reading(start, 5), heartbeat(start)])
    spark.sql(f"create table default.telemetry_by_name using delta location '{tmp_path / 'telemetry'}'")
    try:
        stream(spark, tmp_path, {"kind": "table", "table": "default.telemetry_by_name"})
    finally:
        spark.sql("drop table default.telemetry_by_name")
    assert read(tmp_path / "tables", "minutes")["value"].tolist() == [5.0]


def test_a_source_of_another_distribution_yields_rows_too(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path / "site", "acme-telemetry", "1.2", modules={"acme_lines": SOURCE},
        points={"ad_stream.sources": {"acme_lines": "acme_lines:KIND"}},
    )  # fmt: skip
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delitem(sys.modules, "acme_lines", raising=False)
    start = whole_minute(timedelta(hours=1))
    lines = [
        {"device": "d1", "signal": "t", "at": (start + n * MINUTE).isoformat(), "x": n / 8, "number": n}
        for n in range(10)
    ]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_text("\n".join(json.dumps(line) for line in [*lines, lines[0]]))
    done = stream(spark, tmp_path, {"kind": "acme_lines", "folder": str(tmp_path / "in")})
    assert (done.events, done.duplicates) == (11, 1)
    assert sorted(read(tmp_path / "tables", "minutes")["value"]) == [n / 8 for n in range(7)]


ODD = pa.schema([("device_id", pa.string()), ("signal", pa.string()), ("time", pa.date32()), ("value", pa.bool_())])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"path": "nowhere"}, r"source.path 'nowhere' holds no Delta table: name the folder that has _delta_log in it"),
        ({"path": None, "table": "default.nothing"}, r"there is no table 'default.nothing' that this user sees"),
        (
            {"path": None, "table": "no_such.a.b"},
            r"source.table 'no_such.a.b' is no name of a table here: write catalog",
        ),
        ({"path": None, "table": "a b"}, r"source.table 'a b' is no name of a table here"),
        (
            {"device": "device_ix"},
            r"source.device: the table '.*' has no column 'device_ix': did you mean 'device_id'\?",
        ),
        (
            {"values": ["zzz"]},
            r"source.values.zzz: the table '.*' has no column 'zzz': choose from: device_id, signal",
        ),
        ({}, r"source.time: the column 'time' of the table '.*' is of type date: name one of type timestamp"),
        ({"time": "signal"}, r"source.value: the column 'value' of the table '.*' is of type boolean"),
        (
            {"time": "signal", "values": ["time"]},
            r"source.values.time: the column 'time' of the table '.*' is of type date",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_said_in_a_sentence_before_anything_runs(
    spark: Any, settings: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    append(tmp_path / "telemetry", [], ODD)
    section = {name: value for name, value in {**table(tmp_path), **settings}.items() if value is not None}
    made = registry.settings_of(section)
    with pytest.raises((ConfigError, InputError), match=sentence) as raised:
        registry.reader_of(made).check(spark, made)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 400
