"""Sources over http: from listed hosts only, never by way of one to somewhere else, and no secret is told."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from ad_stream.azure_api.multivariate.download import Fetching, fetch, forbidden, place_of, probe, shown
from ad_stream.azure_api.multivariate.faults import ContractError

AZURE = "*.blob.core.windows.net"
SAS = "sv=2022-11-02&se=2026-12-01&sig=s3cr3t%2Fsignature"


@pytest.fixture
def storage() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1") as server:
        server.expect_request("/data/x.zip").respond_with_data(b"content" * 1000)
        server.expect_request("/moved").respond_with_data(
            status=302, headers={"Location": server.url_for("/data/x.zip")}
        )
        server.expect_request("/refused").respond_with_data(status=403)
        server.expect_request("/broken").respond_with_data(status=500)
        yield server


def listed(server: HTTPServer, **more: Any) -> Fetching:
    fields: dict[str, Any] = {"hosts": (f"127.0.0.1:{server.port}",), "most": 1_000_000, "timeout": 5.0}
    return Fetching(**fields | more)


def code(source: str, fetching: Fetching) -> str:
    with pytest.raises(ContractError) as caught:
        probe(source, fetching)
    assert "s3cr3t" not in caught.value.message
    return caught.value.code


def nowhere(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host}:{port} was asked for")


def test_a_listed_host_is_fetched_from(storage: HTTPServer, tmp_path: Path) -> None:
    source = storage.url_for("/data/x.zip") + "?" + SAS
    probe(source, listed(storage))
    fetch(source, tmp_path / "x", listed(storage), deadline=time.monotonic() + 60)
    assert (tmp_path / "x").read_bytes() == b"content" * 1000
    assert storage.log[-1][0].query_string.decode() == SAS
    assert storage.log[-1][0].headers["Host"] == f"127.0.0.1:{storage.port}"


@pytest.mark.parametrize(
    "source",
    [
        "http://example.com/x.zip",
        "https://blob.core.windows.net.evil.example/x.zip",
        "https://evil.example/?a.blob.core.windows.net",
        "https://evil.example/#.blob.core.windows.net",
        "https://a.blob.core.windows.net@evil.example/x.zip",
        "https://evil.example\\@a.blob.core.windows.net/x.zip",
        "https://a.blob.core.windows.net:8443/x.zip",
        "http://user:word@a.blob.core.windows.net/x.zip",
        "https://a.blob.core.windows.net/x\r\nHost: y",
        "https:///x.zip",
        "http://[::1/x.zip",
        "http://a.blob.core.windows.net:99999/x",
        "http://äpfel.blob.core.windows.net/x",
        "https://blob.core.windows.net/x",
    ],
)
def test_addresses_off_the_list_and_odd_ones_are_refused_before_any_name_is_looked_up(source: str) -> None:
    fetching = Fetching(hosts=(AZURE,), most=10, resolve=nowhere)
    assert code(f"{source}?{SAS}" if "?" not in source and "#" not in source else source, fetching) == "InvalidBlobURL"


def test_without_a_list_nothing_is_fetched() -> None:
    assert (
        code("https://a.blob.core.windows.net/x.zip", Fetching(hosts=(), most=10, resolve=nowhere)) == "InvalidBlobURL"
    )


def test_a_pattern_names_a_port_or_means_the_usual_ones() -> None:
    assert place_of("https://A.blob.core.windows.net/x", [AZURE]).port == 443
    assert place_of("http://store:10000/x?a=1", ["store:10000"]).target == "/x?a=1"
    assert place_of("http://[::1]:8080/x", ["[::1]:8080"]).host == "::1"
    with pytest.raises(ContractError):
        place_of("http://store:10001/x", ["store:10000", "store"])


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "169.254.1.1", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "100.100.100.200", "168.63.129.16",
        "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1", "240.0.0.1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)  # fmt: skip
def test_metadata_and_odd_addresses_are_refused_even_for_a_host_that_was_named(address: str) -> None:
    assert forbidden(address, literal=True)
    named = Fetching(hosts=("storage",), most=10, resolve=lambda *_: [address])
    assert code("http://storage/x", named) == "InvalidBlobURL"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "fd12::1", "::ffff:10.0.0.1"]
)
def test_private_addresses_need_the_host_itself_in_the_list(address: str) -> None:
    assert forbidden(address, literal=False)
    assert not forbidden(address, literal=True)
    by_pattern = Fetching(hosts=("*.corp.example",), most=10, resolve=lambda *_: [address])
    assert code("http://a.corp.example/x", by_pattern) == "InvalidBlobURL"


@pytest.mark.parametrize("address", ["20.60.1.1", "2603:1030::1"])
def test_public_addresses_are_fine(address: str) -> None:
    assert not forbidden(address, literal=False)


def test_one_bad_address_among_good_ones_is_enough() -> None:
    both = Fetching(hosts=(AZURE,), most=10, resolve=lambda *_: ["20.60.1.1", "169.254.169.254"])
    assert code("https://a.blob.core.windows.net/x", both) == "InvalidBlobURL"


def test_the_address_that_was_looked_at_is_the_one_that_is_connected_to(storage: HTTPServer) -> None:
    """A second look-up could name another one (DNS rebinding)."""
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    host = f"no-such-name.invalid:{storage.port}"
    probe(f"http://{host}/data/x.zip", Fetching(hosts=(host,), most=10_000, resolve=resolve))
    assert asked == ["no-such-name.invalid"]
    assert storage.log[-1][0].headers["Host"] == host


def test_redirects_are_not_followed(storage: HTTPServer) -> None:
    assert code(storage.url_for(f"/moved?{SAS}"), listed(storage)) == "InvalidBlobURL"
    assert [request.path for request, _ in storage.log] == ["/moved"]


@pytest.mark.parametrize(
    ("path", "expected"), [("/none", "FileNotExist"), ("/refused", "StorageReadError"), ("/broken", "StorageReadError")]
)
def test_what_storage_refuses_has_the_contracts_code(storage: HTTPServer, path: str, expected: str) -> None:
    storage.expect_request("/none").respond_with_data(status=404)
    assert code(storage.url_for(f"{path}?{SAS}"), listed(storage)) == expected


def test_a_host_that_does_not_answer_is_a_read_error(storage: HTTPServer) -> None:
    gone = f"127.0.0.1:{storage.port}"
    storage.stop()
    assert code(f"http://{gone}/x?{SAS}", Fetching(hosts=(gone,), most=10)) == "StorageReadError"


def test_a_source_that_is_too_large_is_not_fetched(storage: HTTPServer, tmp_path: Path) -> None:
    assert code(storage.url_for("/data/x.zip"), listed(storage, most=100)) == "InvalidFileSize"


def test_a_source_that_does_not_say_how_large_it_is_is_counted(storage: HTTPServer, tmp_path: Path) -> None:
    def endless(_: Request) -> Response:
        return Response((b"x" * 10_000 for _ in range(1000)), direct_passthrough=True)

    storage.expect_request("/endless").respond_with_handler(endless)
    with pytest.raises(ContractError) as caught:
        fetch(
            storage.url_for("/endless"), tmp_path / "x", listed(storage, most=200_000), deadline=time.monotonic() + 60
        )
    assert caught.value.code == "InvalidFileSize"
    assert (tmp_path / "x").stat().st_size <= 200_000


def test_a_source_that_takes_too_long_is_left(storage: HTTPServer, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="takes too long") as caught:
        fetch(storage.url_for("/data/x.zip"), tmp_path / "x", listed(storage), deadline=5.0, clock=lambda: 6.0)
    assert caught.value.code == "StorageReadError"


def test_no_log_at_any_level_has_the_signature(
    storage: HTTPServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for path in ("/data/x.zip", "/moved", "/refused"):
            source = storage.url_for(f"{path}?{SAS}")
            try:
                fetch(source, tmp_path / "x", listed(storage), deadline=time.monotonic() + 60)
            except ContractError as error:
                assert error.__cause__ is None
                assert "s3cr3t" not in error.message
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("werkzeug")]
    assert "s3cr3t" not in "\n".join(ours)
    assert shown(f"https://a.blob.core.windows.net/c/x.zip?{SAS}") == "https://a.blob.core.windows.net/c/x.zip?***"
