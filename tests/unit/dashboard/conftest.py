"""The dashboard over the tables of a test file, which says in `filled` what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.support.served import Served

NOON = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
"""What the server takes for now."""


@pytest.fixture(scope="module")
def served(filled: Path) -> Iterator[Served]:
    running = Served(filled, now=NOON)
    yield running
    running.stop()
