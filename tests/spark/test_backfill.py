"""Backfill beside the stream: its own revisions where something differs, never twice, the stream's rows untouched."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from pyspark.sql import SparkSession

from ad_stream.errors import InputError
from ad_stream.pipeline.backfill import backfill
from ad_stream.tables import views
from tests.support.streaming import KEY, T0, Stream, iso, message, moment

RANGE: dict[str, Any] = {"start": T0, "end": T0 + timedelta(hours=2)}
MINUTES = 50


@pytest.fixture(scope="module")
def stream(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Stream:
    sections = {"telemetry": {"event_time": "time"}, "detection": {"points": 40}}
    made = Stream(spark, tmp_path_factory.mktemp("backfill"), sections)
    sent = [message({"t": (k * 37) % 11, "time": iso(k, 10)}, k) for k in range(MINUTES)]
    sent += [message({"t": 70 + k, "time": iso(5, k)}, 20, k, device="only_late") for k in (1, 2)]
    sent += [message({"t": 500, "time": iso(44, 20)}, 49, 40)]
    made.write(sorted(sent, key=lambda one: one.enqueued))
    made.run()
    return made


def _revisions(frame: pd.DataFrame, revision: int) -> pd.DataFrame:
    chosen = frame[frame.revision == revision]
    return chosen.sort_values(KEY).reset_index(drop=True)


def test_revisions_are_written_where_something_differs_and_only_there(stream: Stream) -> None:
    before = stream.table("detections")
    first = backfill(stream.config(), **RANGE, spark=stream.spark)
    assert (first.minutes_judged, first.minutes_revised) == (MINUTES + 1, 2)
    assert first.alarms_gained >= 1
    assert first.late_folded == 3
    minutes = _revisions(stream.table("minutes"), 1)
    assert list(zip(minutes.device_id, minutes.value, minutes.n, strict=True)) == [
        ("d1", 500.0, 2),
        ("only_late", 72.0, 2),
    ]
    verdicts = _revisions(stream.table("detections"), 1)
    # The late spike changes its own minute and those whose window holds it, none before it.
    assert verdicts[verdicts.device_id == "d1"].minute.min() == pd.Timestamp(iso(44)).tz_localize(None)
    assert set(verdicts[verdicts.device_id == "only_late"].status) == {"warming_up"}

    again = backfill(stream.config(), **RANGE, spark=stream.spark)
    assert (again.minutes_revised, again.verdicts_revised) == (0, 0)

    other = stream.config(detection={"sensitivity": 60})
    stricter = backfill(other, **RANGE, spark=stream.spark)
    assert (stricter.minutes_revised, stricter.verdicts_revised) == (0, MINUTES + 1)
    after = stream.table("detections")
    assert set(after[after.config_version == other.version()].revision) == {1, 2}
    assert backfill(other, **RANGE, spark=stream.spark).verdicts_revised == 0
    pd.testing.assert_frame_equal(_revisions(before, 0), _revisions(stream.table("detections"), 0))

    for statement in views.statements(other.tables, replace=True):
        stream.spark.sql(statement)
    latest = stream.spark.table("detections_latest").toPandas()
    assert not latest.duplicated(KEY).any() and len(latest) == MINUTES + 1
    assert set(latest.config_version) == {other.version()}


def test_a_range_between_minutes_judges_the_whole_minutes_in_it(stream: Stream) -> None:
    found = backfill(stream.config(), start=moment(43, 30), end=moment(44, 10), spark=stream.spark)
    assert found.minutes_judged == 1


def test_a_range_without_minutes_or_turned_round_is_refused_with_the_way_out(stream: Stream) -> None:
    with pytest.raises(InputError, match=r"no windows are stored from 2026-11-03 00:00 to .*: see 'ad-stream status'"):
        backfill(stream.config(), start=moment(2880), end=moment(2940), spark=stream.spark)
    with pytest.raises(InputError, match="is not before --to .*: swap them"):
        backfill(stream.config(), start=moment(10), end=moment(10), spark=stream.spark)
