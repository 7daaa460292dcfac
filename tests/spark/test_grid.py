"""The same fleet in windows of 10 seconds, 5 minutes and 1 hour: stream, backfill, detect and what-if against pandas."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import SparkSession

from ad_stream.detectors import by_name
from ad_stream.errors import ConfigError, InputError
from ad_stream.grid import Grid
from ad_stream.model import LastPoint
from ad_stream.monitoring.status import status
from ad_stream.pipeline import detect
from ad_stream.pipeline.backfill import backfill
from ad_stream.pipeline.run import run
from ad_stream.scoring.verdicts import Scorer
from ad_stream.series_config.rows import no_rules
from ad_stream.simulate.envelope import Message, epoch_ms, heartbeat
from ad_stream.tables.reader import grid_of, read_detections
from ad_stream.whatif.rescore import rescore
from ad_stream.whatif.run import whatif
from tests.oracles.windows import SERIES, verdicts, windows
from tests.support.streaming import KEY, T0, Stream, config_of

DETECTION = {"detector": "spectral_residual", "points": 32, "max_gap": 2, "refractory": "2 hours"}
WINDOWS, WATERMARK = 48, timedelta(seconds=30)
SPIKES = {36: 40.0, 37: 40.0, 44: -30.0}
COLUMNS = [name for name in LastPoint.columns() if name != "detector"]


@dataclass
class Fleet:
    """What was sent, and the stream that read it in three batches."""

    every: timedelta
    stream: Stream
    in_time: pd.DataFrame
    late: pd.DataFrame

    @property
    def grid(self) -> Grid:
        return Grid.of(self.every)

    @property
    def range(self) -> dict[str, Any]:
        return {"start": T0, "end": T0 + (WINDOWS + 5) * self.every}

    def expected(self, readings: pd.DataFrame) -> pd.DataFrame:
        """The oracle's verdicts."""
        detector = by_name(str(DETECTION["detector"]), points=DETECTION["points"], max_gap=DETECTION["max_gap"])
        near = timedelta(hours=2)
        return verdicts(windows(readings, self.every), self.every, detector, near)


