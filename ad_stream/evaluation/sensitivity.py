"""What each sensitivity costs and brings on a person's own labelled file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ad_stream.evaluation.compare import curves_of
from ad_stream.evaluation.labelled_file import read
from ad_stream.evaluation.metrics import adjusted, events, loudest
from ad_stream.scoring.pandas_api import detect

USUAL = (50, 70, 80, 90, 95, 97, 99)


@dataclass(frozen=True)
class Cost:
    """One sensitivity, by the detector's own flags.

    alarms        flags that begin an event, per series and day: what an operator would be called for
    found         share of the labelled events with a flag within their first minutes
    false_alarms  per series and day, counted in stretches of ten points without a label
    """

    sensitivity: int
    alarms: float
    found: float
    false_alarms: float


def sweep(
    path: str | Path, *, detector: str = "default", sensitivities: Sequence[int] = USUAL, **options: object
) -> list[Cost]:
    """One row per sensitivity; the file is that of `ad_stream.evaluation.compare`, options are the detector's.

    Raises InputError where the file cannot be read, a column is missing, or nothing is labelled.
    """
    frame = read(path)
    rows = []
    for sensitivity in sensitivities:
        verdict = detect(frame, detector=detector, sensitivity=sensitivity, **options)  # type: ignore[arg-type]
        curves = curves_of(frame, np.asarray(verdict["is_anomaly"], dtype=np.float64))
        days = sum(len(curve.scores) * curve.step for curve in curves) / 86_400
        hits = np.concatenate([adjusted(curve)[events(curve.labels)[0]] for curve in curves])
        false = np.concatenate([loudest(curve) for curve in curves])
        begun = verdict["is_anomaly"] & ~verdict["continuing"]
        rows.append(Cost(sensitivity, begun.sum() / days, float(np.mean(hits > 0)), float(np.sum(false > 0) / days)))
    return rows
