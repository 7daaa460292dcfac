"""Over TLS the address is the one that was looked at, and the certificate has to be that of the host that was named."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from ad_stream.azure_api.multivariate.download import Fetching, probe
from ad_stream.azure_api.multivariate.faults import ContractError

x509 = pytest.importorskip("cryptography.x509", reason="cryptography is not installed")
NAME = "storage.example"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and self-signed certificate of NAME in one file."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(timezone.utc)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(7).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(scope="module")
def storage(certificate: Path) -> Iterator[HTTPServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with HTTPServer(host="127.0.0.1", ssl_context=context) as server:
        server.expect_request("/x.zip").respond_with_data(b"x")
        yield server


def look(host: str, port: int) -> None:
    place = f"{host}:{port}"
    probe(f"https://{place}/x.zip?sig=s3cr3t", Fetching(hosts=(place,), most=10, resolve=lambda *_: ["127.0.0.1"]))


def test_the_certificate_of_the_named_host_is_good_at_the_address_that_was_looked_at(
    storage: HTTPServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    look(NAME, storage.port)


@pytest.mark.parametrize(("host", "trusted"), [("other.example", True), (NAME, False)])
def test_another_hosts_certificate_and_one_that_nobody_vouches_for_are_refused(
    storage: HTTPServer, certificate: Path, monkeypatch: pytest.MonkeyPatch, host: str, trusted: bool
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    if trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with pytest.raises(ContractError, match=r"cannot be reached \(SSLError\)") as caught:
        look(host, storage.port)
    assert caught.value.code == "StorageReadError"
    assert "s3cr3t" not in caught.value.message
