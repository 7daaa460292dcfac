"""`service`: the univariate algorithm of the retired Azure Anomaly Detector, whole and newly written."""

from __future__ import annotations

from ad_stream.detectors.service.judge import Verdicts, judge_entire, judge_last
from ad_stream.detectors.service.options import Options, ServiceError

__all__ = ["Options", "ServiceError", "Verdicts", "judge_entire", "judge_last"]
