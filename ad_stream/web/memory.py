"""Memory of answers goes back to the system: glibc keeps a heap for each thread, and each keeps holes as large as its largest answer."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

M_ARENA_MAX, ARENAS = -8, 2
"""Parameter of mallopt (malloc.h); as many heaps as answers that are made at once."""


def few_heaps() -> None:
    """Once, before a server has threads."""
    if (libc := _glibc()) is not None:
        libc.mallopt(M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """After an answer that took much."""
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """None where the system has another allocator."""
    if sys.platform != "linux":
        return None
    with suppress(OSError):
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim"):
            return libc
    return None
