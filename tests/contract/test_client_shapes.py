"""Requests as clients that are not installed here write them: version in the path, spelling of the path, form of the times.

Each client is known by what it puts on the wire; all of them mean the same series, so all get the same verdict.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests

from ad_stream.azure_api.admission import Keys
from ad_stream.azure_api.local_server import listening
from ad_stream.azure_api.server import create_app

KEY = "the-same-key-as-before"
START = datetime(2026, 11, 1, tzinfo=timezone.utc)
OPERATIONS = ("entire", "last", "changepoint")


@dataclass(frozen=True)
class Shape:
    """version: in the path; change: how the client spells changepoint; time: strftime of a timestamp; more: members beside the
    usual ones; media: its Content-Type."""

    version: str
    change: str
    time: str
    more: dict[str, Any]
    media: str = "application/json"
    slash: str = ""


CLIENTS = {
    "Python, azure-cognitiveservices-anomalydetector 0.3.0": Shape(
        "v1.0", "changePoint", "%Y-%m-%dT%H:%M:%S.000Z", {"maxAnomalyRatio": 0.25}, "application/json; charset=utf-8"
    ),
    "Python, azure-ai-anomalydetector 3.0.0b2": Shape(
        "v1.1-preview", "changepoint", "%Y-%m-%dT%H:%M:%S.000Z", {"maxAnomalyRatio": 0.25}
    ),
    "Python, azure-ai-anomalydetector 3.0.0b3 to b5": Shape(
        "v1.1-preview.1", "changepoint", "%Y-%m-%dT%H:%M:%S.000Z", {"imputeMode": "auto"}
    ),
    ".NET, Microsoft.Azure.CognitiveServices.AnomalyDetector": Shape(
        "v1.0", "changePoint", "%Y-%m-%dT%H:%M:%SZ", {}, "application/json; charset=utf-8", slash="/"
    ),
    ".NET, Azure.AI.AnomalyDetector 3.0.0-preview": Shape(
        "v1.1", "changepoint", "%Y-%m-%dT%H:%M:%S.0000000Z", {"imputeMode": "auto", "imputeFixedValue": 0}
    ),
    "Java, azure-ai-anomalydetector 3.0.0-beta": Shape("v1.1-preview", "changepoint", "%Y-%m-%dT%H:%M:%SZ", {"maxAnomalyRatio": 0.25}),
    "Java, an offset in its times": Shape("v1.1", "changepoint", "%Y-%m-%dT%H:%M:%S+00:00", {}),
    "JavaScript, @azure/ai-anomaly-detector": Shape("v1.0", "changepoint", "%Y-%m-%dT%H:%M:%S.000Z", {}),
    "JavaScript, @azure-rest/ai-anomaly-detector": Shape(
        "v1.1", "changepoint", "%Y-%m-%dT%H:%M:%S.000Z", {"imputeMode": "auto"}, "application/json; charset=UTF-8"
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with listening(create_app(keys=Keys([KEY]))) as address:
        yield address


def values() -> list[float]:
    noise = random.Random(7)
    return [*([10.0, 12, 13, 13, 14, 25, 24][i % 7] + noise.gauss(0, 0.3) for i in range(48)), 90.0]


def body(shape: Shape, operation: str) -> dict[str, Any]:
    rows = [{"timestamp": f"{START + timedelta(days=i):{shape.time}}", "value": v} for i, v in enumerate(values())]
    more = {} if operation == "changepoint" else {"sensitivity": 95, **shape.more}
    return {"series": rows, "granularity": "daily", "customInterval": 1, **more}


def answer(endpoint: str, shape: Shape, operation: str) -> dict[str, Any]:
    named = shape.change if operation == "changepoint" else operation
    path = f"{endpoint}{shape.slash}/anomalydetector/{shape.version}/timeseries/{named}/detect"
    headers = {"Ocp-Apim-Subscription-Key": KEY, "Content-Type": shape.media, "Accept": "application/json"}
    reply = requests.post(path, data=json.dumps(body(shape, operation)), headers=headers, timeout=60)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_client_gets_the_same_verdict_for_the_same_series(endpoint: str, operation: str) -> None:
    answers = {name: answer(endpoint, shape, operation) for name, shape in CLIENTS.items()}
    # Later versions of the contract have a member more; the members of the first one are those that all know.
    first = answers["Python, azure-cognitiveservices-anomalydetector 0.3.0"]
    told = {name: {member: found[member] for member in first if member in found} for name, found in answers.items()}
    assert [name for name, found in told.items() if found != first] == []
    flags = first["isAnomaly"] if operation != "changepoint" else first["isChangePoint"]
    assert flags is True if operation == "last" else len(flags) == len(values())


@pytest.mark.parametrize("name", CLIENTS)
def test_a_wrong_key_is_told_in_the_form_that_clients_parse(endpoint: str, name: str) -> None:
    shape = CLIENTS[name]
    path = f"{endpoint}/anomalydetector/{shape.version}/timeseries/last/detect"
    headers = {"Ocp-Apim-Subscription-Key": "another", "Content-Type": shape.media}
    reply = requests.post(path, data=json.dumps(body(shape, "last")), headers=headers, timeout=60)
    assert reply.status_code == 401
    assert {"code", "message"} <= reply.json().get("error", reply.json()).keys()
