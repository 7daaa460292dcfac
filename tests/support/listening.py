"""A server that is only a socket, for answers that no proper server would give."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def listening(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """'127.0.0.1:<port>': one connection after the other is handed to `talk`, which does what it likes with it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, suppress(OSError):  # the client goes away when it has had enough
                    talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(timeout=10)


def read_request(connection: socket.socket) -> bytes:
    """All of it: headers and body may arrive in pieces, and what is left unread breaks the answer off."""
    with connection.makefile("rb") as lines:
        if lines.peek(1)[:1] == b"\x16":  # a greeting of TLS has no lines
            return b""
        head, length = b"", 0
        while (line := lines.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
            head += line
        return head + b"\r\n" + lines.read(length)
