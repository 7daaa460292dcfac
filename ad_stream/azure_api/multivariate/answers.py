"""Records -> the bodies of the three versions, which differ in names: what an old client would not find is there under its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ad_stream.azure_api.multivariate.download import shown
from ad_stream.azure_api.multivariate.questions import GENERAL, PREVIEW
from ad_stream.azure_api.multivariate.store import Record

Body = dict[str, Any]


def model(record: Record, version: str) -> Body:
    """AnomalyDetectionModel (v1.1), Model (previews)."""
    question = record["question"]
    align = question["align"]
    policy = {"alignMode": align["mode"], "fillNAMethod": align["fill"], "paddingValue": align["padding"]}
    schema = {"dataSchema": question["schema"] or "OneTable"} if version == GENERAL else {}
    info = {
        **_stretch(question, version),
        **schema,
        "displayName": question["name"],
        "slidingWindow": question["window"],
        "alignPolicy": {name: value for name, value in policy.items() if value is not None},
        "status": record["status"],
        "errors": record["errors"],
        "diagnosticsInfo": _diagnostics(record.get("diagnostics"), version),
    }
    return {**_when(record), "modelInfo": {name: value for name, value in info.items() if value is not None}}


def models(records: Sequence[Record], version: str, *, count: int, most: int, link: str) -> Body:
    """A page of the list: full models in v1.1, snapshots in the previews; link '' where it is the last."""
    each = [model(one, version) if version == GENERAL else _snapshot(one) for one in records]
    return {"models": each, "currentCount": count, "maxCount": most, "nextLink": link}


def result(record: Record, version: str) -> Body:
    """The state of a detection, without its rows."""
    question = record["question"]
    top = {"topContributorCount": question["top"]} if version == GENERAL else {}
    summary = {
        "status": record["status"],
        "errors": record["errors"],
        "variableStates": variable_states(record.get("variable_states", []), version),
        "setupInfo": {**_stretch(question, version), **top},
    }
    return {"resultId": record["id"], "summary": summary}


def results(rows: Sequence[Mapping[str, Any]], version: str) -> list[Mapping[str, Any]]:
    """Rows as they are; v1.1-preview reads contributors where the later ones read interpretation."""
    if version != PREVIEW:
        return list(rows)
    return [row | {"value": row["value"] | {"contributors": _contributors(row)}} for row in map(dict, rows)]


def variable_states(states: Sequence[Mapping[str, Any]], version: str) -> list[Body]:
    """The previews call the times startTime and endTime, and have errors."""
    if version == GENERAL:
        return [dict(state) for state in states]
    return [
        {
            **{name: state[name] for name in ("variable", "filledNARatio", "effectiveCount")},
            "startTime": state["firstTimestamp"],
            "endTime": state["lastTimestamp"],
            "errors": [],
        }
        for state in states
    ]


def _contributors(row: Mapping[str, Any]) -> list[Body]:
    return [
        {"variable": one["variable"], "contributionScore": one["contributionScore"]}
        for one in row["value"]["interpretation"]
    ]


def _stretch(question: Mapping[str, Any], version: str) -> Body:
    name = "dataSource" if version == GENERAL else "source"
    return {name: shown(question["source"]), "startTime": question["start"], "endTime": question["end"]}


def _when(record: Record) -> Body:
    return {"modelId": record["id"], "createdTime": record["created"], "lastUpdatedTime": record["updated"]}


def _snapshot(record: Record) -> Body:
    return {
        **_when(record),
        "status": record["status"],
        "displayName": record["question"]["name"],
        "variablesCount": record.get("variables", 0),
    }


def _diagnostics(found: Mapping[str, Any] | None, version: str) -> Body | None:
    if found is None:
        return None
    return {**found, "variableStates": variable_states(found["variableStates"], version)}
