"""However the input is cut into batches, runs and signal modes, the same rows come out, equal to slow oracles."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

import ad_stream
from ad_stream.pipeline.backfill import backfill
from ad_stream.pipeline.run import Summary
from ad_stream.simulate.envelope import Message
from ad_stream.tables.catalog import TABLES
from tests.support.streaming import BOOKKEEPING, KEY, T0, Stream, iso, message

DAY = 24 * 60
DETECTION = {"points": 40, "max_gap": 3, "refractory": "10 minutes"}
DESIGNED = [
    "device_id", "signal", "minute", "revision", "value", "expected", "upper_margin", "lower_margin", "score",
    "sr_score", "severity", "is_anomaly", "is_positive", "is_negative", "continuing", "status", "reason",
    "detector", "points", "imputed", "config_version", "query_id", "batch_id",
    "model", "slow_score", "slow_is_anomaly", "slow_reason", "slow_onset",
]  # fmt: skip
ORDER = {
    "minutes": KEY,
    "detections": KEY,
    "late": ["device_id", "signal", "event_time", "sequence"],
    "quarantine": ["partition", "sequence", "element"],
}


def _input() -> list[Message]:
    """Out of order within the watermark, with gaps, a device that leaves, one that joins, a point, and a hole of a day."""
    rng = np.random.default_rng(11)
    out: list[Message] = []
    for minute in [*range(70), *range(DAY, DAY + 45)]:
        for device, here in (
            ("whole", True), ("gaps", minute % 9 not in (3, 4)), ("long_gap", not 30 <= minute < 37), ("leaves", minute < 35),
            ("joins", minute >= 35), ("point", minute == 5), ("constant", True),
        ):  # fmt: skip
            if not here:
                continue
            for number in range(3):
                value = (
                    7.0 if device == "constant" else 20 + rng.normal() + {60: 15, 63: 60, DAY + 42: 15}.get(minute, 0)
                )
                second = float(rng.uniform(0, 60))
                body = {"t": value, "h": float(rng.normal(50, 3)), "time": iso(minute, second)}
                delay = 0 if number else float(rng.uniform(0, 90))
                key = f"{device}-{minute}-{number}"
                out.append(message(body, minute, second + delay, device=device, message_id=key, partition=number))
        if minute % 20 == 7:
            out.append(message({"t": 99, "time": iso(minute - 6, 10)}, minute, 31, device="whole", partition=1))
            out.append(
                message({"t": "bad", "h": 1, "time": iso(minute - 1, 50)}, minute, 32, device="whole", partition=1)
            )
            out.append(message("{", minute, 33, device="whole", partition=1))
    return sorted(out, key=lambda one: one.enqueued)


def _files(messages: list[Message], count: int) -> list[list[Message]]:
    return [list(part) for part in np.array_split(np.array(messages, dtype=object), count)]


def _stream(spark: SparkSession, folder: Path, **telemetry: Any) -> Stream:
    return Stream(spark, folder, {"telemetry": {"event_time": "time", **telemetry}, "detection": DETECTION})


@pytest.fixture(scope="module")
def whole(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Stream, Summary]:
    stream = _stream(spark, tmp_path_factory.mktemp("whole")).write(*_files(_input(), 5))
    return stream, stream.run()


@pytest.fixture(scope="module")
def pieces(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Stream, list[Summary]]:
    """Declared signals, one file a batch, in two runs; after each batch some of the workers' copies of history are lost."""
    stream = _stream(spark, tmp_path_factory.mktemp("pieces"), signals=["h", "t"])
    files, lost = _files(_input(), 5), []
    stream.write(*files[:3], end=False)
    first = stream.run(source={"files_per_trigger": 1}, progress=lambda _: lost.append(_lose_some(spark)))
    stream.write(*files[3:])
    second = stream.run(source={"files_per_trigger": 1}, progress=lambda _: lost.append(_lose_some(spark)))
    assert sum(lost) > 50
    return stream, [first, second]


def _lose_some(spark: SparkSession) -> int:
    """A third of the copies goes, of a third half is left; -> how many."""
    assert spark.sparkContext._jvm is not None
    folders = spark.sparkContext._jvm.org.apache.spark.SparkEnv.get().blockManager().diskBlockManager().localDirs()
    found = [path for folder in folders for path in Path(folder.toString()).glob("ad_stream-history-*/*")]
    for path in found[::3]:
        path.unlink()
    for path in found[1::3]:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return len(found) * 2 // 3


def _equal(one: pd.DataFrame, other: pd.DataFrame, *but: str) -> None:
    left_out = ["source", *but]
    one, other = one.drop(columns=left_out, errors="ignore"), other.drop(columns=left_out, errors="ignore")
    pd.testing.assert_frame_equal(one, other, rtol=0, atol=1e-9, check_dtype=False)


