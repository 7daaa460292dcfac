"""Where the tables of a test lie."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    return tmp_path / "tables"
