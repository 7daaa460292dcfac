"""`service`: the univariate algorithm of the retired Azure Anomaly Detector, whole and newly written.

`judge_entire`, `judge_last` and `change_points` take one series, as the REST API did; `Service` takes many windows.
"""

from __future__ import annotations

from ad_stream.detectors.service.change_points import ChangeOptions, ChangePoints, change_points
from ad_stream.detectors.service.detector import Service
from ad_stream.detectors.service.judge import Verdicts, judge_entire, judge_last
from ad_stream.detectors.service.options import Options, ServiceError

__all__ = [
    "ChangeOptions",
    "ChangePoints",
    "Options",
    "Service",
    "ServiceError",
    "Verdicts",
    "change_points",
    "judge_entire",
    "judge_last",
]
