"""Aggregates, watermarks, duplicates and late readings against a pandas oracle, in both signal modes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from ad_stream.grid import MINUTE
from ad_stream.pipeline.backfill import folded
from ad_stream.pipeline.run import Summary
from ad_stream.pipeline.steps.windows import aggregate
from ad_stream.scoring.depth import Depth
from ad_stream.simulate.envelope import Message
from tests.support.streaming import KEY, Stream, iso, message, moment

MINUTES = 14
CASES = [("count", 0, "auto"), ("last", 5, ["t", "h"])]
"""Whole streams: the shortest and the longest watermark, both signal modes. The other aggregates: on a static frame."""
KINDS = ("max", "min", "mean", "sum", "count", "last")
Case = tuple[str, int, Stream, Summary, pd.DataFrame]


def _readings(watermark: int) -> pd.DataFrame:
    """device_id, time, enqueued (ms), t, h, late; in the order of arrival."""
    rng = np.random.default_rng(watermark + 3)
    rows = []
    for minute in range(MINUTES):
        for device in ("a", "b"):
            for _ in range(4):
                second, delay = float(rng.uniform(0, 59)), float(rng.uniform(0, 60 * watermark))
                rows.append((device, minute, second, delay, rng.normal(10, 4), rng.normal(-3, 1)))
    # 10 minutes beyond the watermark, and at the very instant that closes the minute
    rows.append(("a", 1, 5.0, 60 * (watermark + 10), 40.0, 4.0))
    rows.append(("b", 2, 0.0, 60 * (watermark + 1), -40.0, 4.0))
    out = pd.DataFrame(rows, columns=["device_id", "at", "second", "delay", "t", "h"])
    out["time"] = [iso(minute, round(second, 3)) for minute, second in zip(out["at"], out.second, strict=True)]
    sent = pd.to_datetime(out.time).dt.tz_localize(None)
    out["enqueued"] = (sent + pd.to_timedelta(out.delay, unit="s")).astype("datetime64[ms]").astype("int64")
    out["minute"] = sent.dt.floor("min")
    closes = out.minute.astype("datetime64[ms]").astype("int64") + (watermark + 1) * 60_000
    out["late"] = out.enqueued >= closes
    return out.sort_values("enqueued").reset_index(drop=True)


def _messages(readings: pd.DataFrame) -> list[Message]:
    start = int(moment(0).timestamp() * 1000)
    rows: Iterator[Any] = readings.itertuples()
    return [
        message(
            {"t": r.t, "h": r.h, "time": r.time},
            0,
            (r.enqueued - start) / 1000,
            device=r.device_id,
            message_id=str(r.Index % 5),
        )
        for r in rows
    ]


@pytest.fixture(
    scope="module",
    params=CASES,
    ids=lambda case: f"{case[0]}, watermark {case[1]}, {'auto' if case[2] == 'auto' else 'declared'}",
)
def case(request: pytest.FixtureRequest, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Case:
    kind, watermark, signals = request.param
    sections = {
        "telemetry": {"signals": signals, "event_time": "time"},
        "minutes": {"aggregate": kind, "watermark": f"{watermark} minutes"},
    }
    stream = Stream(spark, tmp_path_factory.mktemp(kind), sections)
    readings = _readings(watermark)
    sent = _messages(readings)
    copies = [sent[3], sent[9], sent[9]]
    stream.write(sorted([*sent, *copies], key=lambda one: one.enqueued))
    return kind, watermark, stream, stream.run(), readings


def _oracle(readings: pd.DataFrame, kind: str) -> pd.DataFrame:
    long = readings.melt(["device_id", "minute", "time", "enqueued"], ["t", "h"], var_name="signal", value_name="x")
    groups = long.sort_values(["time", "enqueued"]).groupby(KEY).x
    return pd.DataFrame(
        {
            "value": groups.agg(kind),
            "n": groups.count(),
            "min": groups.min(),
            "max": groups.max(),
            "mean": groups.mean(),
        }
    )


def test_minutes_equal_the_oracle(case: Case) -> None:
    kind, _, stream, _, readings = case
    found = stream.table("minutes", *KEY).set_index(KEY)
    oracle = _oracle(readings[~readings.late], kind).sort_index()
    assert list(found.index) == list(oracle.index)
    for column in oracle:
        np.testing.assert_allclose(found[column], oracle[column], rtol=1e-9, err_msg=str(column))


def test_copies_are_removed_and_counted_and_other_bodies_under_the_same_id_stay(case: Case) -> None:
    _, _, _, summary, readings = case
    assert (summary.duplicates, summary.dropped_by_watermark) == (3, 0)
    assert summary.events == len(readings) + 3


def test_late_readings_keep_their_own_value_whatever_the_aggregate(case: Case) -> None:
    _, _, stream, _, readings = case
    late = stream.table("late")
    found = sorted(zip(late.device_id, late.signal, late.value, strict=True))
    chosen = readings[readings.late]
    assert found == sorted([(r.device_id, s, getattr(r, s)) for r in chosen.itertuples() for s in ("t", "h")])
    assert len(chosen) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_fold_of_late_readings_equals_the_oracle_over_all_readings(case: Case, kind: str) -> None:
    """Whatever aggregate the stream had: the minutes with late readings get that of the fold, all others stay."""
    kind_of_stream, _, stream, _, readings = case
    found = (
        folded(stream.tables(), Depth(1, 1, MINUTE), moment(0), moment(MINUTES), kind)
        .toPandas()
        .set_index(KEY)
        .sort_index()
    )
    oracle = _oracle(readings, kind).sort_index()
    on_time = _oracle(readings[~readings.late], kind_of_stream).sort_index().value
    changed = oracle.index.isin(_oracle(readings[readings.late], kind).index)
    # Of `last`, what was on time stays the last.
    oracle["value"] = on_time if kind == "last" else oracle.value.where(changed, on_time)
    for column in oracle:
        np.testing.assert_allclose(found[column], oracle[column], rtol=1e-9, err_msg=str(column))
    assert found.differs.sum() == changed.sum() == 4


@pytest.mark.parametrize("watermark", [0, 1, 2, 5])
def test_every_aggregate_equals_the_oracle_and_passes_over_what_was_not_sent(
    spark: SparkSession, watermark: int
) -> None:
    readings = _readings(watermark)
    long = readings.melt(["device_id", "minute", "time", "enqueued"], ["t", "h"], var_name="signal", value_name="x")
    unsent = long[long.time == long.groupby(KEY).time.transform("max")].assign(x=None, enqueued=2**62)
    both = pd.concat([long.astype({"x": object}), unsent])
    both["minute"] = both.minute.astype(str)
    rows = list(both[[*KEY, "x", "time", "enqueued"]].itertuples(index=False, name=None))
    frame = spark.createDataFrame(
        rows, "device_id string, signal string, minute string, x double, event_time string, sequence bigint"
    )
    grouped = frame.groupBy(*KEY).agg(*(aggregate(F.col("x"), kind).alias(kind) for kind in KINDS))
    found = grouped.toPandas().set_index(KEY).sort_index()
    for kind in KINDS:
        np.testing.assert_allclose(found[kind], _oracle(readings, kind).sort_index().value, rtol=1e-9, err_msg=kind)


def _plain(spark: SparkSession, folder: Path) -> Stream:
    return Stream(spark, folder, {"source": {"files_per_trigger": 1}})


def test_without_a_message_id_the_place_in_the_source_is_the_key_and_nothing_else(
    spark: SparkSession, tmp_path: Path
) -> None:
    stream = _plain(spark, tmp_path)
    stream.write([message({"t": 1}, 0, 10) for _ in range(4)], end=False)
    again = stream.writer.files[0].read_text().splitlines(keepends=True)
    stream.writer.write_lines(again[:2])
    stream.write([message({"t": 2}, 1)])
    summary = stream.run()
    assert list(stream.table("minutes", *KEY).n) == [4, 1]
    assert summary.duplicates == 2


def test_partitions_skewed_beyond_the_watermark_are_counted_not_silent(spark: SparkSession, tmp_path: Path) -> None:
    stream = _plain(spark, tmp_path)
    ahead = [message({"t": 1}, minute, device="ahead") for minute in range(10)]
    behind = [message({"t": 1}, minute, device="behind", partition=1) for minute in range(10)]
    # What closes a minute also takes what comes in the same batch, so the skew must last for two.
    stream.write(ahead, [message({"t": 1}, 10, device="ahead")], behind, [message({"t": 1}, 12, device="ahead")])
    summary = stream.run()
    minutes = stream.table("minutes")
    kept = len(minutes[minutes.device_id == "behind"])
    assert summary.events == 22 and summary.dropped_by_watermark == 10 - kept > 0
    assert stream.table("progress").dropped_by_watermark.sum() == summary.dropped_by_watermark
    assert list(stream.table("minutes", *KEY).n) == [1] * (12 + kept)
    # A minute is emitted once, and one that is open takes what still comes.
    assert not minutes.duplicated(KEY).any() and kept == 3


def test_a_live_input_keeps_its_last_minutes_open_and_a_later_run_closes_them(
    spark: SparkSession, tmp_path: Path
) -> None:
    stream = _plain(spark, tmp_path)
    stream.write([message({"t": k}, k) for k in range(5)], end=False).run()
    assert len(stream.table("minutes")) == 2
    stream.write([message({"t": 10}, 4, 50)]).run()
    assert list(stream.table("minutes", *KEY).value) == [0, 1, 2, 3, 10]


def test_devices_that_fall_silent_do_not_stop_the_stream(spark: SparkSession, tmp_path: Path) -> None:
    stream = _plain(spark, tmp_path)
    stream.write(
        *[[message({"t": 1}, minute, device=f"only{minute % 3}")] for minute in range(0, 9, 3)],
        [message({"t": 1}, 20, device="new")],
    )
    summary: Any = stream.run()
    assert summary.minutes_closed == 4 == len(stream.table("detections"))
