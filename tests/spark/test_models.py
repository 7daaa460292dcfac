"""Profiles through Spark: trained from stored windows in one commit, pinned by the batch, refused where their bytes are wrong."""

from __future__ import annotations

import json
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import ad_stream
from ad_stream.config import Detection
from ad_stream.errors import InputError
from ad_stream.model import DetectorSpec
from ad_stream.models.kinds import KINDS
from ad_stream.models.stored import activate as activate_without_spark
from ad_stream.models.stored import live_model, live_profiles, versions
from ad_stream.pipeline.backfill import backfill
from ad_stream.pipeline.steps.history import pack
from ad_stream.pipeline.steps.scoring import score
from ad_stream.pipeline.store.learned import LiveModels
from ad_stream.pipeline.train import Training, activate, train_series
from ad_stream.scoring.verdicts import Scorer
from tests.support.streaming import KEY, T0, Stream, iso, message

BEFORE, NOW = KINDS["profile"].enough + 200, 15
DEVICES = ("wild", "calm", "young")


def values() -> np.ndarray:
    """(device, minutes): days before T0 and some minutes after it, with a jump at the third of them."""
    rng = np.random.default_rng(12)
    rows = rng.normal(20, 1, size=(3, BEFORE + NOW))
    jumps = rng.random(BEFORE) < 0.01
    rows[0, :BEFORE][jumps] += rng.normal(0, 8, size=int(jumps.sum()))
    rows[2, : BEFORE - 400] = np.nan
    rows[:, BEFORE + 2] += 5.5
    return rows


def frame() -> pd.DataFrame:
    times = pd.date_range(T0 - timedelta(minutes=BEFORE), periods=BEFORE + NOW, freq="min")
    parts = [
        pd.DataFrame({"device": one, "minute": times, "value": row}) for one, row in zip(DEVICES, values(), strict=True)
    ]
    return pd.concat(parts, ignore_index=True).dropna()


@pytest.fixture(scope="module")
def trained(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Stream, Training]:
    """Days of stored windows, a profile learned from them, then a stream that goes on."""
    stream = Stream(spark, tmp_path_factory.mktemp("models"), {"telemetry": {"event_time": "time", "signals": ["t"]}})
    stored = frame().query("minute < @T0")
    seconds = (stored.minute - pd.Timestamp(0, tz="UTC")) // pd.Timedelta("1s")
    rows = spark.createDataFrame(stored[["device", "value"]].assign(at=seconds))
    tables = stream.tables()
    tables.create()
    written = rows.select(
        F.col("device").alias("device_id"), F.lit("t").alias("signal"), F.timestamp_seconds("at").alias("minute"),
        F.lit(0).alias("revision"), "value", F.lit(1).cast("long").alias("n"),
        *[F.col("value").alias(name) for name in ("min", "max", "mean")],
    )  # fmt: skip
    tables.append("minutes", written, query_id="earlier", batch_id=0, count=len(stored))
    done = train_series(stream.config(), "profile", days=30, spark=spark)
    sent = [
        message({"t": float(row[BEFORE + minute]), "time": iso(minute, 5)}, minute, 6, device=device)
        for minute in range(NOW)
        for device, row in zip(DEVICES, values(), strict=True)
    ]
    stream.write(sent).run()
    return stream, done


def test_a_training_learns_all_series_with_enough_history_and_is_live_at_once(trained: tuple[Stream, Training]) -> None:
    stream, done = trained
    assert (done.name, done.version, done.state) == ("profile", 1, "live")
    assert (done.series, done.learned, done.too_short, done.failed) == (3, 2, 1, 0)
    assert done.rows == 2 * BEFORE + 400
    known = live_profiles(stream.folder / "tables")
    assert known is not None and known.label == "profile@1" and set(known.numbers) == {("wild", "t"), ("calm", "t")}
    assert known.numbers["wild", "t"][0] > known.numbers["calm", "t"][0] + 0.5
    stored = stream.table("models")
    assert set(stored.state) == {"live"} and stored.model_id.nunique() == len(stored)
    assert sum(json.loads(one)["learned"] for one in stored.figures) == 2
    assert versions(stream.folder / "tables")[0]["version"] == 1


