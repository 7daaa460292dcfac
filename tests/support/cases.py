"""Inputs of real users, kept outside the repository: $AD_STREAM_SHARED/cases, else ../shared/cases."""

from __future__ import annotations

from pathlib import Path

from tests.support.shared import shared


def case(name: str) -> Path:
    """The folder of a case; the test is skipped where it is not there."""
    return shared(f"cases/{name}", f"the case {name} is").resolve()
