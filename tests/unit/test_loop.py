"""What `make` promises: the lowest versions are those of pyproject.toml, and each target that a text names is there."""

from __future__ import annotations

import ast
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


CLOCKS = {"monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "time_ns", "thread_time"}


def reads_a_clock(node: ast.AST) -> bool:
    """`time.monotonic()`, `perf_counter()`, `time.time()`."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in CLOCKS or ast.unparse(node.func) == "time.time"


def durations(source: str) -> list[str]:
    """Where a piece of Python takes the time between two readings of a clock: `clock() - began`; `end - clock()` too."""
    tree = ast.parse(source)
    read = {
        ast.unparse(target)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and reads_a_clock(node.value)
        for target in node.targets
    }
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Sub)
        and any(reads_a_clock(side) or ast.unparse(side) in read for side in (node.left, node.right))
    ]


@pytest.mark.slow
def test_no_test_measures_how_long_something_took() -> None:
    """What is awaited has a deadline, `until = clock() + seconds`; a duration would only be there to be asserted on."""
    found = {path.name: durations(path.read_text(encoding="utf-8")) for path in (ROOT / "tests").rglob("*.py")}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("began = time.monotonic()\nwork()\nassert time.monotonic() - began < 3", ["line 3: time.monotonic() - began"]),
        ("a = time.time()\nb = time.time()\nassert b - a < 1", ["line 3: b - a"]),
        ("from time import perf_counter\nassert perf_counter() - t < 1", ["line 2: perf_counter() - t"]),
        ("until = time.monotonic() + 60\nwhile time.monotonic() < until: pass", []),
    ],
)
def test_a_duration_in_a_test_would_be_seen(source: str, lines: list[str]) -> None:
    assert durations(source) == lines
