"""The SHA-256 of every jar that may come into the cache, recorded in jars.sha256 (`sha256sum` format)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from ad_stream.errors import SetupError


def digest(path: Path) -> str:
    """64 hex digits."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1024 * 1024):
            found.update(piece)
    return found.hexdigest()


@cache
def recorded() -> Mapping[str, str]:
    """File name -> SHA-256."""
    lines = (files("ad_stream.runtime") / "jars.sha256").read_text(encoding="ascii").splitlines()
    return {name: known for known, name in (line.split("  ") for line in lines if line)}


def verify(folder: Path, known: Mapping[str, str] | None = None) -> None:
    """SetupError where a jar of the folder is not recorded, or is another file than the recorded one."""
    known = recorded() if known is None else known
    for path in sorted(folder.glob("*.jar")):
        if path.name not in known:
            raise SetupError(f"{path.name} is not among the jars whose SHA-256 ad_stream has recorded")
        if (found := digest(path)) != known[path.name]:
            raise SetupError(f"{path.name} is not the recorded file: its SHA-256 is {found}, not {known[path.name]}")
