"""Pages of other sites in this machine's browser: told by Host, Sec-Fetch-Site and Origin."""

from __future__ import annotations

import pytest
import requests

from ad_stream.azure_api.admission import Keys
from ad_stream.azure_api.local_server import listening
from ad_stream.azure_api.server import create_app
from ad_stream.web.callers import comes_from_elsewhere, is_loopback, names_this_machine


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]:5000"])
def test_names_of_this_machine(host: str) -> None:
    assert names_this_machine({"host": host})


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "[::1", "a@b", "192.0.2.7"]
)
def test_names_that_are_not_this_machine(host: str) -> None:
    assert not names_this_machine({"host": host})
    assert not is_loopback(host.partition(":")[0].replace("[", "x"))


@pytest.mark.parametrize(
    ("method", "headers", "elsewhere"),
    [
        ("POST", {}, False),
        ("GET", {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}, False),
        ("POST", {"sec-fetch-site": "cross-site"}, True),
        ("POST", {"sec-fetch-site": "same-site"}, True),
        ("POST", {"sec-fetch-site": "same-origin", "origin": "https://seen", "host": "behind-a-proxy"}, False),
        ("POST", {"sec-fetch-site": "none"}, False),
        ("POST", {"origin": "http://localhost:8010", "host": "localhost:8010"}, False),
        ("POST", {"origin": "http://localhost:9999", "host": "localhost:8010"}, True),
        ("POST", {"origin": "null", "host": "localhost:8010"}, True),
        ("POST", {"origin": "http://[", "host": "localhost:8010"}, True),
        ("DELETE", {"origin": "https://evil.example", "host": "localhost"}, True),
    ],
)
def test_what_a_page_of_another_site_may_not_do(method: str, headers: dict[str, str], elsewhere: bool) -> None:
    assert comes_from_elsewhere(method, headers) is elsewhere


@pytest.mark.slow
@pytest.mark.parametrize(
    "header", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_server_without_keys_answers_no_page_of_another_site(header: dict[str, str]) -> None:
    with listening(create_app(keys=Keys())) as address:
        path = f"{address}/batch/last"
        assert requests.post(path, json={"requests": []}, timeout=60).status_code == 200
        refused = requests.post(path, json={"requests": []}, headers=header, timeout=60)
        assert (refused.status_code, refused.json()["code"]) == (401, "Unauthorized")


@pytest.mark.slow
def test_with_a_key_the_name_of_the_server_is_free() -> None:
    with listening(create_app(keys=Keys(["key"]))) as address:
        headers = {"Host": "detector.example", "Ocp-Apim-Subscription-Key": "key"}
        assert requests.post(f"{address}/batch/last", json={"requests": []}, headers=headers, timeout=60).ok
