"""Paths as clients of all generations write them, and the probes of the container that was here before."""

from __future__ import annotations

import json

import pytest
import requests

from ad_stream.azure_api.paths import PROBES, as_served
from tests.support.cases import case
from tests.unit.azure_api.conftest import KEY
from tests.unit.detectors.azure.requests import noise, request

HEADERS = {"Ocp-Apim-Subscription-Key": KEY, "Content-Type": "application/json"}


@pytest.mark.parametrize(
    "path",
    [
        "/anomalydetector/v1.0/timeseries/changePoint/detect",  # azure-cognitiveservices-anomalydetector 0.3.0
        "/anomalydetector/v1.1/timeseries/changepoint/detect",  # azure-ai-anomalydetector
        "/AnomalyDetector/V1.1-preview.1/TimeSeries/ChangePoint/Detect",
        "//anomalydetector/v1.0/timeseries/changepoint/detect",  # an endpoint that ends with a slash
        "/anomalydetector/v1.0/timeseries/changepoint/detect/",
    ],
)
def test_a_path_is_known_in_every_spelling(served: str, path: str) -> None:
    reply = requests.post(served + path, json=request(noise(1, 30), "daily"), headers=HEADERS, timeout=30)
    assert (reply.status_code, len(reply.json()["isChangePoint"])) == (200, 30)


def test_another_path_is_still_unknown(served: str) -> None:
    reply = requests.post(served + "/anomalydetector/v1.0/timeseries/first/detect/", timeout=30, headers=HEADERS)
    assert (reply.status_code, reply.json()["code"]) == (404, "NotFound")


@pytest.mark.parametrize("path", [*PROBES, "/READY", "/status/"])
@pytest.mark.parametrize("verb", ["GET", "HEAD"])
def test_probes_are_answered_without_a_key(served: str, verb: str, path: str) -> None:
    assert requests.request(verb, served + path, timeout=30).status_code == 200


def test_the_root_stays_the_root() -> None:
    assert (as_served("/"), as_served("//"), as_served("")) == ("/", "/", "/")


def test_the_case_of_the_old_client_is_answered(served: str) -> None:
    body = json.loads((case("serve-path-case") / "req.json").read_text())
    path = "/anomalydetector/v1.0/timeseries/changePoint/detect"
    reply = requests.post(served + path, json=body, headers=HEADERS, timeout=30)
    assert (reply.status_code, len(reply.json()["isChangePoint"])) == (200, 30)
