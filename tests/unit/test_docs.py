"""The parts of the pages that the code writes are as the code has them; links lead somewhere; every decision is listed."""

from __future__ import annotations

import ast
import importlib.util
import io
import re
import tokenize
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
PATH = re.compile(r"(?<![\w./<-])((?:[\w.-]+/)+[\w.-]*\w\.(?:py|md|ya?ml|sh|txt|ini|mjs|css|js|sql))\b")
SPEAKING = {".py", ".md", ".yaml", ".yml", ".sh", ".ini", ".toml"}
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


def said_in(path: Path) -> str:
    """Comments and docstrings of a Python file, the whole text of another."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return text
    comments = [
        one.string for one in tokenize.generate_tokens(io.StringIO(text).readline) if one.type == tokenize.COMMENT
    ]
    tree = ast.parse(text)
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, kinds)]
    beside = [
        node.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ]
    return "\n".join([*comments, *docstrings, *(one for one in beside if isinstance(one, str))])


def lost_paths(text: str, beside: Path) -> list[str]:
    """Paths below a folder of ours (or of the package) that lead nowhere; what has a <word> in it is no path."""
    folders = [ROOT, ROOT / "ad_stream", ROOT / "docs", beside]
    tops = {path.name for folder in folders[:2] for path in folder.iterdir() if path.is_dir()}
    named = set(PATH.findall(text)) | set(re.findall(r"(?<![\w./])[A-Z_]{4,}\.md", text))
    return sorted(
        name
        for name in named
        if ("/" not in name or name.split("/")[0] in tops) and not any((folder / name).exists() for folder in folders)
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "folder", ["ad_stream", "benchmarks", "conf", "docs", "jobs", "notebooks", "requirements", "tests", "."]
)
def test_files_named_in_comments_and_pages_are_in_the_repository(folder: str) -> None:
    inside = (ROOT / folder).glob("*") if folder == "." else (ROOT / folder).rglob("*")
    texts = [path for path in inside if path.suffix in SPEAKING and path.name != "CHANGELOG.md"]
    assert texts
    lost = {str(path.relative_to(ROOT)): lost_paths(said_in(path), path.parent) for path in texts}
    assert {path: names for path, names in lost.items() if names} == {}


def test_a_path_that_leads_nowhere_is_seen() -> None:
    said = "see scoring/suppression.py, `scoring/nowhere.py`, sources/<kind>/reader.py, LAYOUT.md and docs/limits.md"
    assert lost_paths(said, ROOT) == ["LAYOUT.md", "scoring/nowhere.py"]
