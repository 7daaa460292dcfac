"""Ports for servers that are started on this machine and cannot say which one the system gave them."""

from __future__ import annotations

import random
import socket

BELOW_OUTGOING = range(20_000, 32_000)
"""Operating systems give outgoing connections higher numbers: one of those may be taken again before a server binds it."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    while True:
        port = random.choice(BELOW_OUTGOING)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:  # taken
                continue
        return port
