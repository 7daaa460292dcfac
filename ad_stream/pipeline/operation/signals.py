"""Ctrl-C and SIGTERM (systemd, containers, a job that is cancelled) as a question that the waiting loop asks.

PySpark answers Ctrl-C by calling Java from the handler; where the main thread waits for Java at that moment, as it
nearly always does, the two calls meet on one connection and the run would end with an error instead of its summary.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """-> whether someone asked; a second Ctrl-C interrupts at once. Outside the main thread signals are left alone."""
    asked = threading.Event()

    def handle(number: int, _: FrameType | None) -> None:
        asked.set()
        signal.signal(number, signal.default_int_handler)

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
