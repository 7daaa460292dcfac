"""Who asks: this machine, another one, or a page of another site in a browser on this machine."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
OWN_SITES = ("same-origin", "none")
"""Values of Sec-Fetch-Site (Fetch Metadata Request Headers, W3C) of a page of one's own, and of the address bar."""


def is_loopback(host: str) -> bool:
    """Is this address, or this name, the machine itself?"""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def names_this_machine(headers: Mapping[str, str]) -> bool:
    """Is the request's Host the machine itself? Another site's page can reach it under a name of its own (DNS rebinding)."""
    try:
        return is_loopback(urlsplit(f"//{headers.get('host', '')}").hostname or "")
    except ValueError:
        return False


def comes_from_elsewhere(method: str, headers: Mapping[str, str]) -> bool:
    """Would this request change something for a page of another site? Programs send neither header and are let through.

    Sec-Fetch-Site decides where a browser sends it, since a proxy may change Host; else Origin is held against Host.
    """
    if method.upper() in SAFE_METHODS:
        return False
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site.lower() not in OWN_SITES
    origin = headers.get("origin")
    if origin is None:
        return False
    try:
        return urlsplit(origin).netloc.lower() != headers.get("host", "").lower()
    except ValueError:
        return True
