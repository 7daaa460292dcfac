"""Tells every open page, from whatever thread, that something changed: server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

KEEP_ALIVE = 15.0
"""Seconds of quiet after which a comment goes out, so that nothing between here and the page hangs up."""


MOST_PAGES = 100


class LiveUpdates:
    """A page that has not taken the last message gets only the newest one, so no page can pile anything up.

    most: so many pages listen at once; `full` says that no further one may.
    """

    def __init__(self, most: int = MOST_PAGES) -> None:
        self._most = most
        self._pages: set[asyncio.Queue[Mapping[str, Any] | None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def full(self) -> bool:
        """Do as many pages listen as may?"""
        return len(self._pages) >= self._most

    def open(self) -> None:
        """Called from the event loop whose pages listen."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """No more messages; every page's stream ends. Called from the event loop."""
        self._loop = None
        for queue in self._pages:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(None)

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message to every page."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._put, message)

    async def listen(self, first: Mapping[str, Any]) -> AsyncIterator[str]:
        """The stream of one page, in the format of server-sent events; `first` goes out at once."""
        queue: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue(maxsize=1)
        self._pages.add(queue)
        try:
            yield "retry: 1000\n" + _event(first)
            while self._loop is not None:
                try:
                    message = await asyncio.wait_for(queue.get(), KEEP_ALIVE)
                except (TimeoutError, asyncio.TimeoutError):
                    yield ": still here\n\n"
                else:
                    if message is not None:
                        yield _event(message)
        finally:
            self._pages.discard(queue)

    def _put(self, message: Mapping[str, Any]) -> None:
        for queue in self._pages:
            waiting = queue.get_nowait() if queue.full() else None
            flagged = message.get("flagged", 0) + (waiting or {}).get("flagged", 0)
            queue.put_nowait({**message, "flagged": flagged})


def _event(message: Mapping[str, Any]) -> str:
    return f"event: change\ndata: {json.dumps(message)}\n\n"
