"""Inputs of real users, kept outside the repository: $AD_STREAM_SHARED/cases, else ../shared/cases."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CASES = Path(os.environ.get("AD_STREAM_SHARED", "../shared")) / "cases"


def case(name: str) -> Path:
    """The folder of a case; the test is skipped where it is not there."""
    folder = CASES / name
    if not folder.is_dir():
        pytest.skip(f"the case {name} is at $AD_STREAM_SHARED/cases, else ../shared/cases; neither is there")
    return folder.resolve()
