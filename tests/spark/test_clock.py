"""Whose clock is believed: outliers of a hub move no watermark, sources that lie elsewhere as a whole go on."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from ad_stream.pipeline.steps.clock import Clock
from ad_stream.pipeline.steps.telemetry import readings
from ad_stream.simulate.envelope import Message, epoch_ms
from tests.support.streaming import Stream, config_of, iso, message, moment

DAY = 24 * 60
YEARS = {"last year's": -365 * DAY, "ten years ahead": 3650 * DAY}


def _at(time: datetime, device: str = "outlier") -> Message:
    return Message(epoch_ms(time), b'{"t": 1}', device, None, 1)


def test_enqueued_times_far_from_the_others_are_quarantined_and_make_nothing_late(
    spark: SparkSession, tmp_path: Path
) -> None:
    stream = Stream(spark, tmp_path, {"source": {"files_per_trigger": 1}})
    outliers = [_at(datetime(year, 12, 30, tzinfo=timezone.utc)) for year in (1, 1899, 2099, 9999)]
    early, middle, late = (
        [message({"t": 1}, minute) for minute in part] for part in (range(6), range(6, 9), range(9, 12))
    )
    stream.write(early, middle + outliers, end=False)
    stream.newest = 0
    summary = stream.write(late).run()
    assert (summary.quarantined, summary.late, summary.dropped_by_watermark) == ({"bad_enqueued_time": 4}, 0, 0)
    assert summary.minutes_closed == 12 and summary.batches > 1
    rows = stream.table("quarantine")
    assert set(rows.device_id) == {"outlier"} and rows.enqueued_time.isna().all()


@pytest.mark.parametrize("years", ["last year's", pytest.param("ten years ahead", marks=pytest.mark.soak)])
def test_files_that_lie_elsewhere_as_a_whole_are_judged_as_ever_and_their_outliers_are_not(
    spark: SparkSession, tmp_path: Path, years: str
) -> None:  # fmt: skip
    start = YEARS[years]
    stream = Stream(spark, tmp_path, {"source": {"files_per_trigger": 1}})
    outlier = _at(moment(start) + timedelta(days=40_000 if start < 0 else 4_000))
    first = [[message({"t": 1}, start + k)] for k in range(4)]
    stream.write(*first[:-1], end=False)
    summary = stream.write([*first[-1], outlier], end=False).run()
    assert sum(summary.quarantined.values()) == 0 and summary.minutes_closed == 1
    stream.newest = 0
    later = stream.write([message({"t": 1}, start + 3 * DAY + k) for k in range(4)]).run()
    assert summary.minutes_closed + later.minutes_closed == 8
    assert (later.late, later.dropped_by_watermark, later.quarantined) == (0, 0, {"bad_enqueued_time": 1})


def test_the_bound_can_be_taken_away(spark: SparkSession, tmp_path: Path) -> None:
    stream = Stream(spark, tmp_path, {"telemetry": {"max_ahead": None}})
    summary = stream.write([message({"t": 1}, 0), message({"t": 1}, 3650 * DAY)]).run()
    assert (summary.quarantined, summary.minutes_closed) == ({}, 2)


def test_default_dates_of_devices_are_bad_times_and_nothing_stops(spark: SparkSession, tmp_path: Path) -> None:
    stream = Stream(spark, tmp_path, {"telemetry": {"event_time": "time"}})
    good = [message({"t": 1, "time": iso(k)}, k) for k in range(5)]
    dates = ("0001-01-01T00:00:00Z", "1899-12-30T00:00:00Z", "9999-12-31T23:59:59Z", "1970-01-01T00:00:00Z")
    defaults = [message({"t": 1, "time": date}, 0, k, device="default") for k, date in enumerate(dates)]
    summary = stream.write([*defaults, *good]).run()
    assert (summary.quarantined, summary.late, summary.minutes_closed) == ({"bad_time": 3}, 1, 5)


def test_a_batch_of_a_finite_input_runs_the_code_that_was_compiled_for_the_one_before(
    spark: SparkSession, tmp_path: Path
) -> None:
    config = config_of(tmp_path, telemetry={"event_time": "time", "signals": ["t"]})
    clock, delay = Clock(timedelta(days=1), end=moment(9)), config.minutes.watermark
    texts = "'d' as device_id, 'm' as message_id, 'Telemetry' as message_source, 's' as source, '0' as partition"
    events = spark.range(1).selectExpr(
        "cast('{}' as binary) as body", "timestamp_seconds(id) as enqueued_time", *texts.split(", "), "id as sequence"
    )
    wanted = {"wholeStage": "true", "factoryMode": "FALLBACK"}
    kept = {f"spark.sql.codegen.{name}": str(spark.conf.get(f"spark.sql.codegen.{name}")) for name in wanted}
    try:
        for name, value in wanted.items():
            spark.conf.set(f"spark.sql.codegen.{name}", value)
        first, second = (compiled(clock.behind_watermark(readings(events, config, clock), delay)) for _ in range(2))
    finally:
        for name, value in kept.items():
            spark.conf.set(name, value)
    assert len(first) > 100
    assert first == second


def compiled(frame: DataFrame) -> list[str]:
    """The lines of Java that Spark writes for a plan; what holds the time of now in them would be compiled with each batch."""
    jvm, plan = frame.sparkSession._jvm, frame._jdf.queryExecution().executedPlan()
    debug = getattr(getattr(jvm.org.apache.spark.sql.execution.debug, "package$"), "MODULE$")
    return [line for line in str(debug.codegenString(plan)).splitlines() if line.startswith("/*")]
