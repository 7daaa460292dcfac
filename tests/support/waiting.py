"""A condition is awaited, not slept for."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 120.0
"""How long a condition may take to come true; generous, as machines are shared."""


def wait_for(problem: str, done: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Until `done()`; an AssertionError with the problem where it has not come true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(problem)
        time.sleep(0.05)
