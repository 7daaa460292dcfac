"""What the server tells of itself in OpenAPI; the checks themselves are in wire and in the service's options."""

from __future__ import annotations

from typing import Any

from ad_stream.azure_api.admission import KEY_HEADER

GRANULARITIES = [
    "yearly", "monthly", "weekly", "daily", "hourly", "minutely", "secondly", "microsecond", "none",
]  # fmt: skip
IMPUTE_MODES = ["auto", "previous", "linear", "fixed", "zero", "notFill"]

POINT = {
    "type": "object",
    "required": ["value"],
    "properties": {"timestamp": {"type": "string", "format": "date-time"}, "value": {"type": "number"}},
}
COMMON: dict[str, Any] = {
    "series": {"type": "array", "items": POINT, "minItems": 12, "maxItems": 8640},
    "granularity": {"type": "string", "enum": GRANULARITIES},
    "customInterval": {"type": "integer", "minimum": 1},
    "period": {"type": "integer", "minimum": 0},
}
DETECT: dict[str, Any] = {
    "type": "object",
    "required": ["series"],
    "properties": COMMON
    | {
        "maxAnomalyRatio": {"type": "number", "exclusiveMinimum": 0, "maximum": 0.49},
        "sensitivity": {"type": "integer", "minimum": 0, "maximum": 100},
        "imputeMode": {"type": "string", "enum": IMPUTE_MODES},
        "imputeFixedValue": {"type": "number"},
    },
}
CHANGE: dict[str, Any] = {
    "type": "object",
    "required": ["series", "granularity"],
    "properties": COMMON
    | {
        "stableTrendWindow": {"type": "integer", "minimum": 3},
        "threshold": {"type": "number", "minimum": 0.01, "maximum": 0.99},
    },
}
NUMBERS = {"type": "array", "items": {"type": "number"}}
FLAGS = {"type": "array", "items": {"type": "boolean"}}
LAST_ANSWER = {
    "type": "object",
    "properties": {
        "period": {"type": "integer"},
        "suggestedWindow": {"type": "integer"},
        **{name: {"type": "number"} for name in ("expectedValue", "upperMargin", "lowerMargin", "severity")},
        **{name: {"type": "boolean"} for name in ("isAnomaly", "isNegativeAnomaly", "isPositiveAnomaly")},
    },
}
ENTIRE_ANSWER = {
    "type": "object",
    "properties": {
        "period": {"type": "integer"},
        **dict.fromkeys(("expectedValues", "upperMargins", "lowerMargins", "severity"), NUMBERS),
        **dict.fromkeys(("isAnomaly", "isNegativeAnomaly", "isPositiveAnomaly"), FLAGS),
    },
}
CHANGE_ANSWER = {
    "type": "object",
    "properties": {"period": {"type": "integer"}, "isChangePoint": FLAGS, "confidenceScores": NUMBERS},
}
ERROR = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
}
ERRORS = {
    400: "The request is wrong; `code` says which field.",
    401: "The key is missing or wrong.",
    404: "There is no such path, or it is not offered.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The body is compressed, or of another type.",
    429: "The server is busy; Retry-After says when to come again.",
    503: "The answer took too long; Retry-After says when to come again.",
}

REQUESTS = {"last": DETECT, "entire": DETECT, "changepoint": CHANGE}
ANSWERS = {"last": LAST_ANSWER, "entire": ENTIRE_ANSWER, "changepoint": CHANGE_ANSWER}


def responses(answer: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of an operation with this answer."""
    errors: dict[int | str, dict[str, Any]] = {
        code: {"description": text, "content": _json(ERROR)} for code, text in ERRORS.items()
    }
    return {200: {"description": "The verdict.", "content": _json(answer)}, **errors}


def request_body(schema: dict[str, Any], **others: dict[str, Any]) -> dict[str, Any]:
    """The `openapi_extra` of an operation: a JSON body, and the key."""
    content = _json(schema) | others
    return {"requestBody": {"required": True, "content": content}, "security": [{"key": []}, {}]}


def batch_body(operation: str) -> dict[str, Any]:
    """The JSON of a batch."""
    one: dict[str, Any] = REQUESTS[operation]
    request = one | {"properties": {"id": {"type": "string"}, **one["properties"]}}
    return {
        "type": "object",
        "required": ["requests"],
        "properties": {"requests": {"type": "array", "items": request}, "defaults": {"type": "object"}},
    }


SECURITY = {"key": {"type": "apiKey", "in": "header", "name": KEY_HEADER}}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
