"""Bodies drawn by dice: bytes, JSON of any shape, JSON with some of its bytes changed."""

from __future__ import annotations

import json
import random
from typing import Any

NAMES = ("t", "p", "time", "deviceId", "messageId", "id", "", "a.b", "\u0000", "é", "\u202e", "😀", "`", "'", "x" * 300)
TEXTS = (
    "",
    "1",
    "-1e5",
    "1e999",
    "NaN",
    "2026-11-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "\ud800",
    "null",
    "\u0000",
    "{",
    "٣",
)
NUMBERS = (
    0,
    -0.0,
    1.5,
    1e308,
    -1e308,
    5e-324,
    2**63,
    -(2**64),
    10**400,
    float("nan"),
    float("inf"),
    1793491450,
    253402300800,
)


def body(dice: random.Random) -> bytes:
    """One body, of any kind."""
    kind = dice.random()
    if kind < 0.25:
        return dice.randbytes(dice.randint(0, 400))
    whole = json.dumps(value(dice, 4), ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")
    if kind < 0.6:
        return whole
    torn = bytearray(whole or b"{")
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(torn))
        torn[at : at + dice.randint(0, 2)] = dice.choice(
            (b'"', b"{", b"]", b",", b":", b"\\", b"\x00", b"\xff", b"9", b"")
        )
        torn = torn or bytearray(b" ")
    return bytes(torn)


def value(dice: random.Random, depth: int) -> Any:
    """A JSON value, most often an object; numbers that JSON does not have among them."""
    kind = dice.random()
    if depth and kind < 0.55:
        return {dice.choice(NAMES): value(dice, depth - 1) for _ in range(dice.randint(0, 5))}
    if depth and kind < 0.75:
        return [value(dice, depth - 1) for _ in range(dice.randint(0, 8))]
    return dice.choice((*NUMBERS, *TEXTS, True, False, None, dice.random(), dice.getrandbits(80)))
