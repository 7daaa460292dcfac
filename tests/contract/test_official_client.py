"""Microsoft's own client (azure-ai-anomalydetector 3.0.0b6), unchanged, against the server."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ad_stream.azure_api.admission import Keys
from ad_stream.azure_api.local_server import listening
from ad_stream.azure_api.server import create_app

anomalydetector = pytest.importorskip("azure.ai.anomalydetector", reason="azure-ai-anomalydetector is not installed")
models = pytest.importorskip("azure.ai.anomalydetector.models")
credentials = pytest.importorskip("azure.core.credentials")
exceptions = pytest.importorskip("azure.core.exceptions")

KEY = "the-same-key-as-before"
START = datetime(2026, 11, 1, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with listening(create_app(keys=Keys([KEY]))) as address:
        yield address


@pytest.fixture
def client(endpoint: str) -> Iterator[Any]:
    with anomalydetector.AnomalyDetectorClient(endpoint, credentials.AzureKeyCredential(KEY)) as opened:
        yield opened


def points(values: list[float]) -> list[Any]:
    return [models.TimeSeriesPoint(timestamp=START + timedelta(days=i), value=v) for i, v in enumerate(values)]


def weeks(n: int) -> list[float]:
    noise = random.Random(7)
    return [[10.0, 12, 13, 13, 14, 25, 24][i % 7] + noise.gauss(0, 0.3) for i in range(n)]


@pytest.mark.slow
def test_last_point(client: Any) -> None:
    options = models.UnivariateDetectionOptions(
        series=points([*weeks(48), 90.0]), granularity=models.TimeGranularity.DAILY, sensitivity=95
    )
    answer = client.detect_univariate_last_point(options)
    assert answer.is_anomaly is True
    assert answer.is_positive_anomaly is True
    assert answer.period == 7
    assert answer.suggested_window == 29
    assert 0 < answer.severity <= 1


@pytest.mark.slow
def test_entire_series(client: Any) -> None:
    values = weeks(60)
    values[30] = 90.0
    options = models.UnivariateDetectionOptions(
        series=points(values),
        granularity=models.TimeGranularity.DAILY,
        sensitivity=85,
        max_anomaly_ratio=0.1,
        impute_mode=models.ImputeMode.AUTO,
    )
    answer = client.detect_univariate_entire_series(options)
    assert answer.is_anomaly[30]
    assert len(answer.expected_values) == len(answer.upper_margins) == len(answer.severity) == 60


def test_change_points(client: Any) -> None:
    values = [v + (60 if i >= 42 else 0) for i, v in enumerate(weeks(84))]
    options = models.UnivariateChangePointDetectionOptions(
        series=points(values), granularity=models.TimeGranularity.DAILY, period=7, threshold=0.95
    )
    answer = client.detect_univariate_change_point(options)
    assert [i for i, flag in enumerate(answer.is_change_point) if flag] == [42]
    assert answer.confidence_scores[42] >= 0.95


BAD: dict[str, dict[str, Any]] = {
    "InvalidSeries": {"series": points(weeks(5)), "granularity": "daily"},
    "InvalidGranularity": {"series": points(weeks(20)), "granularity": "fortnightly"},
    "InvalidCustomInterval": {"series": points(weeks(20)), "granularity": "daily", "custom_interval": 0},
    "InvalidPeriod": {"series": points(weeks(20)), "granularity": "daily", "period": -7},
    "InvalidModelArgument": {"series": points(weeks(20)), "granularity": "daily", "max_anomaly_ratio": 0.9},
    "InvalidImputeMode": {"series": points(weeks(20)), "granularity": "daily", "impute_mode": "magic"},
    "InvalidImputeFixedValue": {"series": points(weeks(20)), "granularity": "daily", "impute_mode": "fixed"},
}


@pytest.mark.parametrize("code", list(BAD))
def test_its_error_handling_sees_status_and_code(client: Any, code: str) -> None:
    with pytest.raises(exceptions.HttpResponseError) as caught:
        client.detect_univariate_last_point(models.UnivariateDetectionOptions(**BAD[code]))
    assert caught.value.status_code == 400
    assert caught.value.response.headers["x-ms-error-code"] == code
    assert code in caught.value.message


def test_a_wrong_key_is_its_authentication_error(endpoint: str) -> None:
    with (
        anomalydetector.AnomalyDetectorClient(endpoint, credentials.AzureKeyCredential("wrong")) as client,
        pytest.raises(exceptions.ClientAuthenticationError),
    ):
        client.detect_univariate_last_point(models.UnivariateDetectionOptions(series=points(weeks(20))))


def test_the_multivariate_calls_say_that_they_are_not_offered(client: Any) -> None:
    with pytest.raises(exceptions.ResourceNotFoundError) as caught:
        client.get_multivariate_model("7")
    assert "not offered" in str(caught.value)
