"""The slow verdict through stream, backfill and push: the rows of the laptop, with the onset as a time in UTC."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

import ad_stream
from ad_stream.monitoring.verify_incidents import verify
from ad_stream.pipeline.backfill import backfill
from ad_stream.tables.reader import read_rows
from tests.support.streaming import KEY, T0, Stream, iso, message

LENGTH = 560
SLOW = ["slow_score", "slow_is_anomaly", "slow_reason", "slow_onset"]


def values() -> dict[str, np.ndarray]:
    """A ramp of nine sizes, a value that stops, noise, and a device that reports every second minute and drifts."""
    noise = np.random.default_rng(8).normal(20, 1, size=(4, LENGTH))
    noise[0] += 9 * np.clip((np.arange(LENGTH) - 420) / 90, 0, 1)
    noise[1, 500:530] = noise[1, 500]
    noise[3] += 9 * np.clip((np.arange(LENGTH) - 400) / 120, 0, 1)
    noise[3, 1::2] = np.nan
    return dict(zip(("drifts", "stuck", "calm", "seldom"), noise, strict=True))


@pytest.fixture(scope="module")
def stream(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Stream:
    telemetry = {"event_time": "time", "signals": ["t"]}
    made = Stream(spark, tmp_path_factory.mktemp("slow"), {"telemetry": telemetry, "incidents": {"enabled": True}})
    sent = [
        message({"t": float(value), "time": iso(minute, 5)}, minute, 6, device=device)
        for device, row in values().items()
        for minute, value in enumerate(row)
        if not np.isnan(value)
    ]
    sent.sort(key=lambda one: one.enqueued)
    made.write(sent[:1200], sent[1200:])
    made.run(source={"files_per_trigger": 1})
    return made


def laptop() -> pd.DataFrame:
    frames = [
        pd.DataFrame({"device": name, "timestamp": pd.date_range(T0, periods=LENGTH, freq="min"), "value": row})
        for name, row in values().items()
    ]
    rows = pd.concat(frames).dropna()
    return ad_stream.detect(rows, step="1min").sort_values(["device", "timestamp"], ignore_index=True)


def test_the_stream_gives_the_rows_of_the_laptop_and_a_backfill_changes_none(stream: Stream) -> None:
    stored = stream.table("detections", *KEY)
    wanted = laptop()
    assert list(stored.device_id) == list(wanted.device)
    for name in SLOW:
        one, other = stored[name], wanted[name]
        if name == "slow_onset":
            one, other = (pd.to_datetime(column, utc=True).astype("datetime64[us, UTC]") for column in (one, other))
        pd.testing.assert_series_equal(one, other, check_dtype=False, check_names=False, rtol=1e-9)
    flags = {name: set(rows.slow_reason[rows.slow_is_anomaly]) for name, rows in stored.groupby("device_id")}
    assert flags == {"drifts": {"drift"}, "stuck": {"stuck"}, "calm": set(), "seldom": {"drift"}}
    summary = backfill(stream.config(), start=T0, end=T0.replace(day=2), spark=stream.spark)
    assert (summary.minutes_judged, summary.verdicts_revised) == (len(stored), 0)


def test_the_onset_is_a_start_of_a_window_near_the_beginning_of_the_fault(stream: Stream) -> None:
    stored = read_rows(stream.folder / "tables", "detections")
    begun = stored[stored.slow_is_anomaly.eq(True)].groupby("device_id").slow_onset.median()
    minutes = {name: (at - pd.Timestamp(T0)).total_seconds() / 60 for name, at in begun.items()}
    assert minutes["stuck"] == 500
    assert abs(minutes["drifts"] - 420) < 25 and abs(minutes["seldom"] - 400) < 60


def test_the_ledger_counts_them_apart(stream: Stream) -> None:
    stored: Any = stream.table("detections")
    assert stream.table("batches").slow_anomalies.sum() == stored.slow_is_anomaly.sum() > 30


def test_a_drift_and_a_stuck_value_are_incidents_that_say_so(stream: Stream) -> None:
    rows = stream.table("incident_events")
    opened = rows[rows.event == "opened"]
    said = set(zip(opened.device_id, opened.reason, strict=True))
    assert {("drifts", "drift"), ("stuck", "stuck"), ("seldom", "drift")} <= said
    assert verify(stream.folder / "tables", stream.config()).differences == 0
