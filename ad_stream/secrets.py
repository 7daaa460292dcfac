"""Secrets as references: resolved at last use, masked wherever they could be written down."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from ad_stream.errors import ConfigError, SetupError

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

MASK = "***"
_ENV = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
SCOPE = re.compile(r"\{\{secrets/([^/{}\s]+)/([^/{}\s]+)\}\}")
"""A reference into a secret scope of Databricks: scope and key."""
_LOOKS_LIKE_REFERENCE = re.compile(r"\$\{|\{\{\s*secrets")
_NAMES = r"(?:[\w-]*key|sig|signature|code|[\w-]*token|[\w-]*secret|[\w-]*password|passwd|pwd)"
# name=value as in query strings and connection strings; name: value as in headers and JSON.
_ASSIGNED = re.compile(rf"(?i)\b({_NAMES})=(?:\"[^\"]*\"|'[^']*'|[^\s&;,\"'<>)]+)")
_HEADER = re.compile(rf"(?i)\b({_NAMES}|authorization)([\"']?\s*:\s*[\"']?)(?:(?:bearer|basic)\s+)?[^\s,;\"'<>)]+")
_QUERY = re.compile(r"(https?://[^\s?\"'<>]+)\?[^\s\"'<>)]+")
# In the addresses of Azure's storage a container stands there, which is no secret.
_USER = re.compile(r"(?i)\b(?!abfss?:|wasbs?:)([a-z][a-z0-9+.-]*://)[^\s/@\"']+@")
# Shorter parts of a secret would also be cut out of ordinary words.
_SHORTEST_PART = 8


def is_reference(text: str) -> bool:
    """Is the whole text a reference to a secret that lies elsewhere?"""
    return bool(_ENV.fullmatch(text) or SCOPE.fullmatch(text))


class Secret:
    """`${env:NAME}`, `{{secrets/scope/key}}` (Databricks), or the value itself.

    str, repr and format show the reference, or `***` for a value. A value cannot be pickled, a reference can.
    Works as a pydantic field: it is read from text and written as what str shows.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not text.strip():
            raise ConfigError("a secret is empty: write a reference such as ${env:NAME}")
        whole = _ENV.fullmatch(text) or SCOPE.fullmatch(text)
        if whole is None and _LOOKS_LIKE_REFERENCE.search(text):
            raise ConfigError("a secret reference must be the whole value: write ${env:NAME} or {{secrets/scope/key}}")
        self._text = text

    @classmethod
    def of(cls, value: Secret | str) -> Secret:
        """The secret itself, or one made of its text."""
        return value if isinstance(value, Secret) else cls(value)

    @property
    def is_reference(self) -> bool:
        """Whether the value lies elsewhere."""
        return is_reference(self._text)

    def reveal(self) -> str:
        """The value; ConfigError if the variable is not set, SetupError if there are no Databricks secrets here."""
        if env := _ENV.fullmatch(self._text):
            value = os.environ.get(env[1], "")
            if not value.strip():
                raise ConfigError(f"the environment variable {env[1]} is not set: export it, {self} refers to it")
            return value.strip()
        if scope := SCOPE.fullmatch(self._text):
            return _from_databricks(scope[1], scope[2])
        return self._text

    def __str__(self) -> str:
        return self._text if self.is_reference else MASK

    def __repr__(self) -> str:
        return f"Secret({self})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(("Secret", self._text))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        if not self.is_reference:
            _refuse_pickling()
        return Secret, (self._text,)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Text in, Secret in the model, masked text out."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            _validate, serialization=core_schema.plain_serializer_function_ser_schema(str)
        )


def redact(text: str, *secrets: Secret | str) -> str:
    """The text without these secrets, and without anything that looks like one.

    Removed are the values, their URL-encoded and -decoded forms and, for a URL, its path and query, also alone; then
    query strings, user:password in URLs, and what is assigned to a name such as key, SharedAccessKey, token or
    Authorization.
    """
    parts = {part for secret in secrets for part in _parts(secret)}
    for part in sorted(parts, key=len, reverse=True):
        text = text.replace(part, MASK)
    text = _USER.sub(rf"\1{MASK}@", text)
    text = _QUERY.sub(rf"\1?{MASK}", text)
    text = _ASSIGNED.sub(rf"\1={MASK}", text)
    return _HEADER.sub(rf"\1\2{MASK}", text)


def first_line(error: object, *, most: int = 300) -> str:
    """What an error says, in one line of at most `most` characters without secrets: what Spark, a catalog or a workspace
    says fills pages. An error without a text is named by its class."""
    lines = str(error).strip().splitlines() or [type(error).__name__ if isinstance(error, BaseException) else ""]
    return redact(lines[0].rstrip())[:most] or "no cause given"


def _parts(secret: Secret | str) -> set[str]:
    try:
        value = secret.reveal() if isinstance(secret, Secret) else secret
    except (ConfigError, SetupError):
        return set()
    whole, parts = {value, unquote(value), quote(value, safe="")}, set()
    if "://" in value:
        url = urlsplit(value)
        parts |= {url.path, url.query, f"{url.path}?{url.query}", unquote(url.query)}
        parts |= {member for _, member in parse_qsl(url.query)}
    return whole - {""} | {part for part in parts if len(part) >= _SHORTEST_PART}


def _from_databricks(scope: str, key: str) -> str:
    reference = f"{{{{secrets/{scope}/{key}}}}}"
    dbutils: Any = None
    with suppress(Exception):  # whatever the SDK raises where it finds no workspace
        dbutils = import_module("databricks.sdk.runtime").dbutils
    if dbutils is None:
        raise SetupError(f"{reference} can only be read on Databricks: use ${{env:NAME}} elsewhere")
    problem = ""
    try:
        return str(dbutils.secrets.get(scope=scope, key=key))
    except Exception as error:
        problem = type(error).__name__
    raise ConfigError(f"Databricks did not give {reference} ({problem}): check scope, key and the job's permission")


def _validate(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise ValueError("write a reference such as ${env:NAME}")
    problem = ""
    try:
        return Secret(value)
    except ConfigError as error:
        problem = str(error)
    raise ValueError(problem)


def _refuse_pickling() -> NoReturn:
    raise ConfigError(
        "a secret given as its value is not sent to other processes: write a reference such as ${env:NAME}"
    )
