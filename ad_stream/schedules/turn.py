"""One run of a task at a time: all its steps read its source into the same tables, which take one stream only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ad_stream.config.task import ROOT
from ad_stream.schedules.folders import lock

LOOK_EVERY = 0.5


@contextmanager
def turn_of(tables: Path, task: str, *, sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Waits for its turn, as long as the schedule's time limit lets it."""
    path = tables / ROOT / task / "lock"
    while (held := lock(path)) is None:
        sleep(LOOK_EVERY)
    try:
        yield
    finally:
        held.release()
