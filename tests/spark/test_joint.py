"""Joint detection through Spark: trained from stored windows, judged in the stream's batches, the same after whatever happened."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

import ad_stream
from ad_stream.config import load
from ad_stream.errors import InputError
from ad_stream.monitoring.verify_incidents import verify
from ad_stream.pipeline import detect_joint
from ad_stream.pipeline.backfill import backfill
from ad_stream.pipeline.run import run
from ad_stream.pipeline.train import Training
from ad_stream.pipeline.train_joint import train_joint
from ad_stream.tables.joint import CONTRIBUTOR
from tests.conftest import SHORT_RUN
from tests.faults.test_kill import killed
from tests.support.joint_devices import pump
from tests.support.streaming import KEY, T0, Stream, iso, message

SIGNALS = ("flow", "power", "speed")
BEFORE, NOW, FILES = 2200, 60, 2
FAULT = slice(25, 45)
"""Minutes in which the power of pump-0 is off its relation, well inside its own range."""
SECTIONS: dict[str, Any] = {
    "source": {"files_per_trigger": 1}, "telemetry": {"event_time": "time", "signals": list(SIGNALS)},
    "detection": {"detector": "differences", "points": 40, "compare": ["sr_cnn", {"name": "ar", "order": 4}]},
    "incidents": {"enabled": True},
    "joint": {"enabled": True, "ignore": ["noise*"]},
}  # fmt: skip
NAMED = ["query_id", "batch_id"]


def values() -> np.ndarray:
    """(device, signal, minute)."""
    rows = np.stack([pump(seed, BEFORE + NOW, len(SIGNALS)) for seed in (3, 4, 5)])
    rows[0, 1, BEFORE + FAULT.start : BEFORE + FAULT.stop] += 7.0
    return rows


def frame(first: int = 0) -> pd.DataFrame:
    rows = values()[..., first:]
    times = pd.date_range(T0 + timedelta(minutes=first - BEFORE), periods=rows.shape[-1], freq="min")
    parts = [
        pd.DataFrame({"device": f"pump-{one}", "signal": signal, "timestamp": times, "value": row})
        for one, signals in enumerate(rows)
        for signal, row in zip(SIGNALS, signals, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def write_before(stream: Stream) -> None:
    """The days before T0 as stored windows; pump-2 has an hour of them only."""
    stored = frame()
    young = (stored.device == "pump-2") & (stored.timestamp < T0 - timedelta(hours=1))
    stored = stored[(stored.timestamp < T0) & ~young]
    seconds = (stored.timestamp - pd.Timestamp(0, tz="UTC")) // pd.Timedelta("1s")
    rows = stream.spark.createDataFrame(stored[["device", "signal", "value"]].assign(at=seconds))
    tables = stream.tables()
    tables.create()
    written = rows.select(
        F.col("device").alias("device_id"), "signal", F.timestamp_seconds("at").alias("minute"), F.lit(0).alias("revision"),
        "value", F.lit(1).cast("long").alias("n"), *[F.col("value").alias(name) for name in ("min", "max", "mean")],
    )  # fmt: skip
    tables.append("minutes", written, query_id="earlier", batch_id=0, count=len(stored))


def messages() -> list[list[Any]]:
    rows = values()
    out: list[list[Any]] = [[] for _ in range(FILES)]
    for minute in range(NOW):
        for device in range(3):
            body = dict(zip(SIGNALS, rows[device, :, BEFORE + minute].tolist(), strict=True)) | {"time": iso(minute, 5)}
            out[minute * FILES // NOW].append(message(body, minute, 6, device=f"pump-{device}"))
    return out


@pytest.fixture(scope="module")
def trained(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Stream, Training]:
    stream = Stream(spark, tmp_path_factory.mktemp("joint"), SECTIONS)
    write_before(stream)
    done = train_joint(stream.config(), spark=spark)
    shutil.copytree(stream.folder / "tables", stream.folder / "before")
    stream.write(*messages()).run()
    return stream, done


def rows_of(stream: Stream) -> pd.DataFrame:
    return stream.table("joint_detections", "device_id", "minute").drop(columns=NAMED)


def assert_same(found: pd.DataFrame, wanted: pd.DataFrame) -> None:
    assert len(found) == len(wanted)
    for name in wanted.columns:
        if name == "contributors":
            for one, other in zip(found[name], wanted[name], strict=True):
                assert (one is None) == (other is None)
                for a, b in zip(one if one is not None else (), other if other is not None else (), strict=True):
                    assert a["signal"] == b["signal"]
                    np.testing.assert_allclose(
                        [a[f] for f in CONTRIBUTOR[1:]], [b[f] for f in CONTRIBUTOR[1:]], rtol=1e-6
                    )
        elif wanted[name].dtype.kind == "f":
            np.testing.assert_allclose(found[name], wanted[name], rtol=1e-6, atol=1e-9, err_msg=name)
        else:
            pd.testing.assert_series_equal(found[name], wanted[name], obj=name)


def test_a_training_makes_a_model_of_each_device_with_a_day_of_windows(trained: tuple[Stream, Training]) -> None:
    stream, done = trained
    assert (done.name, done.version, done.state, done.learned, done.too_short) == ("joint", 1, "live", 2, 1)
    stored = stream.table("models", "device_id")
    assert stored.model_id.nunique() == 3 and list(stored.blob.notna()) == [True, True, False]
    assert list(stored.signals[0]) == list(SIGNALS) and "60 windows" in stored.reason[2]
    assert 0 <= json.loads(stored.figures[0])["flags_a_day"] <= 2


def test_the_stream_flags_what_is_odd_in_the_relation_alone_and_names_the_signal(
    trained: tuple[Stream, Training],
) -> None:
    stream, _ = trained
    rows = rows_of(stream)
    assert len(rows) == 2 * NOW and set(rows.model) == {"joint@1"} and set(rows.revision) == {0}
    flagged = rows[rows.is_anomaly]
    assert set(flagged.device_id) == {"pump-0"}
    minutes = ((flagged.minute - pd.Timestamp(T0).tz_localize(None)) // pd.Timedelta("1min")).tolist()
    assert minutes[0] == FAULT.start and max(minutes) < FAULT.stop + 10
    first = flagged.iloc[0]
    assert first.contributors[0]["signal"] == "power" and first.reason in ("relation", "joint")
    assert first.contributors[0]["value"] == pytest.approx(values()[0, 1, BEFORE + FAULT.start])
    counted = stream.table("batches")
    assert counted.joint_scored.sum() == 2 * NOW and counted.joint_anomalies.sum() == len(flagged)


def compared_of(stream: Stream) -> pd.DataFrame:
    return stream.table("comparisons", "device_id", "signal", "minute", "detector").drop(columns=NAMED)


def test_further_detectors_judge_the_same_windows_into_a_table_of_their_own(trained: tuple[Stream, Training]) -> None:
    stream, _ = trained
    rows = compared_of(stream)
    assert len(rows) == 2 * len(stream.table("detections")) == 2 * 3 * 3 * NOW
    assert set(stream.table("detections").detector) == {"differences"}
    first = frame().query("device != 'pump-2'")
    further: list[tuple[str, dict[str, Any]]] = [("sr_cnn", {}), ("ar", {"order": 4})]
    for detector, options in further:
        wanted = ad_stream.detect(first, device=["device", "signal"], detector=detector, step="1min", **options)
        wanted = wanted[wanted.timestamp >= T0].sort_values(["device", "signal", "timestamp"], ignore_index=True)
        found = rows[(rows.detector == detector) & (rows.device_id != "pump-2")].reset_index(drop=True)
        assert list(found.device_id) == list(wanted.device) and set(found.status) == {"scored"}
        np.testing.assert_allclose(found.score, wanted.score, rtol=1e-6)
        assert list(found.is_anomaly) == list(wanted.is_anomaly) and list(found.reason) == list(wanted.reason)
    opened = stream.table("incident_events", "minute", "seq").query("event == 'opened'")
    assert len(opened) == 1 and rows.is_anomaly.any(), "they open no incident"


def test_a_joint_alarm_and_the_alarms_of_its_signals_are_one_incident(trained: tuple[Stream, Training]) -> None:
    stream, _ = trained
    events = stream.table("incident_events", "minute", "seq")
    opened = events[(events.event == "opened") & (events.device_id == "pump-0")]
    assert len(opened) == 1 and events[events.device_id == "pump-0"].incident_id.nunique() == 1
    assert events.signal.isna().any(), "no row of an incident is of the device as a whole"
    checked = verify(stream.folder / "tables", stream.config())
    assert checked.stored and checked.differences == 0


def test_the_spark_door_and_a_backfill_give_the_rows_of_the_stream(trained: tuple[Stream, Training]) -> None:
    stream, _ = trained
    wanted = rows_of(stream)
    readings = frame().assign(at=lambda rows: (rows.timestamp - pd.Timestamp(0, tz="UTC")) // pd.Timedelta("1s"))
    given = stream.spark.createDataFrame(readings[["device", "signal", "value", "at"]])
    given = given.withColumn("timestamp", F.timestamp_seconds("at"))
    options = {"detector": "differences", "points": 40}
    door = detect_joint(given, stream.tables().read("models"), **options)
    found = door.where(F.col("minute") >= F.lit(T0)).toPandas().sort_values(["device_id", "minute"], ignore_index=True)
    assert_same(found, wanted[list(found.columns)])
    summary = backfill(stream.config(), start=T0, end=T0.replace(hour=1), spark=stream.spark)
    assert (summary.minutes_judged, summary.joint_revised) == (3 * 3 * NOW, 0)
    with pytest.raises(InputError, match="no live version of joint"):
        detect_joint(given, stream.tables().read("models").limit(0))


def test_after_a_lost_checkpoint_nothing_is_lost_doubled_or_different(trained: tuple[Stream, Training]) -> None:
    stream, _ = trained
    wanted, events = rows_of(stream), stream.table("incident_events", "minute", "seq")
    compared = compared_of(stream)
    shutil.rmtree(stream.folder / "checkpoint")
    stream.run()
    assert_same(rows_of(stream), wanted)
    assert_same(compared_of(stream), compared)
    assert len(stream.table("incident_events")) == len(events)


@pytest.mark.soak
def test_killed_between_joint_verdicts_and_the_others_it_goes_on_as_if_nothing_had_happened(
    trained: tuple[Stream, Training],
) -> None:
    stream, _ = trained
    folder = stream.folder / "killed"
    folder.mkdir()
    shutil.copytree(stream.folder / "before", folder / "tables")
    content = {
        **SECTIONS, "source": {"kind": "files", "path": f"{stream.folder}/in/*.jsonl", "files_per_trigger": 1},
        "tables": {"path": str(folder / "tables")}, "checkpoint": str(folder / "checkpoint"), "trigger": "available_now",
        "spark": {"spark.driver.extraJavaOptions": SHORT_RUN},
    }  # fmt: skip
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(content))
    assert killed(path, "detections", "before") > 0  # its joint verdicts are written, the others are not
    run(load(path), spark=stream.spark)
    found = DeltaTable(str(folder / "tables" / "joint_detections")).to_pandas().drop(columns=NAMED)
    found = found.assign(minute=found.minute.dt.tz_localize(None)).sort_values(
        ["device_id", "minute"], ignore_index=True
    )
    wanted = rows_of(stream)
    compared = DeltaTable(str(folder / "tables" / "comparisons")).to_pandas()
    assert len(compared) == len(compared_of(stream)) == len(compared.drop_duplicates([*KEY, "detector"]))
    assert_same(found.astype(wanted.dtypes.drop("contributors").to_dict()), wanted)


def test_one_batch_gives_the_rows_of_several(trained: tuple[Stream, Training]) -> None:
    stream, _ = trained
    other = Stream(stream.spark, stream.folder / "other", {**SECTIONS, "source": {"files_per_trigger": 99}})
    shutil.copytree(stream.folder / "before", other.folder / "tables")
    other.write(*messages()).run()
    assert_same(rows_of(other), rows_of(stream))
    assert_same(compared_of(other), compared_of(stream))
