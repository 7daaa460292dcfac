"""A file's readings -> verdicts, in this process: the windows that `demo --data` sends through the stream, judged by the
same detectors on the same history."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ad_stream.detectors.kernels import band
from ad_stream.errors import InputError
from ad_stream.model import SCORED
from ad_stream.own_data.verdicts import OwnVerdicts
from ad_stream.readings import ReadOptions, read
from ad_stream.scoring.pandas_api import detect
from ad_stream.simulate.csv.replay import index_of

if TYPE_CHECKING:
    from ad_stream.config import Detection
    from ad_stream.detectors.s_h_esd_range import RangeTest
    from ad_stream.readings import Readings
    from ad_stream.simulate.csv.replay import Index

MOST_PLACES = 1_000_000
"""Of a series with its gaps, where it is judged as a whole."""


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


def judge_range(readings: Readings, test: RangeTest) -> OwnVerdicts:
    """Each series judged as a whole, what came later included; of `only_last`, its rows alone. InputError where one is too short."""
    index, sent = index_of(readings)
    parts = [
        _judged_as_a_whole(rows.sort_values("minute"), index, test)
        for _, rows in _windows(readings, sent, index.every).groupby("series", sort=True)
    ]
    found = OwnVerdicts.of(readings.name, index, pd.concat(parts, ignore_index=True))
    return replace(found, as_a_whole=True)


def _judged_as_a_whole(rows: pd.DataFrame, index: Index, test: RangeTest) -> pd.DataFrame:
    """The rows of one series with the columns of a verdict."""
    device, first = rows["device_id"].iloc[0], rows["minute"].iloc[0]
    place = ((rows["minute"] - first).dt.total_seconds() // index.every).to_numpy(dtype=np.int64)
    if place[-1] >= MOST_PLACES:
        raise InputError(
            f"the signal {rows['signal'].iloc[0]!r} has gaps of {place[-1]:,} places: ask for a shorter range"
        )
    step = index.origin[device][1] if index.rebased else index.every * 1000
    values = np.full(place[-1] + 1, np.nan)
    values[place] = rows["value"].to_numpy(dtype=np.float64)
    begun = round(index.original(device, first.to_pydatetime()).timestamp() * 1000)
    verdicts = test.judge(values, step=step / 1000, days=(begun + np.arange(len(values)) * step) // 86_400_000)
    flagged, above = verdicts.is_outlier[place], (values >= verdicts.expected)[place]
    ratio, size = verdicts.ratio[place], verdicts.size[place]
    judged = rows.drop(columns="series").assign(
        expected=verdicts.expected[place], upper_margin=size, lower_margin=size, score=ratio, sr_score=0.0,
        severity=np.where(flagged, band.severity(np.maximum(ratio, 1.0)), 0.0), is_anomaly=flagged, is_positive=flagged & above,
        is_negative=flagged & ~above, status=SCORED, reason=np.where(flagged, np.where(above, "above", "below"), "normal"),
        points=len(place), imputed=len(values) - len(place),
    )  # fmt: skip
    kept: pd.DataFrame = judged[verdicts.is_told[place]]
    return kept


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
