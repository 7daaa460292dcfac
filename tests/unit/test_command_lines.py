"""Every command line that README and docs show is one that the program takes; `test_lines_are_run.py` runs them."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from ad_stream import __version__
from ad_stream.cli import app
from tests.support.pages import PAGES, ROOT, command_lines

WITH_WHEEL = [*PAGES, *sorted((ROOT / "notebooks").glob("*.py"))]
LINES = [pytest.param(line, id=f"{page.name}: {line}") for page in PAGES for line in command_lines(page)]


@pytest.mark.slow
@pytest.mark.parametrize("line", LINES)
def test_a_command_line_of_a_page_is_one_that_the_program_takes(line: str) -> None:
    words = shlex.split(line)[1:]
    command = get_command(app)
    while (children := getattr(command, "commands", None)) and words and words[0] in children:
        command = children[words.pop(0)]
    # An option of the program itself does its work while it is parsed.
    alone = bool(words) and words[0] in ("--version", "--install-completion", "--show-completion")
    command.make_context(command.name or "ad-stream", words, resilient_parsing=alone)


def test_pages_are_read_for_their_command_lines() -> None:
    assert "ad-stream config history" in command_lines(ROOT / "docs" / "series_config.md")
    assert len(LINES) > 30


def test_a_command_that_a_help_text_names_exists() -> None:
    known = set(getattr(get_command(app), "commands", {}))
    named = re.findall(r"`ad-stream ([a-z]+)", (ROOT / "docs" / "commands.md").read_text(encoding="utf-8"))
    assert set(named) <= known and len(named) > len(known) // 2


def test_version_is_the_packages() -> None:
    answer = CliRunner().invoke(app, ["--version"])
    assert (answer.exit_code, answer.output) == (0, f"ad-stream {__version__}\n")


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_of_a_shell_offers_the_commands(shell: str) -> None:
    code = "import sys; sys.argv[0] = 'ad-stream'; from ad_stream.cli import main; main()"
    environ = {
        "_AD_STREAM_COMPLETE": f"complete_{shell}", "COMP_WORDS": "ad-stream back", "COMP_CWORD": "1",
        "_TYPER_COMPLETE_ARGS": "ad-stream back", "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }  # fmt: skip
    command = [sys.executable, "-c", code]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environ, timeout=60)
    assert "backfill" in answer.stdout and "dashboard" not in answer.stdout, answer.stderr


@pytest.mark.parametrize("page", WITH_WHEEL, ids=lambda page: page.name)
def test_a_wheel_is_named_with_the_version_that_this_is(page: Path) -> None:
    named = set(re.findall(r"ad_stream-[\w.]+\.whl", page.read_text(encoding="utf-8")))
    assert named <= {f"ad_stream-{__version__}-py3-none-any.whl"}


@pytest.mark.parametrize("page", WITH_WHEEL, ids=lambda page: page.name)
def test_nothing_is_installed_from_an_index_that_does_not_have_it(page: Path) -> None:
    # With an extra it stands for what the installed wheel says; bare it can only be asked of an index.
    assert re.findall(r"pip install (?:-\S+ )*ad[-_]stream(?![\w\[.-])", page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.py")), ids=lambda path: path.name)
def test_the_first_cell_with_code_installs_the_wheel_of_a_volume(notebook: Path) -> None:
    first = next(line for line in notebook.read_text(encoding="utf-8").splitlines() if "%pip" in line)
    assert first == f"# MAGIC %pip install /Volumes/main/iot/ad_stream/ad_stream-{__version__}-py3-none-any.whl"
