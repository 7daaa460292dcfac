"""The settings of the Kafka client, for each way of asking."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from ad_stream.errors import ConfigError
from ad_stream.sources.kafka.reader import _first, _told, client
from ad_stream.sources.kafka.settings import KafkaSource

KEY = "c2VjcmV0LWtleQ=="
HUB = f"Endpoint=sb://fleet.servicebus.windows.net/;SharedAccessKeyName=listen;SharedAccessKey={KEY};EntityPath=iot"
JAAS = "kafka.sasl.jaas.config"


def settings(**given: Any) -> KafkaSource:
    return KafkaSource(kind="kafka", **given)


def test_a_connection_string_alone_is_enough_for_an_event_hub() -> None:
    options = client(settings(connection_string=HUB), {})
    assert options["kafka.bootstrap.servers"] == "fleet.servicebus.windows.net:9093"
    assert options["subscribe"] == "iot"
    assert options["kafka.security.protocol"] == "SASL_SSL"
    assert options[JAAS] == (
        "org.apache.kafka.common.security.plain.PlainLoginModule required"
        f' username="$ConnectionString" password="{HUB}";'
    )


def test_the_named_topic_and_servers_win_over_the_connection_string() -> None:
    options = client(settings(connection_string=HUB, topic="other", bootstrap_servers="broker:1"), {})
    assert (options["kafka.bootstrap.servers"], options["subscribe"]) == ("broker:1", "other")


@pytest.mark.parametrize("given", [
    {"connection_string": HUB},
    {"bootstrap_servers": "fleet:9093", "topic": "iot", "service_principal": {"tenant_id": "t", "client_id": "c", "client_secret": "s"}},
])  # fmt: skip
def test_databricks_finds_every_class_under_its_own_name(given: dict[str, Any]) -> None:
    plain, shaded = client(settings(**given), {}), client(settings(**given), {"DATABRICKS_RUNTIME_VERSION": "16.4"})
    classes = [name for name, value in plain.items() if "org.apache.kafka" in value]
    assert JAAS in classes
    for name in classes:
        assert shaded[name] == plain[name].replace("org.apache.kafka", "kafkashaded.org.apache.kafka")
    assert {name: value for name, value in shaded.items() if name not in classes} == {
        name: value for name, value in plain.items() if name not in classes
    }


def test_a_service_principal_asks_its_tenant_for_a_token_of_the_namespace() -> None:
    who = {"tenant_id": "tenant-1", "client_id": "app-1", "client_secret": KEY}
    options = client(
        settings(bootstrap_servers="fleet.servicebus.windows.net:9093", topic="iot", service_principal=who), {}
    )
    assert options["kafka.sasl.mechanism"] == "OAUTHBEARER"
    assert (
        options["kafka.sasl.oauthbearer.token.endpoint.url"]
        == "https://login.microsoftonline.com/tenant-1/oauth2/v2.0/token"
    )
    assert (
        f'clientId="app-1" clientSecret="{KEY}" scope="https://fleet.servicebus.windows.net/.default"' in options[JAAS]
    )


def test_a_unity_catalog_credential_needs_no_login_settings() -> None:
    options = client(settings(bootstrap_servers="fleet:9093", topic="iot", service_credential="hub-reader"), {})
    assert options["databricks.serviceCredential"] == "hub-reader"
    assert not [name for name in options if "sasl" in name]


def test_plain_kafka_gets_nothing_that_only_an_event_hub_needs() -> None:
    options = client(settings(bootstrap_servers="broker:9092", topic="iot"), {})
    assert options == {
        "includeHeaders": "true", "failOnDataLoss": "false", "kafka.bootstrap.servers": "broker:9092", "subscribe": "iot",
    }  # fmt: skip


def test_a_connection_string_without_a_hub_asks_for_the_topic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB", HUB.removesuffix(";EntityPath=iot"))
    with pytest.raises(ConfigError, match=r"names no event hub: add source\.topic"):
        client(settings(connection_string="${env:HUB}"), {})


def test_a_stream_begins_at_the_named_time_to_the_millisecond() -> None:
    at = datetime(2026, 11, 1, 6, 30, 0, 250_000, tzinfo=timezone.utc)
    assert _first(settings(connection_string=HUB, start="latest"), at)["startingTimestamp"] == "1793514600250"
    assert (
        _first(settings(connection_string=HUB, start="2026-11-01T06:30Z"), None)["startingTimestamp"] == "1793514600000"
    )
    assert _first(settings(connection_string=HUB), None) == {"startingOffsets": "earliest"}


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        ("Failed to find data source: kafka.", "start it with --packages"),
        (f"SaslAuthenticationException: {HUB}", "refused the credentials of \\*\\*\\*: check key"),
        (f"TopicAuthorizationException {HUB}", "does not let this reader see the topic 'iot'"),
        (
            "UnknownTopicOrPartitionException: This server does not host this topic-partition.",
            "no topic or event hub 'iot'",
        ),
        (
            "TimeoutException: Timed out waiting for a node assignment. Call: describeTopics",
            "does not answer: check the name",
        ),
        (f"something new {HUB}", "cannot look at the topic 'iot'"),
    ],
)
def test_each_failure_of_the_first_look_is_a_sentence_without_the_key(cause: str, sentence: str) -> None:
    given = settings(connection_string=HUB)
    error = _told(cause, given, client(given, {}))
    assert error.exit_code == 2
    with pytest.raises(type(error), match=sentence):
        raise error
    assert KEY not in str(error)
