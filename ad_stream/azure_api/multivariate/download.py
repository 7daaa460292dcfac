"""A source fetched over http(s): only from hosts that the operator named, never by way of one to somewhere else.

A server that fetches what strangers name is a way into its own network (OWASP, Server-Side Request Forgery). So the host has to
be in the list; the address that its name resolves to is looked at and then connected to, not resolved again; addresses of
this machine and of private networks count only where the operator named the host itself, those of cloud metadata never; and no
redirect is followed. Errors and logs show the address without its query, where the signature of a storage account stands.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3
from requests import certs

from ad_stream.azure_api.multivariate.faults import fault
from ad_stream.http import redact_urllib3
from ad_stream.secrets import redact

_PIECE = 64 * 1024
_PORTS = {"http": 80, "https": 443}
_METADATA = {"100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254"}
"""Of clouds that put it outside the link-local range."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_ODD = set(" \t\r\n\\\x00")
Resolve = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True)
class HttpPlace:
    """An address whose host is in the list; literal: the list has the host itself, not a pattern that fits it."""

    scheme: str
    host: str
    port: int
    target: str
    literal: bool


def is_http(source: str) -> bool:
    """Is it an address, whatever becomes of it?"""
    return source.lower().startswith(("http://", "https://"))


def place_of(source: str, hosts: Sequence[str]) -> HttpPlace:
    """Raises ContractError (InvalidBlobURL) for what is no address, or is on no host of the list."""
    try:
        parts = urlsplit(source)
        host, port = (parts.hostname or "").lower(), parts.port or _PORTS[parts.scheme.lower()]
    except ValueError:
        raise _invalid(source, "is no address.") from None
    if not host or not host.isascii() or _ODD & set(source) or parts.username or parts.password:
        raise _invalid(source, "is no address without user and odd characters.")
    fitting = [pattern for pattern in hosts if _fits(pattern, host, port, parts.scheme.lower())]
    if not fitting:
        raise _invalid(source, "is on a host that this server does not fetch from: --data-host names those it does.")
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._") + (f"?{parts.query}" if parts.query else "")
    literal = any("*" not in pattern for pattern in fitting)
    return HttpPlace(parts.scheme.lower(), host, port, target, literal)


def _fits(pattern: str, host: str, port: int, scheme: str) -> bool:
    """'*.blob.core.windows.net', 'storage:10000'; without a port only the usual ones."""
    named, number = re.fullmatch(r"(\[.*\]|[^:]*)(?::(\d+))?", pattern.lower()).groups()  # type: ignore[union-attr]
    return port == (int(number) if number else _PORTS[scheme]) and fnmatchcase(host, named.strip("[]"))


def forbidden(address: str, literal: bool) -> bool:
    """May no source lie at this IP address? literal: the operator named the host itself."""
    found: Any = ipaddress.ip_address(address.partition("%")[0])
    if found.version == 6:
        if found.ipv4_mapped is not None:
            return forbidden(str(found.ipv4_mapped), literal)
        if found in _NAT64:
            return forbidden(str(ipaddress.ip_address(int(found) & 0xFFFFFFFF)), literal)
        if found.sixtofour is not None or found.teredo is not None:
            return True
    if str(found) in _METADATA or found.is_link_local or found.is_multicast or found.is_unspecified:
        return True
    if found.is_loopback:
        return not literal
    return bool(found.is_reserved or not (found.is_global or (literal and found.is_private)))


def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses of a name by the system's resolver."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@dataclass(frozen=True, kw_only=True)
class Fetching:
    """hosts: the list; most: bytes of a source; timeout: seconds to connect and between two pieces."""

    hosts: Sequence[str]
    most: int
    timeout: float = 30.0
    resolve: Resolve = resolved


def probe(source: str, fetching: Fetching) -> None:
    """Raises ContractError unless the source is there and not too large; reads its head only."""
    with _answer(source, fetching):
        pass


def fetch(
    source: str, target: Path, fetching: Fetching, *, deadline: float, clock: Callable[[], float] = time.monotonic
) -> None:
    """The source into the file `target`; raises ContractError."""
    length = 0
    try:
        with _answer(source, fetching) as answer, target.open("wb") as file:
            while piece := answer.read(_PIECE, decode_content=False):
                length += len(piece)
                if length > fetching.most:
                    raise fault("InvalidFileSize", file=shown(source), most=fetching.most)
                if clock() > deadline:
                    raise _unread(source, "takes too long to arrive")
                file.write(piece)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise _unread(source, f"broke off ({type(error).__name__})") from None


def shown(source: str) -> str:
    """The address as it may be told: without its query and without a user."""
    return redact(source.partition("#")[0])


@contextmanager
def _answer(source: str, fetching: Fetching) -> Iterator[Any]:
    place = place_of(source, fetching.hosts)
    redact_urllib3()
    pool = _pool(place, _address(source, place, fetching), fetching.timeout)
    headers = {"Host": f"{place.host}:{place.port}" if place.port != _PORTS[place.scheme] else place.host}
    try:
        answer = pool.urlopen(
            "GET",
            place.target,
            headers={**headers, "Accept-Encoding": "identity"},
            redirect=False,
            retries=False,
            preload_content=False,
        )
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise _unread(source, f"cannot be reached ({type(error).__name__})") from None
    try:
        _check(source, answer, fetching.most)
        yield answer
    finally:
        answer.close()
        pool.close()


def _address(source: str, place: HttpPlace, fetching: Fetching) -> str:
    try:
        addresses = fetching.resolve(place.host, place.port)
    except OSError:
        raise _invalid(source, "is on a host that is not known here.") from None
    if not addresses or any(forbidden(address, place.literal) for address in addresses):
        raise _invalid(
            source, "is at an address that no source may have: of this machine, a private network or a cloud."
        )
    return addresses[0]


def _pool(place: HttpPlace, address: str, timeout: float) -> urllib3.HTTPConnectionPool:
    if place.scheme == "http":
        return urllib3.HTTPConnectionPool(address, place.port, timeout=timeout)
    return urllib3.HTTPSConnectionPool(
        address,
        place.port,
        timeout=timeout,
        server_hostname=place.host,
        assert_hostname=place.host,
        cert_reqs="CERT_REQUIRED",
        ca_certs=os.environ.get("REQUESTS_CA_BUNDLE") or certs.where(),  # type: ignore[attr-defined]
    )


def _check(source: str, answer: Any, most: int) -> None:
    if answer.status in (404, 410):
        raise fault("FileNotExist", file=shown(source))
    if 300 <= answer.status < 400:
        raise _invalid(source, "redirects to another address, which is not followed: name that one.")
    if answer.status != 200:
        raise _unread(source, f"answers with status {answer.status}; see whether its signature is still good")
    length = answer.headers.get("Content-Length", "")
    if length.isdecimal() and int(length[:20]) > most:
        raise fault("InvalidFileSize", file=shown(source), most=most)


def _invalid(source: str, why: str) -> Exception:
    return fault("InvalidBlobURL", f"{shown(source)} {why}")


def _unread(source: str, why: str) -> Exception:
    return fault("StorageReadError", f"{shown(source)} {why}.")
