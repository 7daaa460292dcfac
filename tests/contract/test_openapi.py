"""Requests generated from the server's own OpenAPI, good and bad: none is answered with a 5xx."""

from __future__ import annotations

import pytest

from ad_stream.azure_api.admission import Keys
from ad_stream.azure_api.server import create_app

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
hypothesis = pytest.importorskip("hypothesis")

KEY = "key"
# The versions share their handlers, so one of them is enough.
schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(keys=Keys([KEY]))).exclude(
    path_regex="/(v1.0|v1.1-preview|v1.1-preview.1)/"
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:Skipped test cases"
)


@schema.parametrize()
@hypothesis.settings(max_examples=12, deadline=None, suppress_health_check=list(hypothesis.HealthCheck), database=None)
def test_no_generated_request_breaks_the_server(case: schemathesis.Case) -> None:
    response = case.call(headers={"Ocp-Apim-Subscription-Key": KEY})
    assert response.status_code < 500
    if response.status_code >= 400:
        assert {"code", "message"} <= set(response.json())
