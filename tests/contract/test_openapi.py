"""Requests generated from the server's own OpenAPI, good and bad, over sockets: none is answered with a 5xx."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ad_stream.azure_api.admission import Keys, Limits
from ad_stream.azure_api.local_server import listening
from ad_stream.azure_api.multivariate.settings import MultivariateSettings
from ad_stream.azure_api.server import create_app

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
hypothesis = pytest.importorskip("hypothesis")

KEY = "key"
LIMITS = Limits(body_bytes=64 * 1024, batch_bytes=128 * 1024, held_bytes=256 * 1024, in_flight=4, workers=1)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The schema of a real server with narrow limits; its versions share their handlers, so one of them is asked."""
    folder = tmp_path_factory.mktemp("served")
    models = MultivariateSettings(state=folder / "state", data_root=folder, processes=1)
    with listening(create_app(keys=Keys([KEY]), limits=LIMITS, multivariate=models, tables=folder)) as address:
        yield schemathesis.openapi.from_url(f"{address}/openapi.json")


# What the fixture leaves out is asked all the same; what is left out here is not.
schema = schemathesis.pytest.from_fixture("api").exclude(path_regex="/(v1.0|v1.1-preview|v1.1-preview.1)/")

pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore:Skipped test cases"
)


@schema.parametrize()
@hypothesis.settings(max_examples=12, deadline=None, suppress_health_check=list(hypothesis.HealthCheck), database=None)
def test_no_generated_request_breaks_the_server(case: Any) -> None:
    response = case.call(headers={"Ocp-Apim-Subscription-Key": KEY})
    assert response.status_code < 500
    if response.status_code >= 400:
        assert {"code", "message"} <= set(response.json())
