"""What the multivariate paths tell of themselves in OpenAPI; the checks themselves are in `questions`."""

from __future__ import annotations

from typing import Any

from ad_stream.azure_api import openapi
from ad_stream.azure_api.multivariate.questions import (
    ALIGN_MODES,
    FILL_METHODS,
    GENERAL,
    LONGEST_NAME,
    MOST_CONTRIBUTORS,
    MOST_LAST_ROWS,
    SCHEMAS,
    WINDOWS,
)

_TIME = {"type": "string", "format": "date-time"}
_ALIGN = {
    "type": "object",
    "properties": {
        "alignMode": {"type": "string", "enum": list(ALIGN_MODES)},
        "fillNAMethod": {"type": "string", "enum": list(FILL_METHODS)},
        "paddingValue": {"type": "number"},
    },
}
_STATUSES = {"train": 201, "delete": 204, "upload": 201}
_BINARY = {"type": "string", "format": "binary"}


def responses(name: str) -> dict[int | str, dict[str, Any]]:
    """Of an operation; a detection answers with 202 in v1.1 and 201 before."""
    found = openapi.responses({"type": "object"})
    good = found.pop(200)
    codes = (201, 202) if name == "detect" else (_STATUSES.get(name, 200),)
    return {**dict.fromkeys(codes, good), **found}


def request(name: str, version: str) -> dict[str, Any]:
    """The body of an operation, where it has one, and the key."""
    if name == "upload":
        body = {"required": True, "content": {"application/octet-stream": {"schema": _BINARY}}}
        return {"requestBody": body, "security": [{"key": []}, {}]}
    if name in ("train", "detect", "last_rows"):
        return openapi.request_body(_body(name, version))
    return {"security": [{"key": []}, {}]}


def _body(name: str, version: str) -> dict[str, Any]:
    if name == "last_rows":
        return _last_body(version)
    source = "dataSource" if version == GENERAL else "source"
    fields: dict[str, Any] = {source: {"type": "string"}, "startTime": _TIME, "endTime": _TIME}
    if name == "train":
        fields |= {
            "displayName": {"type": "string", "maxLength": LONGEST_NAME},
            "slidingWindow": {"type": "integer", "minimum": WINDOWS[0], "maximum": WINDOWS[-1]},
            "alignPolicy": _ALIGN,
        }
    if version == GENERAL:
        fields |= {"dataSchema": {"type": "string", "enum": list(SCHEMAS)}} if name == "train" else _top()
    return {"type": "object", "required": [source, "startTime", "endTime"], "properties": fields}


def _last_body(version: str) -> dict[str, Any]:
    named = "variable" if version == GENERAL else "name"
    variable = {
        "type": "object",
        "required": [named, "timestamps", "values"],
        "properties": {
            named: {"type": "string"},
            "timestamps": {"type": "array", "items": _TIME},
            "values": {"type": "array", "items": {"type": "number"}},
        },
    }
    rows = {"detectingPoints": {"type": "integer", "minimum": 1, "maximum": MOST_LAST_ROWS}}
    fields = {"variables": {"type": "array", "items": variable}, **(_top() if version == GENERAL else rows)}
    return {"type": "object", "required": ["variables"], "properties": fields}


def _top() -> dict[str, Any]:
    return {"topContributorCount": {"type": "integer", "minimum": 1, "maximum": MOST_CONTRIBUTORS}}
