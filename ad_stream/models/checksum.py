"""The checksum of what was learned, which the table holds beside it and which is asked whenever it is read."""

from __future__ import annotations

import hashlib

from ad_stream.errors import InputError


def digest(blob: bytes) -> str:
    """The SHA-256 of a blob, in hex."""
    return hashlib.sha256(blob).hexdigest()


def check(blob: bytes, sha256: str, label: str) -> None:
    """InputError, which names the model, where the bytes are others than the table told of."""
    found = digest(blob)
    if found != sha256:
        raise InputError(f"the model {label} has other bytes than were trained (SHA-256 {found[:12]}…): train it again")
