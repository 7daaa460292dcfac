"""Asks the advisory service about every locked package, and says so where it does not answer: silence is no all-clear.

    python requirements/audit.py PIP-AUDIT FILE... [--seconds 300]

Exit codes: 0 every package was looked up and none is known to be weak, 1 some are, 3 the service could not be asked.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any

WEAK, NOT_ASKED = 1, 3
UNREACHABLE = (
    "{file}: the advisory service of pip-audit could not be asked ({why}): nothing is known about {count}; run make audit "
    "where the network reaches it"
)


def ask(program: str, file: str, seconds: float) -> tuple[list[dict[str, Any]], str]:
    """The packages of a locked file as pip-audit tells of them; and why it told nothing, '' where it did."""
    command = [
        program,
        "--disable-pip",
        "--require-hashes",
        "--requirement",
        file,
        "--format",
        "json",
        "--progress-spinner",
        "off",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        return list(json.loads(done.stdout)["dependencies"]), ""
    except subprocess.TimeoutExpired:
        return [], f"no answer within {seconds:g} s"
    except (ValueError, KeyError):
        lines = done.stderr.strip().splitlines()
        return [], lines[-1][:200] if lines else f"exit code {done.returncode}"


def told(file: str, packages: list[dict[str, Any]], why: str) -> tuple[str, int]:
    """A sentence about a file, and its exit code."""
    skipped = [one for one in packages if "vulns" not in one]
    weak = [
        f"{one['name']} {one['version']}: {', '.join(known['id'] for known in one['vulns'])}"
        for one in packages
        if one.get("vulns")
    ]
    if weak:
        return "\n".join([f"{file}: {len(weak)} of {len(packages)} packages have known weaknesses", *weak]), WEAK
    if why or skipped:
        count = f"{len(skipped)} of {len(packages)} packages" if packages else "any package"
        return UNREACHABLE.format(
            file=file, why=why or skipped[0].get("skip_reason", "no reason told"), count=count
        ), NOT_ASKED
    return f"{file}: {len(packages)} packages, none with a known weakness", 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--seconds", type=float, default=300)
    given = parser.parse_args()
    codes = []
    for file in map(str, given.files):
        sentence, code = told(file, *ask(given.program, file, given.seconds))
        print(sentence, flush=True)
        codes.append(code)
    return WEAK if WEAK in codes else max(codes)


if __name__ == "__main__":
    raise SystemExit(main())