@pytest.fixture(
    scope="module", params=[pytest.param("file by file", marks=pytest.mark.soak), "verdicts lost and backfilled"]
)
def replayed(request: pytest.FixtureRequest, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Stream:
    """The checkpoint is lost in the middle, and the new query reads the overlap again."""
    stream = _stream(spark, tmp_path_factory.mktemp("replayed"))
    files = _files(_input(), 5)
    stream.write(*files[:2], end=False).run()
    if request.param != "file by file":  # as if the run had died between two tables, and a backfill had come first
        spark.sql(f"DELETE FROM {stream.tables().name('detections')}")
        backfill(stream.config(), start=T0, end=T0.replace(day=3), spark=spark)
    shutil.rmtree(stream.folder / "checkpoint")
    stream.write(*files[2:]).run(source={"files_per_trigger": 1 if request.param == "file by file" else None})
    return stream


@pytest.mark.thorough
@pytest.mark.parametrize("table", ORDER)
def test_a_lost_checkpoint_loses_doubles_and_changes_nothing(whole: Any, replayed: Stream, table: str) -> None:
    one, other = (_of_the_stream(stream.table(table), ORDER[table]) for stream in (whole[0], replayed))
    _equal(one, other, *BOOKKEEPING)
    assert replayed.table("minutes").query_id.nunique() >= 2


def _of_the_stream(frame: pd.DataFrame, order: list[str]) -> pd.DataFrame:
    rows = frame[frame.revision == 0] if "revision" in frame else frame
    return rows.sort_values(order).reset_index(drop=True)


@pytest.mark.parametrize("table", ORDER)
def test_one_batch_or_many_or_a_run_continued_give_the_same_rows(whole: Any, pieces: Any, table: str) -> None:
    _equal(whole[0].content(table, *ORDER[table]), pieces[0].content(table, *ORDER[table]), "config_version")
    assert len(whole[0].content(table)) > 0


def test_many_batches_were_many(whole: Any, pieces: Any) -> None:
    assert whole[1].batches == 1
    assert sum(one.batches for one in pieces[1]) >= 5


def test_every_minute_is_judged_once(whole: Any, pieces: Any) -> None:
    for stream in (whole[0], pieces[0]):
        minutes, detections = stream.table("minutes"), stream.table("detections")
        assert not minutes.duplicated(KEY).any()
        assert set(map(tuple, minutes[KEY].to_numpy())) == set(map(tuple, detections[KEY].to_numpy()))
        assert len(minutes) == len(detections)


def test_minutes_equal_a_slow_oracle(whole: Any) -> None:
    import json

    rows = []
    for one in _input():
        try:
            body = json.loads(one.body)
        except ValueError:
            continue
        at = pd.Timestamp(body["time"]).tz_localize(None).floor("min")
        if pd.Timestamp(one.enqueued, unit="ms") >= at + pd.Timedelta(minutes=3):
            continue
        numbers = [(signal, body[signal]) for signal in ("h", "t") if isinstance(body.get(signal), (int, float))]
        rows += [(one.device_id, signal, at, value) for signal, value in numbers]
    oracle = pd.DataFrame(rows, columns=[*KEY, "x"]).groupby(KEY).x.agg(["max", "count", "min", "mean"]).reset_index()
    found = whole[0].table("minutes", *KEY)
    assert list(found.minute) == list(oracle.minute)
    for column, name in (("value", "max"), ("n", "count"), ("min", "min"), ("max", "max"), ("mean", "mean")):
        np.testing.assert_allclose(found[column], oracle[name], rtol=1e-12)


def test_the_input_holds_what_the_other_tests_need(whole: Any) -> None:
    found = whole[0].table("detections", *KEY)
    assert {"scored", "warming_up"} <= set(found.status)
    assert {"few_points", "long_gap", "constant", "above"} <= set(found.reason)
    assert (found.imputed > 0).any()
    flagged = found[found.is_anomaly & (found.device_id == "whole") & (found.signal == "t")]
    minutes = [int((at - T0.replace(tzinfo=None)).total_seconds()) // 60 for at in flagged.minute]
    assert {60, 63, DAY + 42} <= set(minutes)
    assert dict(zip(minutes, flagged.continuing, strict=True)) | {60: False, 63: True, DAY + 42: False} == dict(
        zip(minutes, flagged.continuing, strict=True)
    )


def test_points_and_imputed_say_what_the_verdict_rests_on(whole: Any) -> None:
    found = whole[0].table("detections", *KEY)
    one = found[(found.device_id == "whole") & (found.signal == "h")].reset_index(drop=True)
    assert list(one.points[:70]) == [min(k + 1, 40) for k in range(70)]
    assert list(one.points[70:]) == [min(k + 1, 40) for k in range(45)]
    assert (one.imputed == 0).all()
    gaps = found[(found.device_id == "gaps") & (found.signal == "h")]
    assert gaps[gaps.status == "scored"].imputed.between(1, 12).all()
    single = found[found.device_id == "point"]
    assert set(single.status) == {"warming_up"} and single.expected.isna().all()


def test_both_doors_give_the_rows_of_the_stream(spark: SparkSession, whole: Any) -> None:
    from ad_stream.pipeline import detect

    stream = whole[0]
    minutes = stream.table("minutes", *KEY)
    stored = stream.content("detections", *KEY)
    series = stored[KEY[:2]].agg("|".join, axis=1)
    frame = pd.DataFrame(
        {"device": minutes.device_id + "|" + minutes.signal, "timestamp": minutes.minute, "value": minutes.value}
    )
    laptop = ad_stream.detect(frame.sample(frac=1, random_state=1), points=40, max_gap=3, step="1min").sort_index()
    columns = [name for name in stored.columns if name in laptop.columns]
    assert {"score", "expected", "is_anomaly", "continuing", "reason", "points"} <= set(columns)
    _equal(stored[columns], laptop[columns])
    assert list(laptop.device) == list(series)
    readings = spark.createDataFrame(minutes[[*KEY, "value"]])
    door = detect(
        readings, device="device_id", time="minute", value="value", signal="signal", points=40, max_gap=3
    ).toPandas()
    door = door.sort_values(KEY).reset_index(drop=True)
    _equal(stored[list(door.columns)], door)


def test_a_backfill_of_what_the_stream_judged_writes_only_the_folded_late_readings(whole: Any) -> None:
    stream = whole[0]
    before = stream.content("detections", *KEY)
    day: dict[str, Any] = {"start": T0, "end": T0.replace(day=3)}
    first = backfill(stream.config(), **day, spark=stream.spark)
    assert first.minutes_judged == len(before) and first.minutes_revised == len(stream.table("late"))
    revised = stream.table("minutes")
    revised = revised[revised.revision > 0]
    assert set(revised.value) == {99.0} and set(revised.n) == {4} and set(revised.revision) == {1}
    _equal(before, (after := stream.content("detections", *KEY))[after.revision == 0].reset_index(drop=True))
    second = backfill(stream.config(), **day, spark=stream.spark)
    assert (second.minutes_revised, second.verdicts_revised, second.alarms_gained) == (0, 0, 0)


def test_the_columns_of_detections_are_those_of_the_design(whole: Any) -> None:
    schema = whole[0].tables().read("detections").schema
    assert schema.names == DESIGNED
    kinds = {field.name: field.dataType.simpleString() for field in schema}
    assert {kinds[name] for name in ("is_anomaly", "is_positive", "is_negative", "continuing")} == {"boolean"}
    assert {kinds[name] for name in ("value", "expected", "score", "sr_score", "severity")} == {"double"}
    assert (kinds["minute"], kinds["device_id"], kinds["points"]) == ("timestamp", "string", "bigint")
    assert set(TABLES) >= {"minutes", "detections", "late", "quarantine", "batches", "progress", "deliveries"}


def test_the_ledger_adds_up_to_the_tables_and_to_the_summary(whole: Any, pieces: Any) -> None:
    for stream, summaries in ((whole[0], [whole[1]]), (pieces[0], pieces[1])):
        batches, detections = stream.table("batches"), stream.table("detections")
        detections = detections[detections.revision == 0]
        quarantine = stream.table("quarantine")
        counts = {
            "minutes_closed": len(detections), "scored": (detections.status == "scored").sum(),
            "warming_up": (detections.status == "warming_up").sum(), "declined": (detections.status == "declined").sum(),
            "anomalies": detections.is_anomaly.sum(), "late": len(stream.table("late")),
        }  # fmt: skip
        for name, count in counts.items():
            assert batches[name].sum() == count == sum(getattr(one, name) for one in summaries), name
        assert batches.quarantined.sum() == len(quarantine) == sum(sum(one.quarantined.values()) for one in summaries)
        assert (batches.cpu_seconds > 0).all() and (batches.duration_ms > 0).all()


def test_progress_has_a_row_for_every_batch_and_counts_every_event(whole: Any, pieces: Any) -> None:
    for stream, summaries in ((whole[0], [whole[1]]), (pieces[0], pieces[1])):
        progress = stream.table("progress", "batch_id")
        assert list(progress.batch_id) == list(range(len(progress)))
        assert set(stream.table("batches").batch_id) <= set(progress.batch_id)
        assert progress.events.sum() == len(_input()) == sum(one.events for one in summaries)
        assert progress.dropped_by_watermark.sum() == 0
        assert progress.watermark.dropna().is_monotonic_increasing
