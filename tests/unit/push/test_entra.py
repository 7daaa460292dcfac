"""Tokens by the real azure-identity, from a stand-in for Entra's endpoint over TLS."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from ad_stream.errors import ConfigError, RunError
from ad_stream.push.entra import POWER_BI, service_principal
from ad_stream.push.targets.power_bi import bearer
from ad_stream.secrets import Secret
from ad_stream.simulate.event_hubs.certificate import Certificate
from ad_stream.simulate.event_hubs.certificate import certificate as make_certificate

SECRET = "ClIeNt-SeCrEt-0123456789"


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return make_certificate(tmp_path)


@pytest.fixture
def entra(certificate: Certificate) -> Iterator[HTTPServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    with HTTPServer(host="localhost", ssl_context=context) as server:
        found = {name: server.url_for(f"/tenant/oauth2/v2.0/{name}") for name in ("token", "authorize")}
        server.expect_request("/tenant/v2.0/.well-known/openid-configuration").respond_with_json(
            {
                "token_endpoint": found["token"],
                "authorization_endpoint": found["authorize"],
                "issuer": server.url_for("/tenant/v2.0"),
            }
        )
        yield server


def principal(server: HTTPServer, certificate: Certificate, secret: str = SECRET) -> Any:
    return service_principal(
        tenant_id="tenant", client_id="app-1", client_secret=Secret(secret), authority=server.url_for(""),
        disable_instance_discovery=True, connection_verify=str(certificate.certificate),
    )  # fmt: skip


@pytest.mark.slow
def test_a_service_principal_gets_a_token_for_power_bi_and_keeps_it(
    entra: HTTPServer, certificate: Certificate
) -> None:
    answer = {"token_type": "Bearer", "expires_in": 3600, "access_token": "token-1"}
    entra.expect_oneshot_request("/tenant/oauth2/v2.0/token", method="POST").respond_with_json(answer)
    token = principal(entra, certificate)
    assert (token(), token()) == ("token-1", "token-1")
    assert bearer(token)() == {"Authorization": "Bearer token-1"}
    sent = [request.form for request, _ in entra.log if request.method == "POST"]
    assert [(form["client_id"], form["client_secret"], form["grant_type"]) for form in sent] == [
        ("app-1", SECRET, "client_credentials")
    ]
    assert POWER_BI in sent[0]["scope"]


@pytest.mark.slow
def test_a_refused_principal_is_one_sentence_without_the_secret(entra: HTTPServer, certificate: Certificate) -> None:
    answer = {
        "error": "invalid_client",
        "error_description": f"AADSTS7000215: Invalid client secret {SECRET} provided.",
    }
    entra.expect_request("/tenant/oauth2/v2.0/token", method="POST").respond_with_json(answer, status=401)
    with pytest.raises(RunError) as caught:
        principal(entra, certificate)()
    said = "Entra gave no token for the application app-1 (AADSTS7000215): check tenant_id, client_id and client_secret"
    assert str(caught.value) == said
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_an_unset_secret_is_named() -> None:
    with pytest.raises(ConfigError, match="AD_NO_SUCH_SECRET is not set"):
        service_principal(tenant_id="t", client_id="c", client_secret=Secret("${env:AD_NO_SUCH_SECRET}"))()
