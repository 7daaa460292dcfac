"""A certificate for `localhost`, made for one run, and the trust store that makes Java believe it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ad_stream import times
from ad_stream.errors import SetupError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

VALID = timedelta(days=30)


@dataclass(frozen=True)
class Certificate:
    """PEM files of a certificate that signed itself and of its key."""

    certificate: Path
    key: Path

    def java_trust_store(self) -> Path:
        """A JKS file with this certificate beside all that Java and Python trust; no password."""
        from ad_stream.runtime import jars, java, maven

        target = self.certificate.with_name("trust.jks")
        trusted = {"SSL_CERT_FILE": str(self.certificate)}
        return maven.trust_store(target, java.java_home(), jars.spark_folder() / "jars", trusted)


def certificate(folder: Path, *, now: datetime | None = None) -> Certificate:
    """The certificate in the folder, a new one where there is none; SetupError without the package cryptography."""
    written = Certificate(folder / "localhost.pem", folder / "localhost.key")
    if written.certificate.exists() and written.key.exists():
        return written
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise SetupError("the package cryptography is missing: pip install 'ad-stream[simulate-event-hubs]'") from None
    now = now or times.now()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now - VALID, now + VALID
    )
    signed = (
        builder.add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    written.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    _write_key(written.key, key)
    return written


def _write_key(path: Path, key: EllipticCurvePrivateKey) -> None:
    from cryptography.hazmat.primitives import serialization

    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
