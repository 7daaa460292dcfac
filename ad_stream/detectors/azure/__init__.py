"""`service`: the univariate algorithm of the retired Azure Anomaly Detector, whole and newly written.

`judge_entire`, `judge_last` and `change_points` take one series, as the REST API did; `Service` takes many windows.
"""

from __future__ import annotations

from ad_stream.detectors.azure.algorithm import AzureVerdicts, judge_entire, judge_last
from ad_stream.detectors.azure.change_points import ChangeOptions, ChangePoints, change_points
from ad_stream.detectors.azure.detector import Service
from ad_stream.detectors.azure.options import Options, ServiceError

__all__ = [
    "AzureVerdicts",
    "ChangeOptions",
    "ChangePoints",
    "Options",
    "Service",
    "ServiceError",
    "change_points",
    "judge_entire",
    "judge_last",
]
