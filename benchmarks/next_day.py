"""The error of a forecast a day ahead on real windows: the season, the floors, and Prophet where it is installed; and speeds.

    python -m benchmarks.next_day [--shared ../shared] [--speed]

KPI curves (both halves) learn from 14 days at three places, NAB files from 7 days at two; five-minute means (hourly where a
file is). Each row: the mean absolute error as a share of that of repeating the day before, geometric mean and median over the
windows, and in how many it is no worse. Prophet is no dependency: run this with a Python of its own that has prophet, numpy,
scipy, pandas and pyarrow; its optimiser is a child process, whose CPU time is not in the last column. --speed: series fitted
a CPU second, 14 days of minutes with gaps.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ad_stream.detectors.season_fit import learn

Floats = NDArray[np.float64]
DAY = 86_400
SETS = {"KPI": (("kpi", "kpi_b"), 14, 3), "NAB": (("nab", "nab_b"), 7, 2)}


def main() -> None:
    """Prints the table, or the speed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("AD_STREAM_SHARED", "../shared")))
    parser.add_argument("--speed", action="store_true")
    options = parser.parse_args()
    if options.speed:
        _speed()
        return
    methods: dict[str, Callable[[Floats, int, int], Any]] = {
        "season": _season,
        "the day before": _day,
        "the week before": _week,
        "the last value": _value,
    }
    prophet = _prophet()
    if prophet is not None:
        methods["prophet"] = prophet
    data = options.shared / "quality" / "data"
    print(
        "| set | forecast | windows | share of the error of the day before, mean / median | no worse in | own CPU s |"
    )
    print("|---|---|---|---|---|---|")
    for name, (files, days, places) in SETS.items():
        cases = [one for file in files for one in windows(data, file, days, places)]
        errors, seconds = {}, {}
        for method, forecast in methods.items():
            began = time.process_time()
            errors[method] = np.array([_error(forecast, *one) for one in cases])
            seconds[method] = time.process_time() - began
        for method, own in errors.items():
            print(f"| {name} | {method} | {_share(own, errors['the day before'])} | {seconds[method]:.0f} |")
        if "prophet" in errors:
            print(f"| {name} | season, of Prophet's | {_share(errors['season'], errors['prophet'])} | |")


def _share(own: Floats, base: Floats) -> str:
    """Geometric mean, median, and how often it is not above 1, where both are errors above 0."""
    fine = np.flatnonzero((own > 0) & (base > 0) & np.isfinite(own) & np.isfinite(base))
    share = own[fine] / base[fine]
    return f"{len(fine)} | {np.exp(np.log(share).mean()):.3f} / {np.median(share):.3f} | {(share <= 1).mean():.0%}"


def windows(data: Path, file: str, days: int, places: int) -> Iterator[tuple[Floats, int, int]]:
    """(values of `days` and the day that follows, seconds of the first, step)."""
    interval = pd.read_csv(data / "series.csv").set_index("series_id").interval_s
    frame = pd.read_parquet(data / f"{file}.parquet")
    for series, rows in frame.groupby("series_id", observed=True):
        step = max(300, int(interval[series]))
        if step > 3600:
            continue
        times = pd.to_datetime(rows.timestamp, unit="s")
        mean = pd.Series(rows.value.to_numpy(), index=times).resample(f"{step}s").mean()
        ahead = DAY // step
        past = days * ahead
        for place in range(places if len(mean) >= past + ahead else 0):
            at = past + int((len(mean) - ahead - past) * place / (places - 1))
            values = mean.to_numpy()[at - past : at + ahead]
            if np.isfinite(values[past:]).mean() >= 0.5:
                yield values, int(mean.index[at - past].timestamp()), step


def _error(forecast: Callable[[Floats, int, int], Any], values: Floats, first: int, step: int) -> float:
    past = len(values) - DAY // step
    off = np.abs(values[past:] - forecast(values[:past], first, step))
    return float(off[np.isfinite(off)].mean()) if np.isfinite(off).any() else np.nan


def _season(past: Floats, first: int, step: int) -> Floats:
    ahead = first + step * (len(past) + np.arange(DAY // step, dtype=np.float64))
    return np.asarray(learn(past[None], first, step).forecast(ahead)[0])


def _day(past: Floats, first: int, step: int) -> Floats:  # noqa: ARG001 - as the others are called
    return past[-DAY // step :]


def _week(past: Floats, first: int, step: int) -> Floats:  # noqa: ARG001
    week = 7 * DAY // step
    return past[len(past) - week : len(past) - week + DAY // step]


def _value(past: Floats, first: int, step: int) -> float:  # noqa: ARG001
    return float(past[np.isfinite(past)][-1])


def _prophet() -> Callable[[Floats, int, int], Any] | None:
    try:
        model = importlib.import_module("prophet").Prophet
    except ImportError:
        return None
    logging.disable(logging.CRITICAL)

    def forecast(past: Floats, first: int, step: int) -> Any:
        times = pd.to_datetime(first + step * np.arange(len(past) + DAY // step), unit="s")
        known = pd.DataFrame({"ds": times[: len(past)], "y": past}).dropna()
        return model(uncertainty_samples=0).fit(known).predict(pd.DataFrame({"ds": times[len(past) :]})).yhat.to_numpy()

    return forecast


def _speed(series: int = 200, days: int = 14) -> None:
    from ad_stream.models.kinds import KINDS

    rng = np.random.default_rng(0)
    seconds = 20_000 * DAY + 60 * np.arange(days * 1440)
    values = (
        50
        + 3 * np.sin(2 * np.pi * seconds / DAY) * rng.uniform(1, 3, (series, 1))
        + rng.normal(size=(series, len(seconds)))
    )
    values[rng.random(values.shape) < 0.1] = np.nan
    values[:, 5000:6500] = np.nan
    for name, fit in (("the season", learn), ("season and profile of what it leaves", KINDS["seasonal"].fit)):
        began = time.process_time()
        fit(values, int(seconds[0]), 60)
        print(
            f"{name}: {series / (time.process_time() - began):.0f} series a CPU second, {days} days of minutes with gaps"
        )


if __name__ == "__main__":
    main()
