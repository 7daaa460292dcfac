"""Two ways to fetch the closure of Maven coordinates, neither needs anything installed beside pyspark and a Java.

Coordinates are `group:name:version`; after a comma follow those that take the place of what the first names in another
version.
"""

from __future__ import annotations

import os
import ssl
import subprocess
import tempfile
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ad_stream.errors import SetupError
from ad_stream.runtime.java import java_home

IVY_FILE = """<ivy-module version="2.0">
  <info organisation="ad_stream" module="jars"/>
  <configurations><conf name="default"/></configurations>
  <dependencies>{dependencies}</dependencies>
</ivy-module>
"""
IVY_ONE = '<dependency org="{group}" name="{name}" rev="{version}" conf="default->default">{without}</dependency>'
IVY_WITHOUT = '<exclude org="{group}" module="{name}"/>'

POM_FILE = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion><groupId>ad_stream</groupId><artifactId>jars</artifactId><version>1</version>
  <dependencies>{dependencies}</dependencies>
</project>
"""
POM_ONE = (
    "<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version></dependency>"
)

SECONDS = 600
"""How long one download may take in all."""

SIGNS = ("PKIX", "UnknownHost", "timed out", "refused", "not found", "[ERROR]", "ERROR:")
"""Words of a resolver's output that name the cause, the most telling first."""


def ivy(coordinates: str, folder: Path, spark_jars: Path, environ: Mapping[str, str] = os.environ) -> None:
    """Fetch with the Ivy among Spark's own jars, which knows Maven Central by itself; SetupError if that fails."""
    home = java_home(environ)
    with tempfile.TemporaryDirectory(prefix="ad_stream-ivy-") as temporary:
        work = Path(temporary)
        (work / "ivy.xml").write_text(ivy_file(coordinates))
        store = trust_store(work / "trust.jks", home, spark_jars, environ)
        command = [
            str(home / "bin" / "java"),
            f"-Djavax.net.ssl.trustStore={store}",
            f"-Divy.default.ivy.user.dir={work}",
            # Ivy itself waits for ever on a connection that has gone silent.
            "-Dsun.net.client.defaultConnectTimeout=20000",
            "-Dsun.net.client.defaultReadTimeout=60000",
            *_proxy_options(),
            *("-cp", str(next(spark_jars.glob("ivy-*.jar"))), "org.apache.ivy.Main", "-confs", "default"),
            *("-ivy", str(work / "ivy.xml"), "-cache", str(work / "cache")),
            *("-retrieve", f"{folder}/[artifact]-[revision](-[classifier]).[ext]"),
        ]
        _run("Ivy", command, folder, environ)


def mvn(coordinates: str, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
    """Fetch with the Maven on the PATH and its own settings (mirrors, proxies); SetupError if that fails."""
    with tempfile.TemporaryDirectory(prefix="ad_stream-mvn-") as temporary:
        pom = Path(temporary) / "pom.xml"
        pom.write_text(POM_FILE.format(dependencies="".join(POM_ONE.format(**one) for one in _each(coordinates))))
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
        _run(
            "Maven",
            ["mvn", "--quiet", "--batch-mode", "-Dstyle.color=never", "--file", str(pom), *goal],
            folder,
            environ,
        )


def trust_store(target: Path, home: Path, spark_jars: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """A Java trust store of what Java trusts and what Python trusts, such as the certificate of a company's proxy.

    Python's side is its default, SSL_CERT_FILE, REQUESTS_CA_BUNDLE and PIP_CERT.
    """
    from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

    bundle = target.with_suffix(".pem")
    bundle.write_text("".join(ssl.DER_cert_to_PEM_cert(der) for der in _python_trusts(environ)))
    port, token = launch_gateway(
        jarpath=str(next(spark_jars.glob("py4j-*.jar"))),
        java_path=str(home / "bin" / "java"),
        die_on_exit=True,
        enable_auth=True,
    )
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port, auth_token=token, auto_convert=True))
    try:
        java = gateway.jvm.java
        store = java.security.KeyStore.getInstance("JKS")
        own = home / "lib" / "security" / "cacerts"
        store.load(java.io.FileInputStream(str(own)) if own.exists() else None, None)
        factory = java.security.cert.CertificateFactory.getInstance("X.509")
        for number, certificate in enumerate(factory.generateCertificates(java.io.FileInputStream(str(bundle)))):
            store.setCertificateEntry(f"ad_stream-{number}", certificate)
        stream = java.io.FileOutputStream(str(target))
        store.store(stream, gateway.new_array(gateway.jvm.char, 0))
        stream.close()
    finally:
        gateway.shutdown()
    return target


def _python_trusts(environ: Mapping[str, str]) -> list[bytes]:
    context = ssl.create_default_context()
    defaults = ssl.get_default_verify_paths()
    named = [environ.get(name) for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")]
    # A context reads a folder of certificates only while it connects, so the bundle in it is named here.
    in_folder = f"{defaults.capath}/ca-certificates.crt" if defaults.capath else None
    for path in [*named, in_folder]:
        if path and Path(path).is_file():
            context.load_verify_locations(path)
    return context.get_ca_certs(binary_form=True)


def _proxy_options() -> list[str]:
    proxy = urlsplit(urllib.request.getproxies().get("https", ""))
    if not proxy.hostname:
        return []
    return [f"-Dhttps.proxyHost={proxy.hostname}", f"-Dhttps.proxyPort={proxy.port or 443}"]


def ivy_file(coordinates: str) -> str:
    """What Ivy reads; each of the coordinates leaves to the others what they name."""
    named = _each(coordinates)
    without = {one["name"]: "".join(IVY_WITHOUT.format(**other) for other in named if other != one) for one in named}
    return IVY_FILE.format(dependencies="".join(IVY_ONE.format(**one, without=without[one["name"]]) for one in named))


def _each(coordinates: str) -> list[dict[str, str]]:
    return [dict(zip(("group", "name", "version"), one.split(":"), strict=True)) for one in coordinates.split(",")]


def _run(who: str, command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
    try:
        answer = subprocess.run(command, capture_output=True, text=True, env=dict(environ), timeout=SECONDS)
    except OSError as error:
        raise SetupError(f"{who} did not start: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise SetupError(f"{who} was not done after {SECONDS} seconds") from None
    if answer.returncode or not any(folder.glob("*.jar")):
        raise SetupError(f"{who} says: {_cause(answer.stdout + answer.stderr)}")


def _cause(output: str) -> str:
    lines = [line.strip(" :\t") for line in output.splitlines()]
    return next((line[:300] for sign in SIGNS for line in lines if sign in line), "nothing was found")
