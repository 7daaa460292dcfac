"""The parts of the pages that the code writes are as the code has them; links lead somewhere; every decision is listed."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("part", ["columns", "settings", "commands"])
def test_what_the_code_writes_into_a_page_is_there_as_it_is_now(part: str) -> None:
    made = generator()
    page = ROOT / "docs" / made.PAGES[part][0]
    assert page.read_text(encoding="utf-8") == made.written(part), f"run `make docs`: {page.name} is behind the code"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_every_page_and_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")} - {"README.md"}
    assert {page for page in pages if f"]({page})" not in index} == set()


def test_comments_name_files_that_are_in_the_repository() -> None:
    named = [
        (path, name)
        for path in [*(ROOT / "ad_stream").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
        for name in re.findall(r"\b(?:docs/[\w/.-]+\.md|[A-Z_]{4,}\.md)", path.read_text(encoding="utf-8"))
    ]
    folders = [ROOT, ROOT / "docs", ROOT / "benchmarks"]
    assert [pair for pair in named if not any((folder / pair[1]).exists() for folder in folders)] == []
