"""What the kafka target asks of its client; tests/brokers/test_push.py sends to a broker."""

from __future__ import annotations

import pytest

from ad_stream.errors import ConfigError
from ad_stream.push.base import Delivery
from ad_stream.push.registry import by_kind
from ad_stream.push.targets.kafka import Kafka
from tests.unit.push.memory import row

HUB = "Endpoint=sb://iot.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=c2VjcmV0LWtleQ==;EntityPath=verdicts"


def test_an_event_hub_or_eventstream_is_asked_over_tls_with_its_connection_string() -> None:
    settings, hub = Kafka(connection_string=HUB)._settings()
    assert hub == "verdicts"
    assert {name: settings[name] for name in settings if name.startswith(("bootstrap", "security", "sasl"))} == {
        "bootstrap.servers": "iot.servicebus.windows.net:9093", "security.protocol": "SASL_SSL", "sasl.mechanisms": "PLAIN",
        "sasl.username": "$ConnectionString", "sasl.password": HUB,
    }  # fmt: skip
    assert (settings["enable.idempotence"], settings["message.timeout.ms"]) == (True, 0)


def test_options_win_and_may_be_references(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_PASSWORD", "p4ssw0rd-0123456789")
    options = {"sasl.password": "${env:KAFKA_PASSWORD}", "enable.idempotence": False}
    target = Kafka(bootstrap_servers="h:9092", topic="t", options=options)
    settings, hub = target._settings()
    assert (hub, settings["sasl.password"], settings["enable.idempotence"]) == (None, "p4ssw0rd-0123456789", False)
    assert "p4ssw0rd" not in repr(target) + str(vars(target))


def test_a_connection_string_of_a_namespace_needs_a_topic() -> None:
    target = Kafka(connection_string=HUB.replace(";EntityPath=verdicts", ""))
    said = "the push target 'kafka' has no topic, and the connection string has no EntityPath: give one"
    assert list(target.push(iter([row()]), 5)) == [Delivery(0, "failed", said)]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "the push target 'kafka' has no place: give bootstrap_servers and topic, or the connection_string"),
        ({"topic": "t"}, "the push target 'kafka' has no place"),
        ({"bootstrap_servers": "h", "topic": "t", "rows": "none"}, "'rows' of the push target 'kafka' is 'none'"),
        ({"brokers": "h"}, "unknown option 'brokers' of the push target 'kafka'"),
    ],
)
def test_wrong_settings_are_one_sentence(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        by_kind("kafka", **options)
    assert sentence in str(caught.value)
