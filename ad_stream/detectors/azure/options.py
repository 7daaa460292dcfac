"""What a caller of the service may set, checked before any work; and the one error a bad request gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeGuard

from ad_stream.errors import InputError

WINDOWS = {
    "daily": 28,
    "minutely": 1440,
    "hourly": 168,
    "weekly": 12,
    "monthly": 12,
    "yearly": 12,
    "secondly": 1440,
    "microsecond": 1000,
    "none": 1440,
}
"""The granularities, each with the points that suggestedWindow names where there is no period (plus one)."""

IMPUTE_MODES = ("auto", "previous", "linear", "fixed", "zero", "notFill")
BOUNDARY_VERSIONS = ("V1", "V2", "V3")
MIN_POINTS, MAX_POINTS = 12, 8640
LARGEST_RATIO = 0.49


class ServiceError(InputError):
    """A request the service refuses: `code` is the contract's error code, `message` says what and the way out."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def is_integer(value: object) -> TypeGuard[int]:
    """A whole number as JSON knows it: true and 7.0 are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """A finite number, but no boolean."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) <= 1e308 if isinstance(value, int) else math.isfinite(value)


def check_series_shape(granularity: object, custom_interval: object, period: object) -> None:
    """The three fields that all operations share; raises ServiceError."""
    if not isinstance(granularity, str) or granularity not in WINDOWS:
        choices = ", ".join(WINDOWS)
        raise ServiceError(
            "InvalidGranularity", f"The 'granularity' field must be one of {choices}, not {shown(granularity)}."
        )
    if not is_integer(custom_interval) or not 0 < custom_interval < 2**31:
        raise ServiceError(
            "InvalidCustomInterval",
            f"The 'customInterval' field must be an integer > 0, not {shown(custom_interval)}.",
        )
    if period is not None and (not is_integer(period) or period < 0):
        raise ServiceError(
            "InvalidPeriod",
            f"The 'period' field must be an integer >= 0, not {shown(period)}; leave it out to have it searched.",
        )


@dataclass(frozen=True, kw_only=True)
class Options:
    """How `entire` and `last` judge a series; raises ServiceError with the code of the first field that is wrong.

    granularity         a key of WINDOWS: the grid on which the timestamps must lie
    custom_interval     1.. : grid steps between two points ("minutely" and 5 is five minutes)
    period              points of a season, 0 for none, None to have it searched
    max_anomaly_ratio   (0, 0.49]: the largest share of the points that may be flagged
    sensitivity         0..100: higher means a narrower band and more flags
    impute_mode         how gaps are filled, one of IMPUTE_MODES
    impute_fixed_value  what fills them in mode fixed
    boundary_version    V1 as published; V2 and V3 tie the band to the trend (they are the same)
    alpha               significance of the outlier test, > 0
    threshold           spectral residual score from which a point is flagged
    """

    granularity: str = "none"
    custom_interval: int = 1
    period: int | None = None
    max_anomaly_ratio: float = 0.25
    sensitivity: int = 99
    impute_mode: str = "auto"
    impute_fixed_value: float | None = None
    boundary_version: str = "V1"
    alpha: float = 0.05
    threshold: float = 3.5

    def __post_init__(self) -> None:
        check_series_shape(self.granularity, self.custom_interval, self.period)
        self._check_model()
        self._check_impute()

    @property
    def fill_value(self) -> float | None:
        """What fills a gap in the modes fixed and zero, None in the others."""
        return {"fixed": self.impute_fixed_value, "zero": 0.0}.get(self.impute_mode)

    def _check_model(self) -> None:
        code = "InvalidModelArgument"
        if not is_number(self.alpha) or not 0 < self.alpha < 1:
            raise ServiceError(code, f"The 'alpha' field must lie between 0 and 1, not {shown(self.alpha)}.")
        if not is_number(self.max_anomaly_ratio) or not 0 < self.max_anomaly_ratio <= LARGEST_RATIO:
            raise ServiceError(
                code,
                f"The 'maxAnomalyRatio' field must be more than 0 and at most {LARGEST_RATIO}, "
                f"not {shown(self.max_anomaly_ratio)}.",
            )
        if not is_integer(self.sensitivity) or not 0 <= self.sensitivity <= 100:
            raise ServiceError(
                code, f"The 'sensitivity' field must be an integer from 0 to 99, not {shown(self.sensitivity)}."
            )
        if not is_number(self.threshold):
            raise ServiceError(code, f"The 'threshold' field must be a number, not {shown(self.threshold)}.")

    def _check_impute(self) -> None:
        if self.impute_mode not in IMPUTE_MODES:
            raise ServiceError(
                "InvalidImputeMode",
                f"The 'imputeMode' field must be one of {', '.join(IMPUTE_MODES)}, not {shown(self.impute_mode)}.",
            )
        if self.impute_mode == "fixed" and not is_number(self.impute_fixed_value):
            raise ServiceError(
                "InvalidImputeFixedValue",
                f"The 'imputeFixedValue' field must be a number with imputeMode fixed, "
                f"not {shown(self.impute_fixed_value)}.",
            )
        if self.boundary_version not in BOUNDARY_VERSIONS:
            raise ServiceError(
                "InvalidBoundaryVersion",
                f"The 'boundaryVersion' field must be one of {', '.join(BOUNDARY_VERSIONS)}, "
                f"not {shown(self.boundary_version)}.",
            )


def shown(value: object) -> str:
    """A short form of what a caller sent, safe to put into a message."""
    text = repr(value) if isinstance(value, (str, int, float, bool)) or value is None else type(value).__name__
    return text if len(text) <= 40 else f"{text[:37]}..."
