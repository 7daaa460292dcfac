"""What the README tells people to type exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from ad_stream.cli import app

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TYPED = [line[2:].split("  #")[0].strip() for line in README.splitlines() if line.startswith("$ ")]


def test_the_readme_opens_with_one_sentence_and_two_commands() -> None:
    assert TYPED[:2] == ["make demo", "make test"]
    assert README.index("$ make test") < README.index("\n## ")


@pytest.mark.parametrize("line", [line for line in TYPED if line.startswith("make ")])
def test_every_make_target_of_the_readme_exists(line: str) -> None:
    assert re.search(rf"^{line.split()[1]}:", (ROOT / "Makefile").read_text(), re.M)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_every_link_of_the_readme_leads_somewhere(target: str) -> None:
    assert (ROOT / target).exists()


def test_the_readme_names_no_command_that_does_not_exist() -> None:
    named = set(re.findall(r"ad-stream ([a-z]+)", README))
    assert named <= set(getattr(get_command(app), "commands"))  # noqa: B009
