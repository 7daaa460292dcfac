"""What both hub sources share: host and hub are read, nothing secret is shown."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ad_stream.connection_string import parse
from ad_stream.errors import ConfigError
from ad_stream.secrets import Secret
from ad_stream.sources.hub_options import revealed, starting

KEY = "c2VjcmV0LWtleQ=="
WHOLE = f"Endpoint=sb://fleet.servicebus.windows.net/;SharedAccessKeyName=listen;SharedAccessKey={KEY};EntityPath=iot"


def test_host_and_hub_are_read_and_the_text_stays_whole() -> None:
    read = parse(Secret(WHOLE))
    assert (read.host, read.hub, read.text) == ("fleet.servicebus.windows.net", "iot", WHOLE)
    assert KEY not in repr(read)


def test_a_string_of_a_namespace_names_no_hub() -> None:
    assert parse(Secret(WHOLE.removesuffix(";EntityPath=iot"))).hub is None


WITHOUT_KEY = WHOLE.replace(f";SharedAccessKey={KEY}", "")


@pytest.mark.parametrize("text", ["not at all", KEY, "Endpoint=fleet;SharedAccessKey=a", WHOLE + '"', WITHOUT_KEY])
def test_what_is_no_connection_string_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ConfigError, match="copy it from 'Shared access policies'") as caught:
        parse(Secret(text))
    assert KEY not in str(caught.value)
    assert text not in str(caught.value)


def test_what_the_tables_need_wins_over_the_configured_start() -> None:
    needed = datetime(2026, 11, 1, 6, tzinfo=timezone.utc)
    assert starting("latest", needed) == needed
    assert starting("latest", None) == "latest"
    assert starting("2026-11-01T06:00Z", None) == needed


def test_secret_references_in_options_are_resolved_and_plain_values_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BROKER_LOGIN", "user and password")
    options = {"kafka.sasl.jaas.config": "${env:BROKER_LOGIN}", "minPartitions": "8"}
    assert revealed(options) == {"kafka.sasl.jaas.config": "user and password", "minPartitions": "8"}
