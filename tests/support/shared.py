"""Data that stay outside the repository: $AD_STREAM_SHARED, else ../shared; a test that needs them is skipped where they are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("AD_STREAM_SHARED", "../shared"))


def shared(place: str, what: str) -> Path:
    """A file or folder of them; what: as the reason of the skip names it."""
    found = SHARED / place
    if not found.exists():
        pytest.skip(f"{what} at $AD_STREAM_SHARED, else ../shared; neither is there")
    return found