def _readings(every: timedelta) -> pd.DataFrame:
    """Three readings a window of two devices and two signals, out of order within the watermark, with gaps and spikes."""
    rng = np.random.default_rng(7)
    rows = []
    for number in range(WINDOWS):
        for device in ("pump", "fan"):
            if device == "fan" and number % 11 in (3, 4):
                continue
            for part in sorted(rng.uniform(0, 1, 3)):
                time = T0 + (number + part) * every
                time = time.replace(microsecond=time.microsecond // 1000 * 1000)
                spike = SPIKES.get(number, 0.0) if device == "pump" else 0.0
                delay = timedelta(seconds=float(rng.uniform(0, 20)))
                values = {"t": 20 + rng.normal() + spike, "h": 50 + 3 * rng.normal()}
                rows += [(device, signal, time, value, time + delay) for signal, value in values.items()]
    return pd.DataFrame(rows, columns=[*SERIES, "time", "value", "enqueued"])


def _messages(readings: pd.DataFrame) -> list[Message]:
    import json

    rows = []
    device: Any
    time: Any
    for (device, time), one in readings.groupby(["device_id", "time"], sort=False):
        body = dict(zip(one["signal"], one["value"], strict=True))
        body["time"] = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        enqueued = epoch_ms(one["enqueued"].iloc[0].to_pydatetime())
        rows.append(Message(enqueued, json.dumps(body).encode(), device, f"{device}-{time.value}-{enqueued}", 0))
    return sorted(rows, key=lambda one: one.enqueued)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("10 seconds", marks=pytest.mark.soak),
        "5 minutes",
        pytest.param("1 hour", marks=pytest.mark.soak),
    ],
)
def fleet(request: pytest.FixtureRequest, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    sections = {
        "source": {"files_per_trigger": 1},
        "telemetry": {"event_time": "time"},
        "minutes": {"every": request.param, "watermark": "30 seconds"},
        "detection": DETECTION,
    }
    stream = Stream(spark, tmp_path_factory.mktemp("grid"), sections)
    every = stream.config().minutes.every
    in_time = _readings(every)
    closed = T0 + 21 * every + WATERMARK
    late = pd.DataFrame(
        [("pump", "t", pd.Timestamp(T0 + 20.5 * every), 90.0, pd.Timestamp(closed))], columns=in_time.columns
    )
    messages = _messages(pd.concat([in_time, late]))
    third = len(messages) // 3
    end = heartbeat(messages[-1].enqueued, watermark=WATERMARK + every)
    for part in (messages[:third], messages[third : 2 * third], [*messages[2 * third :], end]):
        stream.write(part, end=False)
    stream.run()
    return Fleet(every, stream, in_time, late)


def _same(found: pd.DataFrame, expected: pd.DataFrame, columns: list[str]) -> None:
    found, expected = (one.sort_values(KEY).reset_index(drop=True) for one in (found, expected))
    found = found.assign(minute=pd.to_datetime(found["minute"], utc=True))
    assert list(map(tuple, found[KEY].to_numpy())) == list(map(tuple, expected[KEY].to_numpy()))
    for name in columns:
        if expected[name].dtype.kind == "f":
            np.testing.assert_allclose(found[name].astype(float), expected[name], rtol=1e-9, atol=1e-9, err_msg=name)
        else:
            assert found[name].tolist() == expected[name].tolist(), name


def test_the_stream_closes_the_windows_and_gives_the_verdicts_of_the_oracle(fleet: Fleet) -> None:
    expected = fleet.expected(fleet.in_time)
    assert expected["is_anomaly"].sum() >= 1 and (expected["status"] == "scored").sum() > 20
    assert expected["continuing"].any()
    minutes = fleet.stream.table("minutes")
    _same(minutes[minutes.revision == 0], windows(fleet.in_time, fleet.every), ["value", "n", "min", "max", "mean"])
    found = fleet.stream.table("detections")
    assert len(found["batch_id"].unique()) >= 2  # the past of the later ones comes from `history`
    _same(found[found.revision == 0], expected, ["value", "continuing", *COLUMNS])
    assert fleet.stream.table("late")["value"].tolist() == [90.0]


def test_all_signals_of_a_device_lie_in_one_bucket(fleet: Fleet) -> None:
    packed = fleet.stream.table("history")
    assert set(packed["ids"].map(len)) == {2}
    assert packed["bucket"].nunique() <= 2


def test_detect_judges_a_frame_of_readings_in_the_same_windows(fleet: Fleet) -> None:
    frame = fleet.stream.spark.createDataFrame(fleet.in_time[[*SERIES, "time", "value"]])
    found = detect(
        frame, device="device_id", time="time", signal="signal", every=fleet.every.total_seconds(), **DETECTION
    )
    _same(found.toPandas(), fleet.expected(fleet.in_time), ["value", "continuing", *COLUMNS])


def test_what_if_judges_the_stored_windows_as_the_stream_did(fleet: Fleet) -> None:
    folder = fleet.stream.folder / "tables"
    config = fleet.stream.config()
    assert grid_of(folder) == fleet.grid
    scorer = Scorer.of(config.detection, grid=fleet.grid).under(no_rules(config.detection))
    _same(rescore(folder, scorer, **fleet.range), fleet.expected(fleet.in_time), ["value", "continuing", *COLUMNS])
    found = whatif(folder, config.detection, **fleet.range, every=fleet.every)
    assert (len(found.gained), len(found.lost)) == (0, 0) and found.before
    with pytest.raises(InputError, match=rf"hold windows of {fleet.grid.text}, and minutes.every is 2 minutes"):
        whatif(folder, config.detection, **fleet.range, every=timedelta(minutes=2))


def test_a_backfill_folds_late_readings_into_their_window_and_judges_again(fleet: Fleet) -> None:
    first = backfill(fleet.stream.config(), **fleet.range, spark=fleet.stream.spark)
    assert (first.late_folded, first.minutes_revised) == (1, 1)
    found = read_detections(fleet.stream.folder / "tables")
    readings = pd.concat([fleet.in_time, fleet.late])
    _same(found, fleet.expected(readings), ["value", "is_anomaly", "expected", "score", "reason", "continuing"])
    again = backfill(fleet.stream.config(), **fleet.range, spark=fleet.stream.spark)
    assert (again.minutes_revised, again.verdicts_revised) == (0, 0)


def test_status_counts_a_device_as_silent_after_ten_windows(fleet: Fleet) -> None:
    assert status(fleet.stream.folder / "tables").silent == {}


def test_tables_of_one_grid_refuse_a_run_and_a_backfill_on_another(fleet: Fleet) -> None:
    other = fleet.stream.config(minutes={"every": "2 minutes", "watermark": "2 minutes"})
    said = (
        rf"hold windows of {fleet.grid.text}, and minutes.every is 2 minutes: set minutes.every to '{fleet.grid.text}'"
    )
    with pytest.raises(InputError, match=said):
        run(other, spark=fleet.stream.spark)
    with pytest.raises(InputError, match=said):
        backfill(other, **fleet.range, spark=fleet.stream.spark)
    with pytest.raises(InputError, match="hold windows of"):
        run(fleet.stream.config(minutes={"every": "1 minute", "watermark": "2 minutes"}), spark=fleet.stream.spark)


def test_an_hour_is_closed_one_watermark_after_its_end_not_an_hour_later(spark: SparkSession, tmp_path: Any) -> None:
    stream = Stream(spark, tmp_path, {"minutes": {"every": "1 hour", "watermark": "2 minutes"}})

    def sent(*at: timedelta) -> list[Message]:
        return [Message(epoch_ms(T0 + one), b'{"t": 1}', "d1", None, 0) for one in at]

    stream.write(sent(timedelta(minutes=30), timedelta(minutes=61, seconds=59)), end=False)
    stream.run()
    assert stream.table("minutes").empty
    stream.write(sent(timedelta(minutes=62)), end=False)
    stream.run()
    assert stream.table("minutes")["minute"].tolist() == [pd.Timestamp(T0).tz_localize(None)]


def test_detect_refuses_a_window_of_which_a_day_holds_no_whole_number(spark: SparkSession) -> None:
    frame = spark.createDataFrame([("a", T0, 1.0)], "device string, timestamp timestamp, value double")
    with pytest.raises(
        ConfigError, match="every is '7 minutes': give 10 seconds to 1 day of which a day holds a whole"
    ):
        detect(frame, every="7 minutes")


def test_the_history_of_an_earlier_version_is_made_anew_by_device_once(spark: SparkSession, tmp_path: Any) -> None:
    sections = {"telemetry": {"signals": ["t", "h"]}, "detection": {"points": 30}}
    stream = Stream(spark, tmp_path, sections)
    bodies = [Message(epoch_ms(T0 + timedelta(minutes=k)), b'{"t": 1, "h": 2}', "d1", None, 0) for k in range(5)]
    stream.write(bodies).run()
    tables, history = stream.tables(), stream.tables().read("history")
    by_series = history.selectExpr("hour", "minute", "explode(arrays_zip(ids, values)) as one").selectExpr(
        "hour",
        "cast(pmod(one.ids, 64) as int) as bucket",
        "minute",
        "array(one.ids) as ids",
        "array(one.values) as values",
    )
    tables.overwrite("history", by_series.localCheckpoint())
    spark.sql(f"ALTER TABLE {tables.name('history')} UNSET TBLPROPERTIES ('ad_stream.buckets_by')")
    stream.write([Message(epoch_ms(T0 + timedelta(minutes=5)), b'{"t": 1, "h": 2}', "d1", None, 0)]).run()
    assert set(stream.table("history")["ids"].map(len)) == {2}
    assert tables.properties("history")["ad_stream.buckets_by"] == "device"
    assert config_of(tmp_path, **sections).version() == stream.config().version()
