"""Clients that cannot be in the tests' own environment, since one of their versions is: installed beside it, as published."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CLIENTS = Path(__file__).resolve().parents[2] / "requirements" / "clients"


def installed(name: str, folder: Path) -> dict[str, str]:
    """The environment in which Python imports what requirements/clients/<name>.txt lists before all else; skips the test where
    no index has it."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
    ]
    target = folder / name
    done = subprocess.run(
        [*command, "--target", str(target), "--requirement", str(CLIENTS / f"{name}.txt")],
        capture_output=True,
        text=True,
        timeout=300,
    )
    if done.returncode != 0:
        if "HASHES" in done.stderr:
            raise AssertionError(done.stderr)
        pytest.skip(
            f"requirements/clients/{name}.txt could not be installed: {done.stderr.strip().splitlines()[-1][:200]}"
        )
    return {**os.environ, "PYTHONPATH": str(target)}
