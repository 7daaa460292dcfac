from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ad_stream.detectors import by_name
from ad_stream.errors import ConfigError, InputError
from ad_stream.model import LastPoint, Windows
from ad_stream.scoring.pandas_api import detect
from ad_stream.tables.catalog import DETECTIONS
from ad_stream.tables.schema import VERDICT


def two_devices(step: str = "5min", count: int = 150) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    times = pd.date_range("2026-03-01", periods=count, freq=step)
    frame = pd.DataFrame(
        {
            "device": np.repeat(["pump", "fan"], count),
            "timestamp": np.r_[times, times + pd.Timedelta("17s")],
            "value": rng.normal(20, 2, size=2 * count),
        }
    )
    frame.loc[[100, 103], "value"] = 60.0
    return frame


def test_a_spike_is_found_on_any_step_and_its_second_minute_continues_it() -> None:
    answer = detect(two_devices())
    flagged = answer[answer.is_anomaly]
    assert flagged.index.tolist() == [100, 103] and flagged.continuing.tolist() == [False, True]
    slow = [name for name in DETECTIONS.named(VERDICT) if name.startswith("slow_")]
    assert answer.columns.tolist() == ["device", "timestamp", *LastPoint.columns(), "continuing", *slow]
    assert not detect(two_devices(), slow=False).columns.intersection(slow).size


def test_rows_keep_their_order_and_index_whatever_the_order_they_come_in() -> None:
    frame = two_devices()
    straight = detect(frame)
    shuffled = detect(frame.sample(frac=1, random_state=3))
    pd.testing.assert_frame_equal(shuffled.sort_index(), straight)


def test_each_row_equals_the_detector_on_its_window() -> None:
    frame = two_devices()
    frame = frame.drop(index=[60, 61, 62])
    answer = detect(frame, points=50)
    values = two_devices().value.to_numpy()[:150].copy()
    values[60:63] = np.nan
    alone = by_name("default", points=50).detect_last(Windows(values[31:81]))
    row = answer.loc[80]
    assert row.score == alone.score and row.imputed == 3 and row.points == 50


def test_one_series_without_a_device_column_is_judged_too() -> None:
    frame = two_devices().iloc[:150].drop(columns="device")
    answer = detect(frame)
    assert answer.columns[0] == "timestamp" and answer.is_anomaly.sum() == 2


def test_a_pause_longer_than_a_window_starts_afresh_and_costs_no_memory() -> None:
    frame = two_devices(count=100).iloc[:100]
    later = frame.assign(timestamp=frame.timestamp + pd.Timedelta("3650d"))
    answer = detect(pd.concat([frame, later], ignore_index=True), points=60)
    assert answer.status.tolist()[100:130] == ["warming_up"] * 29 + ["scored"]


@pytest.mark.slow
def test_series_of_very_different_length_do_not_share_a_matrix() -> None:
    long = pd.DataFrame({"device": "long", "timestamp": np.arange(30_000) * 60, "value": np.sin(np.arange(30_000.0))})
    short = pd.DataFrame({"device": np.arange(2_000).astype(str), "timestamp": 0, "value": 1.0})
    frame = pd.concat([long, short], ignore_index=True)
    frame["timestamp"] = pd.to_datetime(frame.timestamp, unit="s")
    answer = detect(frame, points=60, detector="differences")
    assert (answer.status[:30_000] == "scored").sum() == 30_000 - 29
    assert (answer.status[30_000:] == "warming_up").all()


def test_numbers_are_read_as_seconds_since_the_epoch() -> None:
    frame = two_devices()
    seconds = frame.assign(timestamp=frame.timestamp.astype("datetime64[ns]").astype("int64") // 10**9)
    assert detect(seconds).score.equals(detect(frame).score)


def test_an_empty_frame_gives_an_empty_answer() -> None:
    assert len(detect(two_devices().iloc[:0])) == 0


def test_a_missing_value_is_declined_and_an_infinite_one_is_too() -> None:
    frame = two_devices()
    frame.loc[120, "value"], frame.loc[121, "value"] = np.nan, np.inf
    answer = detect(frame)
    assert answer.reason[[120, 121]].tolist() == ["no_value", "not_finite"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda frame: frame.drop(columns="value"),
            "the frame has no column 'value', its columns are device, timestamp",
        ),
        (lambda frame: pd.concat([frame, frame.iloc[:2]]), "2 rows share a step of 0 days 00:05:00"),
        (lambda frame: frame.assign(value="warm"), "the column 'value' holds something that is no number"),
        (lambda frame: frame.assign(timestamp="soon"), "the column 'timestamp' holds something that is no time"),
        (lambda frame: frame.assign(timestamp=pd.NaT), "the column 'timestamp' is empty in 300 rows"),
    ],
)
def test_a_frame_that_cannot_be_used_is_refused_in_one_sentence(change: object, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        detect(change(two_devices()))  # type: ignore[operator]
    assert sentence in str(caught.value)


def test_a_wrong_option_reaches_the_user_with_the_near_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'max_gap'"):
        detect(two_devices(), max_gpa=3)
    with pytest.raises(InputError, match="step is 0s"):
        detect(two_devices(), step="0s")
