"""A file's readings -> verdicts, in this process: the windows that `demo --data` sends through the stream, judged by the
same detectors on the same history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ad_stream.own_data.verdicts import OwnVerdicts
from ad_stream.readings import ReadOptions, read
from ad_stream.scoring.pandas_api import detect
from ad_stream.simulate.csv.replay import index_of

if TYPE_CHECKING:
    from ad_stream.config import Detection
    from ad_stream.readings import Readings


def judge(path: Path, detection: Detection, *, read_options: ReadOptions | None = None) -> OwnVerdicts:
    """Every reading of the file judged from those before it; InputError where it cannot be read."""
    return judge_readings(read(path, read_options), detection)


def judge_readings(readings: Readings, detection: Detection) -> OwnVerdicts:
    """Every reading judged from those before it."""
    index, sent = index_of(readings)
    windows = _windows(readings, sent, index.every)
    verdicts = detect(
        windows,
        device="series",
        time="minute",
        detector=detection.detector.name,
        step=pd.Timedelta(seconds=index.every),
        history=detection.history,
        refractory=int(detection.refractory.total_seconds()) // index.every,
        **dict(detection.detector.options),
        **detection.shared_options(),
        **detection.suppression(),
    )
    keys = windows[["device_id", "signal", "minute", "value"]]
    return OwnVerdicts.of(
        readings.name,
        index,
        pd.concat([keys, verdicts.drop(columns=["series", "minute"])], axis=1),
        detection.refractory,
    )


def _windows(readings: Readings, sent: np.ndarray[tuple[int], np.dtype[np.int64]], every: int) -> pd.DataFrame:
    """The largest number of each series and window, as the stream aggregates by default."""
    there = readings.numbers
    width = every * 1000
    frame = pd.DataFrame(
        {
            "device": readings.device[there],
            "signal": readings.signal[there],
            "window": sent[there] // width * width,
            "value": readings.value[there],
        }
    )
    largest: pd.DataFrame = frame.groupby(["device", "signal", "window"], as_index=False)["value"].max()
    devices, signals = (np.array(names, dtype=object) for names in (readings.devices, readings.signals))
    named: pd.DataFrame = pd.DataFrame(
        {
            "device_id": devices[largest["device"]],
            "signal": signals[largest["signal"]],
            "minute": pd.to_datetime(largest["window"], unit="ms", utc=True),
            "value": largest["value"],
            "series": largest["device"] * len(signals) + largest["signal"],
        }
    )
    return named
