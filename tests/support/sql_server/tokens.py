"""What a server answers (MS-TDS 2.2.7): columns, rows, errors, the end; and the parameters of an RPC."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

COLLATION = bytes.fromhex("0904d00034")
DAY_ONE = datetime(1, 1, 1)


@dataclass(frozen=True)
class ColumnType:
    """A type by the name that SQL Server gives it."""

    name: str
    scale: int = 0
    precision: int = 0

    def info(self) -> bytes:
        """TYPE_INFO."""
        fixed = {"bit": b"\x68\x01", "int": b"\x26\x04", "bigint": b"\x26\x08", "real": b"\x6d\x04", "float": b"\x6d\x08",
                 "datetime": b"\x6f\x08", "uniqueidentifier": b"\x24\x10"}  # fmt: skip
        if self.name in fixed:
            return fixed[self.name]
        if self.name in ("datetime2", "datetimeoffset"):
            return bytes([0x2A if self.name == "datetime2" else 0x2B, 7])
        if self.name == "decimal":
            return bytes([0x6A, 17, self.precision, self.scale])
        return b"\xe7" + struct.pack("<H", 8000) + COLLATION

    def value(self, value: Any) -> bytes:
        """A cell."""
        if value is None:
            return b"\xff\xff" if self.info()[0] == 0xE7 else b"\0"
        if self.info()[0] == 0xE7:
            text = str(value).encode("utf-16-le")
            return struct.pack("<H", len(text)) + text
        content = self._content(value)
        return bytes([len(content)]) + content

    def _content(self, value: Any) -> bytes:
        if self.name in ("bit", "int", "bigint"):
            return int(value).to_bytes(
                {"bit": 1, "int": 4, "bigint": 8}[self.name], "little", signed=self.name != "bit"
            )
        if self.name in ("real", "float"):
            return struct.pack("<f" if self.name == "real" else "<d", float(value))
        if self.name == "decimal":
            scaled = int(Decimal(str(value)).scaleb(self.scale).to_integral_value())
            return bytes([0 if scaled < 0 else 1]) + abs(scaled).to_bytes(16, "little")
        moment = datetime.fromisoformat(str(value)[:26])
        if self.name == "datetime":
            since = moment - datetime(1900, 1, 1)
            return struct.pack("<iI", since.days, round((since - timedelta(days=since.days)).total_seconds() * 300))
        since = moment - DAY_ONE
        ticks = (since.seconds * 1_000_000 + since.microseconds) * 10
        plain = ticks.to_bytes(5, "little") + since.days.to_bytes(3, "little")
        return plain if self.name == "datetime2" else plain + struct.pack("<h", 0)


def columns(names: Sequence[str], types: Sequence[ColumnType]) -> bytes:
    """COLMETADATA."""
    out = b"\x81" + struct.pack("<H", len(names))
    for name, kind in zip(names, types, strict=True):
        out += struct.pack("<IH", 0, 9) + kind.info() + _short_text(name)
    return out


def row(values: Sequence[Any], types: Sequence[ColumnType]) -> bytes:
    """ROW."""
    return b"\xd1" + b"".join(kind.value(value) for value, kind in zip(values, types, strict=True))


def done(rows: int | None = None, *, more: bool = False, failed: bool = False, in_procedure: bool = False) -> bytes:
    """DONE, or within a procedure DONEINPROC."""
    status = (0x1 if more else 0) | (0x2 if failed else 0) | (0x10 if rows is not None else 0)
    return struct.pack("<BHHQ", 0xFF if in_procedure else 0xFD, status, 0xC1, rows or 0)


def end_of_procedure(*, failed: bool = False) -> bytes:
    """RETURNSTATUS and DONEPROC."""
    return b"\x79" + struct.pack("<i", 1 if failed else 0) + struct.pack("<BHHQ", 0xFE, 0x2 if failed else 0, 0xE0, 0)


def error(number: int, text: str, level: int = 16) -> bytes:
    """ERROR."""
    content = (
        struct.pack("<IBB", number, 1, level)
        + _long_text(text)
        + _short_text("stand-in")
        + b"\0"
        + struct.pack("<I", 1)
    )
    return b"\xaa" + struct.pack("<H", len(content)) + content


def welcome(database: str) -> bytes:
    """What follows a login: where one is, the packets' size, LOGINACK of TDS 7.4."""
    place = _short_text(database) + _short_text("master")
    out = b"\xe3" + struct.pack("<HB", len(place) + 1, 1) + place
    size = _short_text("4096") + _short_text("4096")
    out += b"\xe3" + struct.pack("<HB", len(size) + 1, 4) + size
    collation = bytes([5]) + COLLATION + b"\0"
    out += b"\xe3" + struct.pack("<HB", len(collation) + 1, 7) + collation
    ack = b"\x01\x74\x00\x00\x04" + _short_text("Microsoft SQL Server") + b"\x10\x00\x00\x00"
    return out + b"\xad" + struct.pack("<H", len(ack)) + ack


def request_text(content: bytes) -> bytes:
    """What stands behind the headers of a batch or an RPC."""
    return content[struct.unpack_from("<I", content)[0] :]


def rpc_of(content: bytes) -> tuple[str | int, list[tuple[str, Any]]]:
    """(procedure, parameters) of an RPC."""
    body = request_text(content)
    length, at = struct.unpack_from("<H", body)[0], 2
    if length == 0xFFFF:
        procedure: str | int = struct.unpack_from("<H", body, at)[0]
        at += 2
    else:
        procedure = body[at : at + 2 * length].decode("utf-16-le")
        at += 2 * length
    at, found = at + 2, []
    while at < len(body) and body[at] not in (0x80, 0xFF):
        name = body[at + 1 : at + 1 + 2 * body[at]].decode("utf-16-le")
        value, at = _parameter(body, at + 2 + 2 * body[at])
        found.append((name, value))
    return procedure, found


def _parameter(body: bytes, at: int) -> tuple[Any, int]:
    kind = body[at]
    if kind in (0x26, 0x68, 0x6D):  # INTN, BITN, FLTN: their longest length, then the value's
        length = body[at + 2]
        content = body[at + 3 : at + 3 + length]
        if not length:
            return None, at + 3
        real = struct.unpack("<d" if length == 8 else "<f", content)[0] if kind == 0x6D else 0.0
        value = real if kind == 0x6D else int.from_bytes(content, "little", signed=kind == 0x26)
        return value, at + 3 + length
    if kind != 0xE7:
        raise ValueError(f"the type {kind:#x} of a parameter is not known here")
    longest, at = struct.unpack_from("<H", body, at + 1)[0], at + 3 + len(COLLATION)
    if longest != 0xFFFF:
        length, at = struct.unpack_from("<H", body, at)[0], at + 2
        return (None, at) if length == 0xFFFF else (body[at : at + length].decode("utf-16-le"), at + length)
    total, at, parts = struct.unpack_from("<Q", body, at)[0], at + 8, b""
    while total != 0xFFFFFFFFFFFFFFFF and (length := struct.unpack_from("<I", body, at)[0]):
        parts, at = parts + body[at + 4 : at + 4 + length], at + 4 + length
    return (None, at) if total == 0xFFFFFFFFFFFFFFFF else (parts.decode("utf-16-le"), at + 4)


def _short_text(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("utf-16-le")


def _long_text(text: str) -> bytes:
    return struct.pack("<H", len(text)) + text.encode("utf-16-le")
