"""Tokens of Microsoft Entra for a service principal, by azure-identity."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ad_stream.errors import RunError, SetupError
from ad_stream.secrets import Secret

_BOUNDS = {"connection_timeout": 10, "read_timeout": 10, "retry_total": 1}
"""Left to itself, azure-identity would keep a batch for minutes."""
POWER_BI = "https://analysis.windows.net/powerbi/api/.default"


def service_principal(
    *, tenant_id: str, client_id: str, client_secret: Secret, scope: str = POWER_BI, **options: Any
) -> Callable[[], str]:
    """A function that gives a valid token; azure-identity keeps it until shortly before it runs out.

    options: further arguments of azure.identity.ClientSecretCredential, such as `authority` for a national cloud.
    The function raises SetupError without the package azure-identity, RunError where Entra gives no token.
    """
    made: list[Any] = []

    def token() -> str:
        if not made:
            made.append(_credential()(tenant_id, client_id, client_secret.reveal(), **{**_BOUNDS, **options}))
        problem = ""
        try:
            return str(made[0].get_token(scope).token)
        except Exception as error:  # azure-identity has its own classes, and its texts may quote the request
            code = re.search(r"AADSTS\d+", str(error))
            problem = code[0] if code else type(error).__name__
        raise RunError(
            f"Entra gave no token for the application {client_id} ({problem}): check tenant_id, client_id and client_secret"
        )

    return token


def _credential() -> Any:
    try:
        from azure.identity import ClientSecretCredential
    except ImportError:
        raise SetupError("the package azure-identity is missing: pip install 'ad-stream[power-bi]'") from None
    return ClientSecretCredential
