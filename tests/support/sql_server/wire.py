"""Packets of TDS 7.4 (MS-TDS 2.2.3) as a server sees them, with TLS inside prelogin packets while it is begun."""

from __future__ import annotations

import socket
import ssl
import struct

BATCH, RPC, ATTENTION, LOGIN7, PRELOGIN, REPLY = 0x01, 0x03, 0x06, 0x10, 0x12, 0x04
HEADER = struct.Struct(">BBHHBB")
MOST = 4096
ENCRYPT_OFF, ENCRYPT_ON, NOT_SUPPORTED = 0, 1, 2


class Wire:
    """One connection: whole messages in and out, encrypted once `encrypt` was called."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._tls: ssl.SSLObject | None = None
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()

    def message(self) -> tuple[int, bytes]:
        """(type, content); ConnectionError where the client is gone."""
        content = b""
        while True:
            kind, status, length, *_ = HEADER.unpack(self._exactly(HEADER.size))
            content += self._exactly(length - HEADER.size)
            if status & 1:
                return kind, content

    def send(self, content: bytes, kind: int = REPLY) -> None:
        """A message in as many packets as it takes."""
        parts = [content[at : at + MOST - HEADER.size] for at in range(0, len(content), MOST - HEADER.size)] or [b""]
        for number, part in enumerate(parts, 1):
            last = 1 if number == len(parts) else 0
            self._write(HEADER.pack(kind, last, len(part) + HEADER.size, 0, number % 256, 0) + part)

    def encrypt(self, context: ssl.SSLContext) -> None:
        """The handshake, whose records travel as the content of prelogin packets."""
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        while True:
            try:
                self._tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            if told := self._out.read():
                self._connection.sendall(HEADER.pack(PRELOGIN, 1, len(told) + HEADER.size, 0, 0, 0) + told)
            if done:
                return
            _, _, length, *_ = HEADER.unpack(self._raw(HEADER.size))
            self._in.write(self._raw(length - HEADER.size))

    def _write(self, content: bytes) -> None:
        if self._tls is None:
            self._connection.sendall(content)
            return
        self._tls.write(content)
        self._connection.sendall(self._out.read())

    def _exactly(self, length: int) -> bytes:
        if self._tls is None:
            return self._raw(length)
        found = b""
        while len(found) < length:
            try:
                found += self._tls.read(length - len(found))
            except ssl.SSLWantReadError:
                some = self._connection.recv(MOST)
                if not some:
                    raise ConnectionError from None
                self._in.write(some)
        return found

    def _raw(self, length: int) -> bytes:
        found = b""
        while len(found) < length:
            some = self._connection.recv(length - len(found))
            if not some:
                raise ConnectionError
            found += some
        return found


def prelogin(encryption: int) -> bytes:
    """The server's options: version, encryption, no instance, thread id, no MARS."""
    values = [(0, struct.pack(">IH", 0x10000000, 0)), (1, bytes([encryption])), (2, b"\0"), (3, b""), (4, b"\0")]
    head, body, at = b"", b"", 5 * len(values) + 1
    for token, value in values:
        head += struct.pack(">BHH", token, at + len(body), len(value))
        body += value
    return head + b"\xff" + body


def wanted_encryption(content: bytes) -> int:
    """What the client's prelogin says of encryption."""
    at = 0
    while content[at] != 0xFF:
        token, offset, length = struct.unpack_from(">BHH", content, at)
        if token == 1 and length:
            return content[offset]
        at += 5
    return NOT_SUPPORTED


def login_of(content: bytes) -> tuple[str, str, str]:
    """(user, password, database) of a LOGIN7 message."""

    def text(field: int) -> bytes:
        offset, length = struct.unpack_from("<HH", content, 36 + 4 * field)
        return content[offset : offset + 2 * length]

    hidden = text(2)
    password = bytes(((byte ^ 0xA5) >> 4) | (((byte ^ 0xA5) & 0xF) << 4) for byte in hidden)
    return text(1).decode("utf-16-le"), password.decode("utf-16-le"), text(8).decode("utf-16-le")
