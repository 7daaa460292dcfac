"""`make audit`: what pip-audit answers, and that no answer is never told as an all-clear."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

AUDIT = Path(__file__).resolve().parents[3] / "requirements" / "audit.py"
FINE = {"name": "numpy", "version": "2.0", "vulns": []}
WEAK = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1"}, {"id": "CVE-2"}]}
SKIPPED = {"name": "lost", "version": "1.0", "skip_reason": "could not be audited"}


def audited(folder: Path, script: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """The answer where pip-audit is this shell script."""
    program = folder / "pip-audit"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    command = [sys.executable, str(AUDIT), str(program), "local.txt", "--seconds", str(seconds)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("packages", "code", "sentence"),
    [
        ([FINE], 0, "local.txt: 1 packages, none with a known weakness"),
        ([FINE, WEAK], 1, "old 1.0: PYSEC-1, CVE-2"),
        ([FINE, SKIPPED], 3, "could not be asked (could not be audited): nothing is known about 1 of 2 packages"),
        ([WEAK, SKIPPED], 1, "1 of 2 packages have known weaknesses"),
    ],
)
def test_the_answer_of_the_service_is_told(tmp_path: Path, packages: list[object], code: int, sentence: str) -> None:
    found = audited(tmp_path, f"echo '{json.dumps({'dependencies': packages})}'")
    assert (found.returncode, sentence in found.stdout) == (code, True), found.stdout + found.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo 'ConnectionError: no route' >&2; exit 1", "ConnectionError: no route"),
        ("exit 2", "exit code 2"),
        ("exec sleep 60", "no answer within 0.5 s"),
    ],
)
def test_a_service_that_does_not_answer_is_no_all_clear(tmp_path: Path, script: str, why: str) -> None:
    found = audited(tmp_path, script, seconds=0.5 if "sleep" in script else 60)
    assert found.returncode == 3
    assert f"({why}): nothing is known about any package" in found.stdout
