"""A file with a few messages -> their bodies as Python has JSON: plain bodies, envelopes, routed files, gzip, one pretty text."""

from __future__ import annotations

import base64
import binascii
import gzip
import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ad_stream.errors import InputError

MOST_BYTES, MOST_BODIES = 32 * 1024 * 1024, 2_000


def bodies_in(path: Path) -> tuple[list[Any], int]:
    """(bodies, lines that are no JSON); InputError where there is nothing to look at."""
    try:
        raw = path.read_bytes()[:MOST_BYTES]
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}): name a file with a few messages, one a line"
        ) from None
    text = _plain(raw).decode("utf-8-sig", errors="replace").replace("\0", "")
    texts = [line for line in text.splitlines() if line.strip()]
    whole = _loaded(text)
    found = (
        [whole] if whole is not None else [one for line in texts[:MOST_BODIES] if (one := _loaded(line)) is not None]
    )
    bodies = [body for one in found if (body := _body(one)) is not None]
    if not bodies:
        raise InputError(f"{path} holds no JSON: give a file with a few messages as the devices send them, one a line")
    return bodies, 0 if whole is not None else min(len(texts), MOST_BODIES) - len(found)


def _plain(raw: bytes) -> bytes:
    try:
        return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error):
        return raw


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _body(one: Any) -> Any:
    """What the device sent: out of an envelope or a routed line where it is in one; None of an end of input."""
    if not isinstance(one, Mapping):
        return one if isinstance(one, list) else None
    for body, system in (("body", "systemProperties"), ("Body", "SystemProperties")):
        if body in one and isinstance(one.get(system), Mapping):
            return body_of(one[body])
    return one


def body_of(body: Any) -> Any:
    """The body of an event's line: JSON as it is, or its text or bytes in base64, packed or not; None where it is no JSON."""
    if not isinstance(body, str):
        return body
    try:
        raw = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return _loaded(body)
    return _loaded(_plain(raw).decode("utf-8-sig", errors="replace").rstrip("\0"))
