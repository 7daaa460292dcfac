"""The JSON of `…/anomalydetector/v1.x/timeseries/…`, read and written; knows no detector.

One shape serves v1.0, v1.1-preview and v1.1: the later ones only add fields (imputeMode, severity), and a client of
the earlier ones neither sends nor minds them. Unknown fields are ignored, null means absent, as with the service.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.azure_api.timestamps import TimestampError, parse_times
from ad_stream.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

OPERATIONS = ("entire", "last", "changepoint")

DETECT_FIELDS = {
    "granularity": "granularity",
    "customInterval": "custom_interval",
    "period": "period",
    "maxAnomalyRatio": "max_anomaly_ratio",
    "sensitivity": "sensitivity",
    "imputeMode": "impute_mode",
    "imputeFixedValue": "impute_fixed_value",
    "boundaryVersion": "boundary_version",
    "alpha": "alpha",
    "threshold": "threshold",
}
CHANGE_FIELDS = {
    "granularity": "granularity",
    "customInterval": "custom_interval",
    "period": "period",
    "stableTrendWindow": "stable_trend_window",
    "threshold": "threshold",
}
"""Field of the request -> name of the option."""

OLD_IMPUTE_MODES = {"last": "previous", "no": "notFill"}


class RequestError(InputError):
    """A body that is no request of the protocol: `code` is the contract's error code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Question:
    """A request with its fields named as options; the points are not read yet."""

    points: Sequence[object]
    options: Mapping[str, Any]


def read_json(body: bytes) -> object:
    """UTF-8 JSON, without NaN, Infinity, repeated keys and bottomless nesting; raises RequestError."""
    try:
        return json.loads(body, object_pairs_hook=_without_repeats, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RequestError(
            "InvalidJsonFormat", "The body must be one JSON object in UTF-8, without NaN and without repeated keys."
        ) from None


def question(request: object, operation: str) -> Question:
    """A parsed body -> Question for one of OPERATIONS; raises RequestError."""
    if not isinstance(request, Mapping):
        raise RequestError("InvalidJsonFormat", "The body must be one JSON object with at least the field 'series'.")
    if "series" not in request:
        raise RequestError("RequiredSeries", "The 'series' field is required: a list of points with a 'value' each.")
    points = request["series"]
    if not isinstance(points, list):
        raise RequestError("BadArgument", f"The 'series' field must be a list of points, not {type(points).__name__}.")
    fields = CHANGE_FIELDS if operation == "changepoint" else DETECT_FIELDS
    options = {name: request[field] for field, name in fields.items() if request.get(field) is not None}
    if operation == "changepoint" and "granularity" not in options:
        raise RequestError("RequiredGranularity", "The 'granularity' field is required for change points.")
    if operation != "changepoint" and "impute_mode" not in options:
        options |= _old_impute_fields(request)
    return Question(points, options)


def values_of(points: Sequence[object]) -> Floats:
    """The points' numbers (n,), unit of the series; raises RequestError."""
    try:
        values = [point["value"] for point in points]  # type: ignore[index]
    except (TypeError, KeyError):
        raise RequestError("BadArgument", "Every point of the 'series' field needs a 'value'.") from None
    for index, value in enumerate(values):
        if type(value) is not float and type(value) is not int:
            raise RequestError(
                "BadArgument", f"The 'value' at index {index} of the 'series' field is malformed: it must be a number."
            )
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:
        return np.array([_limited(value) for value in values])


def times_of(points: Sequence[object]) -> NDArray[np.datetime64]:
    """The points' timestamps (n,) datetime64[us], on the caller's clock or in UTC; raises RequestError."""
    texts = [point.get("timestamp") if isinstance(point, Mapping) else None for point in points]
    try:
        return parse_times(texts)
    except TimestampError as error:
        raise RequestError(
            "BadArgument",
            f"The 'timestamp' at index {error.index} of the 'series' field is malformed: write 2026-11-22T00:00:00Z.",
        ) from None


def entire_answer(
    *,
    expected: Floats,
    upper_margin: Floats,
    lower_margin: Floats,
    is_anomaly: Bools,
    is_positive: Bools,
    is_negative: Bools,
    severity: Floats,
    period: int,
    suggested_window: int,  # noqa: ARG001 - part of a verdict, but not of this answer
) -> dict[str, Any]:
    """Arrays (n,) -> the body of entire/detect."""
    return {
        "period": period,
        "expectedValues": expected.tolist(),
        "upperMargins": upper_margin.tolist(),
        "lowerMargins": lower_margin.tolist(),
        "isAnomaly": is_anomaly.tolist(),
        "isNegativeAnomaly": is_negative.tolist(),
        "isPositiveAnomaly": is_positive.tolist(),
        "severity": severity.tolist(),
    }


def last_answer(
    *,
    expected: Floats,
    upper_margin: Floats,
    lower_margin: Floats,
    is_anomaly: Bools,
    is_positive: Bools,
    is_negative: Bools,
    severity: Floats,
    period: int,
    suggested_window: int,
) -> dict[str, Any]:
    """Arrays whose last element counts -> the body of last/detect."""
    return {
        "period": period,
        "suggestedWindow": suggested_window,
        "expectedValue": float(expected[-1]),
        "upperMargin": float(upper_margin[-1]),
        "lowerMargin": float(lower_margin[-1]),
        "isAnomaly": bool(is_anomaly[-1]),
        "isNegativeAnomaly": bool(is_negative[-1]),
        "isPositiveAnomaly": bool(is_positive[-1]),
        "severity": float(severity[-1]),
    }


def change_answer(*, is_change_point: Bools, confidence: Floats, period: int) -> dict[str, Any]:
    """Arrays (n,) -> the body of changepoint/detect."""
    return {"period": period, "isChangePoint": is_change_point.tolist(), "confidenceScores": confidence.tolist()}


def _old_impute_fields(request: Mapping[str, Any]) -> dict[str, Any]:
    """fillUpMode and fixedValue, which the service still took from its first clients."""
    mode = request.get("fillUpMode")
    if mode is None:
        return {}
    known = OLD_IMPUTE_MODES.get(mode, mode) if isinstance(mode, str) else mode
    return {"impute_mode": known, "impute_fixed_value": request.get("fixedValue", request.get("imputeFixedValue"))}


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no_constant(_: str) -> object:
    raise ValueError


def _limited(value: float) -> float:
    """An integer beyond the doubles becomes infinite, which the size check refuses."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
