"""One stream with devices of every cadence: judged as on the laptop, the same again in a backfill, none without a word."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

import ad_stream
from ad_stream.pipeline.backfill import backfill
from ad_stream.pipeline.steps.history import rebuild, series_id
from ad_stream.scoring.depth import Depth
from ad_stream.scoring.verdicts import Scorer
from tests.support.cadences import share_found, telemetry
from tests.support.streaming import KEY, T0, Stream, iso, message

CADENCES = {1: 200, 2: 220, 5: 240, 10: 240, 30: 100, 60: 56, 360: 10}
"""Minutes from reading to reading -> readings; the last too seldom for a verdict."""


def fleet() -> dict[str, pd.DataFrame]:
    """Rows of each device, with jitter and missing readings, from T0 on."""
    made = {
        f"every-{minutes}": telemetry(
            60 * minutes, seed=3, jitter=0.2, missing=0.1, readings=count, start=f"{T0:%Y-%m-%dT%H:%MZ}"
        ).rows
        for minutes, count in CADENCES.items()
    }
    made["changes"] = telemetry(60, seed=4, changes_to=300, readings=240, start=f"{T0:%Y-%m-%dT%H:%MZ}").rows
    for device, values in kinds().items():
        at = pd.date_range(T0, periods=len(values), freq="min")
        made[device] = pd.DataFrame({"timestamp": at, "value": values, "n": np.arange(len(values))})
    return made


def kinds() -> dict[str, np.ndarray]:
    """A counter that begins anew at reading 150 and stands still from 180 to 189, and a state that stays in 2 from 200 on."""
    rng = np.random.default_rng(5)
    made = rng.poisson(100, 240)
    made[180:190] = 0
    parts = made.cumsum().astype(float)
    parts[150:] -= parts[149]
    mode = np.repeat(np.tile([0.0, 2.0, 1.0], 14), 5)
    return {"parts": parts, "mode": np.concatenate([mode[:200], np.full(40, 2.0)])}


@pytest.fixture(scope="module")
def stream(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Stream:
    sections = {"telemetry": {"event_time": "time", "signals": ["t"]}, "detection": {"kind": "auto"}}
    made = Stream(spark, tmp_path_factory.mktemp("cadences"), sections)
    sent = []
    for device, rows in fleet().items():
        for at, value in zip(rows.timestamp, rows.value, strict=True):
            minute = int((at - pd.Timestamp(T0)).total_seconds()) // 60
            sent.append(message({"t": value, "time": iso(minute, 3)}, minute, 4, device=device))
    sent.sort(key=lambda one: one.enqueued)
    third = len(sent) // 3
    made.write(sent[:third], sent[third : 2 * third], sent[2 * third :]).run(source={"files_per_trigger": 1})
    return made


def laptop() -> pd.DataFrame:
    rows = pd.concat([rows.assign(device=device) for device, rows in fleet().items()], ignore_index=True)
    answers = ad_stream.detect(rows[["device", "timestamp", "value"]], step="1min", kind="auto").assign(n=rows.n)
    return answers.sort_values(["device", "timestamp"], ignore_index=True)


def test_stream_laptop_and_backfill_agree_at_every_cadence(stream: Stream) -> None:
    stored, wanted = stream.table("detections", *KEY), laptop()
    assert list(stored.device_id) == list(wanted.device)
    assert stored.reason.tolist() == wanted.reason.tolist() and stored.is_anomaly.tolist() == wanted.is_anomaly.tolist()
    np.testing.assert_allclose(stored.score, wanted.score, rtol=1e-9)
    summary = backfill(stream.config(), start=T0, end=T0.replace(day=4), spark=stream.spark)
    assert (summary.minutes_judged, summary.verdicts_revised) == (len(stored), 0)


def test_each_device_is_judged_from_its_thirtieth_reading_and_one_too_slow_says_why_it_is_not(stream: Stream) -> None:
    stored = stream.table("detections", *KEY).assign(n=laptop().n)
    for device, rows in stored[~stored.device_id.isin(kinds())].groupby("device_id"):
        place = np.arange(len(rows))
        if device == "every-360":
            assert set(rows.status) == {"warming_up"} and set(rows.reason[2:]) <= {"too_seldom"}
        else:
            assert (rows.status[place >= 33] == "scored").all() and (rows.status[place < 28] == "warming_up").all()
    flagged = stored[stored.is_anomaly].rename(columns={"device_id": "device"})
    assert share_found(flagged[flagged.device.isin(["every-2", "every-5", "changes"])], [200], 3) == 1.0


def test_a_counter_is_judged_by_its_rate_and_a_state_by_its_stays(stream: Stream) -> None:
    stored = stream.table("detections", *KEY)
    flagged = {
        device: np.flatnonzero(stored.loc[stored.device_id == device, "is_anomaly"].to_numpy()) for device in kinds()
    }
    assert 150 not in flagged["parts"] and set(flagged["parts"]) & set(range(180, 191))
    assert flagged["mode"].size and flagged["mode"].min() > 205


def held(stream: Stream) -> pd.DataFrame:
    """device_id, minute of all that `history` holds."""
    series = stream.tables().read("minutes").select(series_id().alias("id"), "device_id").distinct()
    device = {row["id"]: row["device_id"] for row in series.collect()}
    rows = [(device[one], minute) for minute, ids in stream.table("history")[["minute", "ids"]].values for one in ids]
    return pd.DataFrame(sorted(rows), columns=["device_id", "minute"])


def test_history_keeps_of_what_is_long_ago_slow_series_only_and_is_made_anew_alike(stream: Stream) -> None:
    """And the verdicts above rest on it."""
    tables, depth = stream.tables(), Depth.of(Scorer.of(stream.config().detection))
    kept = held(stream)
    early = kept[kept.minute < kept.minute.min() + pd.Timedelta(hours=1)]
    # Read every minute for two hours, it came too often to be kept; jitter and missing readings leave "every-1" below that.
    assert {"every-1", "every-2", "every-5", "every-10", "every-30"} <= set(early.device_id)
    assert "changes" not in set(early.device_id)
    tables.overwrite("history", tables.read("history").limit(0))
    rebuild(tables, depth)
    anew, newest = held(stream), kept.minute.max()
    thin_to = pd.Timestamp(depth.whole_from(newest.to_pydatetime())) - pd.Timedelta(hours=6)
    assert len(anew) > 500
    long_ago = [rows[rows.minute < thin_to].reset_index(drop=True) for rows in (kept, anew)]
    pd.testing.assert_frame_equal(*long_ago)