def test_the_stream_names_the_model_and_gives_the_rows_of_the_laptop(trained: tuple[Stream, Training]) -> None:
    stream, _ = trained
    stored = stream.table("detections", *KEY)
    models = stored.groupby("device_id").model.agg(lambda column: column.iloc[0])
    assert models.to_dict() == {"calm": "profile@1", "wild": "profile@1", "young": None}
    known = live_profiles(stream.folder / "tables")
    rows = frame().rename(columns={"minute": "timestamp"})
    wanted = ad_stream.detect(rows, profiles=known, signal="t", step="1min")
    wanted = wanted[wanted.timestamp >= pd.Timestamp(T0)].sort_values(["device", "timestamp"], ignore_index=True)
    np.testing.assert_allclose(stored.score, wanted.score, rtol=1e-9)
    assert stored.is_anomaly.tolist() == wanted.is_anomaly.tolist()
    jump = stored[stored.minute == (T0 + timedelta(minutes=2)).replace(tzinfo=None)].set_index("device_id")
    assert jump.is_anomaly["calm"] and not jump.is_anomaly["wild"]
    summary = backfill(stream.config(), start=T0, end=T0.replace(hour=1), spark=stream.spark)
    assert (summary.minutes_judged, summary.verdicts_revised) == (3 * NOW, 0)


def test_a_batch_that_was_begun_keeps_its_version_and_a_spoilt_one_is_refused_for_the_one_before(
    trained: tuple[Stream, Training], caplog: pytest.LogCaptureFixture
) -> None:
    stream, _ = trained
    tables = stream.tables()
    pinned, scorer = tables.version("models"), Scorer.of(stream.config().detection)
    note = json.loads(next(one["userMetadata"] for one in tables.history("minutes", 5) if one["userMetadata"]))
    assert note["models"] == pinned
    second = train_series(stream.config(), "profile", days=30, spark=stream.spark, live=False)
    assert (second.version, second.state) == (2, "candidate")
    assert LiveModels().of_batch(tables, {}, scorer).labels["profile"] == "profile@1"
    activate(tables, "profile", 2)
    assert LiveModels().of_batch(tables, {}, scorer).labels["profile"] == "profile@2"
    activate_without_spark(stream.folder / "tables", "profile", 1)
    assert LiveModels().of_batch(tables, {}, scorer).labels["profile"] == "profile@1"
    activate_without_spark(stream.folder / "tables", "profile", 2)
    assert LiveModels().of_batch(tables, {}, scorer).labels["profile"] == "profile@2"
    assert LiveModels().of_batch(tables, {"models": pinned}, scorer).labels["profile"] == "profile@1"
    tables.spark.sql(f"UPDATE {tables.name('models')} SET blob = X'00ff' WHERE version = 2")
    assert LiveModels().of_batch(tables, {}, scorer).labels["profile"] == "profile@1"
    assert "the model profile@2 is refused" in caplog.text
    activate(tables, "profile", None)
    assert LiveModels().of_batch(tables, {}, scorer) is None
    with pytest.raises(InputError, match="there is no model profile@9"):
        activate(tables, "profile", 9)


def test_a_season_is_trained_pinned_and_used_by_the_detector_that_asks_for_it_alone(
    trained: tuple[Stream, Training],
) -> None:
    stream, _ = trained
    tables, plain = stream.tables(), Scorer.of(stream.config().detection)
    wants, earlier, live = (
        Scorer.of(Detection(detector=DetectorSpec("seasonal"))),
        tables.version("models"),
        LiveModels(),
    )
    done = train_series(stream.config(), "seasonal", days=30, spark=stream.spark, options={"holidays": [19_999]})
    assert (done.version, done.state, done.learned, done.too_short) == (1, "live", 2, 1)
    learned = live.of_batch(tables, {}, wants)
    assert learned is not None and learned.labels == {"seasonal": "seasonal@1"}
    assert live.of_batch(tables, {"models": earlier}, wants) is None
    others = live.of_batch(tables, {}, plain)
    assert others is None or others.labels.keys() == {"profile"}
    known = live_model(stream.folder / "tables", "seasonal")
    assert known is not None and set(known.numbers) == {("wild", "t"), ("calm", "t")}
    minutes = tables.read("minutes").withColumn("flagged", F.lit(None).cast("timestamp"))
    before, now = minutes.where(F.col("minute") < F.lit(T0)), minutes.where(F.col("minute") >= F.lit(T0))
    judged = score(now, pack(before), wants, learned=learned).toPandas()
    judged = judged.sort_values(["device_id", "step"], ignore_index=True)
    models = judged.groupby("device_id").model.agg(lambda column: column.iloc[0])
    assert models.to_dict() == {"calm": "seasonal@1", "wild": "seasonal@1", "young": None}
    rows = frame().rename(columns={"minute": "timestamp"})
    wanted = ad_stream.detect(rows, detector="seasonal", profiles=known, signal="t", step="1min")
    wanted = wanted[wanted.timestamp >= pd.Timestamp(T0)].sort_values(["device", "timestamp"], ignore_index=True)
    np.testing.assert_allclose(judged.score, wanted.score, rtol=1e-9)
