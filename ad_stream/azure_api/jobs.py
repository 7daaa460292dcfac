"""What a worker is asked and what it answers, and the frames both travel in."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["one", "json", "arrow", "last_rows", "detect"]
FRAME = struct.Struct(">IQ")
"""Lengths of the head (JSON) and of the body that follow."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """kind: one request of the protocol, a batch in JSON or Arrow, the last rows for a multivariate model (operation: the
    version), or a detection on demand (operation: the configuration's file); options: fields of an Arrow batch's query, the folder of
    the model, or the question."""

    kind: Kind
    operation: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def head(self) -> bytes:
        """As the head of a frame."""
        return json.dumps(asdict(self)).encode()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """status 200 with a body, else `code` and `message` of the contract. last: the worker ends after this one."""

    status: int = 200
    code: str = ""
    message: str = ""
    last: bool = False

    def head(self) -> bytes:
        """As the head of a frame."""
        return json.dumps(asdict(self)).encode()
