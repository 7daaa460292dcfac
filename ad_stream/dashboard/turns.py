"""Answers that read the table or draw: a few at a time, a few more that wait, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from anyio.to_thread import run_sync

from ad_stream.web.memory import give_back

AT_ONCE = 2
WAITING = 16


class CrowdedError(Exception):
    """As many wait as may: come again in `RETRY_AFTER` seconds."""


RETRY_AFTER = 2


class Turns:
    """For one event loop."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self._at_once = at_once
        self._most = at_once + waiting
        self._inside = 0
        self._free: asyncio.Semaphore | None = None

    async def take(self, work: Callable[[], Any]) -> Any:
        """What `work` gives, in a thread, when it is its turn; raises CrowdedError."""
        if self._inside >= self._most:
            raise CrowdedError
        self._free = self._free or asyncio.Semaphore(self._at_once)
        self._inside += 1
        try:
            async with self._free:
                return await run_sync(work)
        finally:
            self._inside -= 1
            if not self._inside:
                await run_sync(give_back)
