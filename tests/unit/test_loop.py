"""What `make` promises: the lowest versions are those of pyproject.toml, and each target that a text names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z0-9-]*):", MAKEFILE, flags=re.MULTILINE))
TEXTS = [
    "README.md",
    "CONTRIBUTING.md",
    ".ci/run",
    "tests/conftest.py",
    *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")),
]


def test_the_lowest_versions_that_are_tried_are_those_that_a_user_may_have() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    core = project[project.index("dependencies = [") : project.index("[project.optional-dependencies]")]
    allowed = dict(re.findall(r'"([A-Za-z]+)>=([0-9.]+)', core))
    tried = dict(
        re.findall(r"^([A-Za-z]+)==([0-9.]+)$", (ROOT / "requirements/lowest.txt").read_text(), flags=re.MULTILINE)
    )
    assert {"numpy", "pandas", "pyarrow"} <= allowed.keys() <= tried.keys()
    for name, lowest in allowed.items():
        # PyYAML 6.0 itself no longer builds with today's Cython, so 6.0.1 stands for it.
        assert f"{tried[name]}.".startswith(f"{lowest}."), name


@pytest.mark.parametrize("text", TEXTS)
def test_every_target_that_a_text_names_is_in_the_makefile(text: str) -> None:
    lines = (ROOT / text).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|\$ |\(|^)make ([a-z][a-z0-9-]*)", lines, flags=re.MULTILINE))
    assert named <= TARGETS


def test_every_target_is_explained_by_make_help() -> None:
    explained = set(re.findall(r"^([a-z][a-z0-9-]*):.*?## \S", MAKEFILE, flags=re.MULTILINE))
    assert TARGETS - explained == {"jars", "jars4", "unit"}
