"""`ad-stream evaluate`: every detector on a person's own labelled file, one row each.

The file is any that `ad-stream detect` reads, with a column label beside time and value (1 or true = part of an event).
Each row is judged as the stream would have judged it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors import by_name
from ad_stream.evaluation.labelled_file import read
from ad_stream.evaluation.metrics import Curve, best_f1, f1_at, operator_view
from ad_stream.scoring.pandas_api import detect

if TYPE_CHECKING:
    import pandas as pd

    from ad_stream.model import Floats
    from ad_stream.readings import ReadOptions

USUAL = ("default", "spectral_residual", "differences", "moving_average", "ar")
"""What is compared unless asked otherwise; the others cost more or want to be told a period."""


@dataclass(frozen=True)
class Comparison:
    """One detector on one file.

    points            its window
    f1, random_f1     delay-adjusted F1 at the best threshold, and what random scores reach: never read one alone
    f1_flags          F1 of its own flags
    found_at_0_1, found_at_1, found_at_5   share of events found at that many false alarms per series and day
    alarms_at_50, alarms_at_80             false alarms per series and day at 50 % and 80 % of the events
    us_per_point      CPU microseconds a judged point
    """

    detector: str
    points: int
    f1: float
    random_f1: float
    f1_flags: float
    found_at_0_1: float
    found_at_1: float
    found_at_5: float
    alarms_at_50: float
    alarms_at_80: float
    us_per_point: float


def compare(
    path: str | Path,
    *,
    detectors: Sequence[str] = USUAL,
    points: int | None = None,
    seed: int = 0,
    options: ReadOptions | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Comparison]:
    """One row per detector; `points` overrides the detectors' own windows, `options` say what the file's columns
    are, `progress` hears each name.

    Raises InputError where the file cannot be read, a column is missing, or nothing is labelled.
    """
    frame = read(path, options)
    random_f1 = best_f1(curves_of(frame, np.random.default_rng(seed).random(len(frame))))[0]
    rows = []
    for name in detectors:
        if progress is not None:
            progress(name)
        started = time.process_time()
        verdict = detect(frame, detector=name, points=points)
        used = time.process_time() - started
        curves = curves_of(frame, np.asarray(verdict.score, dtype=np.float64))
        flags = curves_of(frame, np.asarray(verdict.is_anomaly, dtype=np.float64))
        view = operator_view(curves)
        rows.append(
            Comparison(
                detector=name,
                points=by_name(name).points if points is None else points,
                f1=best_f1(curves)[0],
                random_f1=random_f1,
                f1_flags=f1_at(flags, 1.0),
                found_at_0_1=view.found_at(0.1),
                found_at_1=view.found_at(1.0),
                found_at_5=view.found_at(5.0),
                alarms_at_50=view.alarms_at(0.5),
                alarms_at_80=view.alarms_at(0.8),
                us_per_point=1e6 * used / len(frame),
            )
        )
    return rows


def curves_of(frame: pd.DataFrame, scores: Floats) -> list[Curve]:
    """One Curve per device of the sorted frame."""
    seconds = (
        np.asarray(frame["timestamp"].dt.tz_localize(None).to_numpy(dtype="datetime64[ns]").astype(np.int64)) / 1e9
    )
    labels = np.asarray(frame["label"], dtype=np.bool_)
    curves = []
    for rows in frame.groupby("device", sort=False).indices.values():
        step = float(np.median(np.diff(seconds[rows]))) if len(rows) > 1 else 60.0
        curves.append(Curve(scores=scores[rows], labels=labels[rows], step=step))
    return curves
