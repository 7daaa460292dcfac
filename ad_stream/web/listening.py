"""The socket that a server listens on, taken before it says that it does."""

from __future__ import annotations

import errno
import socket

from ad_stream.errors import ConfigError


def listener(host: str, port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one. ConfigError where the port is taken or the host is none of this machine's."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError):
        raise ConfigError(
            f"--host {host!r} is no address: give 127.0.0.1, or 0.0.0.0 for all of this machine"
        ) from None
    opened = socket.socket(family, kind, protocol)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind(address)
        opened.listen(2048)
    except OSError as error:
        opened.close()
        raise ConfigError(_why(host, port, error)) from None
    return opened


def url(opened: socket.socket) -> str:
    """'http://127.0.0.1:8010/' of a bound socket."""
    host, port = opened.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use: end what listens there, or choose another with --port"
    if error.errno == errno.EACCES:
        return f"port {port} is kept for the system's own servers: choose one from 1024 on with --port"
    return f"--host {host!r} is no address of this machine ({error.strerror}): give 127.0.0.1, or 0.0.0.0 for all of it"
