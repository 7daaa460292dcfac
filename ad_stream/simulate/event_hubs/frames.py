"""AMQP 1.0 frames as Event Hubs writes them: with all the fields of their performative.

qpid-proton leaves out what is null at the end of a list, as the specification allows (part 1, 1.4; part 2, 2.7). The
Python client azure-eventhub reads fields by their number without a look at how many there are.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

OPEN = 0x10
FIELDS = {OPEN: 10, 0x11: 8, 0x12: 14, 0x13: 11, 0x14: 11, 0x15: 6, 0x16: 3, 0x17: 1, 0x18: 1}
"""Descriptor of a performative (open, begin, attach, flow, transfer, disposition, detach, end, close) -> its fields."""
NULL, SMALL_LIST, LIST = 0x40, 0xC0, 0xD0
ANY_SIZE = 2**32 - 1


class Frames:
    """Cuts a stream of bytes into frames; the protocol headers between them come as they are, 8 bytes each."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What is whole by now."""
        whole, at = self._rest + data, 0
        while len(whole) - at >= 8:
            size = 8 if whole.startswith(b"AMQP", at) else int.from_bytes(whole[at : at + 4], "big")
            if len(whole) - at < size:
                break
            yield whole[at : at + size]
            at += size
        self._rest = whole[at:]


@dataclass(frozen=True)
class Performative:
    """What a frame says: its descriptor, its list of fields (encoded), how many, and the payload behind them."""

    descriptor: int
    count: int
    fields: bytes
    payload: bytes


def read(frame: bytes) -> Performative | None:
    """None for what is no performative: protocol header, SASL, heartbeat."""
    body = frame[frame[4] * 4 :]
    if frame.startswith(b"AMQP") or frame[5] != 0 or body[:2] != b"\x00\x53" or body[2] not in FIELDS:
        return None
    if body[3] == SMALL_LIST:
        return Performative(body[2], body[5], body[6 : 5 + body[4]], body[5 + body[4] :])
    if body[3] == LIST:
        size, count = struct.unpack(">II", body[4:12])
        return Performative(body[2], count, body[12 : 8 + size], body[8 + size :])
    return Performative(body[2], 0, b"", body[4:])


def whole(frame: bytes, largest: int = ANY_SIZE) -> bytes:
    """The frame with nulls for the fields it leaves out; as it is where it would not fit into `largest` bytes."""
    said = read(frame)
    if said is None or said.count >= FIELDS[said.descriptor]:
        return frame
    count = FIELDS[said.descriptor]
    fields = said.fields + bytes([NULL]) * (count - said.count)
    head = frame[4 : frame[4] * 4] + bytes([0, 0x53, said.descriptor, LIST])
    rest = head + struct.pack(">II", len(fields) + 4, count) + fields + said.payload
    return frame if len(rest) + 4 > largest else struct.pack(">I", len(rest) + 4) + rest


def largest_frame(frame: bytes) -> int | None:
    """Bytes of the largest frame that who sent this `open` takes; None for any other frame."""
    said = read(frame)
    if said is None or said.descriptor != OPEN:
        return None
    rest = said.fields
    for _ in ("container-id", "hostname"):
        rest = rest[_width(rest) :]
    if rest[:1] == b"\x70":
        return int.from_bytes(rest[1:5], "big")
    return rest[1] if rest[:1] == b"\x52" else ANY_SIZE


def _width(field: bytes) -> int:
    """Bytes of a string or null."""
    if field[:1] == b"\xa1":
        return 2 + field[1]
    return 5 + int.from_bytes(field[1:5], "big") if field[:1] == b"\xb1" else 1
