"""A connection string that cannot be right is refused when the configuration is read, and its key is not shown."""

from __future__ import annotations

import pytest

from ad_stream.config import load, parse
from ad_stream.errors import ConfigError
from tests.support.cases import case

KEY = "A" * 43 + "="
OF_DEVICES = f"HostName=myhub.azure-devices.net;SharedAccessKeyName=iothubowner;SharedAccessKey={KEY}"
OF_ONE_DEVICE = f"hostname=myhub.azure-devices.net;DeviceId=pump;SharedAccessKey={KEY}"
NAMESPACE = f"Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey={KEY}"


def refusal(**source: object) -> str:
    with pytest.raises(ConfigError) as caught:
        parse({"source": source, "tables": {"path": "t"}})
    assert KEY not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["event_hubs", "kafka"])
@pytest.mark.parametrize("text", [OF_DEVICES, OF_ONE_DEVICE])
def test_iot_hubs_own_string_is_told_from_the_built_in_endpoints(kind: str, text: str) -> None:
    said = refusal(kind=kind, connection_string=text)
    assert "source.connection_string" in said or kind == "kafka"
    assert "take the Event Hub-compatible endpoint under 'Built-in endpoints'" in said


@pytest.mark.parametrize(
    ("kind", "way_out"), [("event_hubs", "add ;EntityPath=<name of the hub>"), ("kafka", "add source.topic")]
)
def test_a_string_of_a_namespace_wants_its_hub(kind: str, way_out: str) -> None:
    assert way_out in refusal(kind=kind, connection_string=NAMESPACE)


@pytest.mark.parametrize(
    "source",
    [
        {"kind": "event_hubs", "connection_string": NAMESPACE + ";EntityPath=iot"},
        {"kind": "kafka", "connection_string": NAMESPACE, "topic": "iot"},
        {"kind": "event_hubs", "connection_string": "${env:NOT_SET_ANYWHERE}"},
    ],
)
def test_what_may_be_right_is_taken(source: dict[str, str]) -> None:
    parse({"source": source, "tables": {"path": "t"}})


@pytest.mark.parametrize(
    ("file", "words"), [("conf.yaml", "Built-in endpoints"), ("no_entity.yaml", "add ;EntityPath=")]
)
def test_the_cases_of_connection_strings(file: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load(case("validate-iot-hub-string") / file)
