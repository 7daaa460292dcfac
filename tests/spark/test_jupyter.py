"""The notebooks in Jupyter: a real kernel runs each from top to bottom, as `make notebooks` writes them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import yaml

from ad_stream.config import parse, parse_detection
from docs import jupyter

nbformat = pytest.importorskip("nbformat")
NotebookClient = pytest.importorskip("nbclient").NotebookClient
SECONDS = 600
pytestmark = [pytest.mark.thorough, pytest.mark.timeout(4 * SECONDS)]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Each notebook after its run, by the two digits of its name; the third reads what the first has written."""
    folder = tmp_path_factory.mktemp("jupyter")
    jupyter.main(folder)
    found = {}
    for path in sorted(folder.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        client = NotebookClient(notebook, timeout=SECONDS, resources={"metadata": {"path": str(folder)}})
        asyncio.run(client.async_execute())
        found[path.name[:2]] = notebook
    return found


def outputs(notebook: Any, kind: str) -> list[str]:
    """What its cells left behind of one kind: text/html (a table), image/png, or printed."""
    said = [one for cell in notebook.cells for one in cell.get("outputs", [])]
    if kind == "printed":
        return [one["text"] for one in said if one["output_type"] == "stream" and one["name"] == "stdout"]
    return [one["data"][kind] for one in said if kind in one.get("data", {})]


@pytest.mark.parametrize("number", ["01", "02", "03", "04"])
def test_each_draws_and_shows_its_tables(done: dict[str, Any], number: str) -> None:
    assert len(done) == 4
    assert outputs(done[number], "image/png")
    assert all("<table" in one for one in outputs(done[number], "text/html"))
    assert len(outputs(done[number], "text/html")) >= 2
    assert "%pip" not in "".join(cell.source for cell in done[number].cells)


def test_each_ends_with_what_to_write_into_a_configuration(done: dict[str, Any]) -> None:
    last = {number: yaml.safe_load(_yaml(outputs(one, "printed")[-1])) for number, one in done.items()}
    assert parse(last["01"]).tables.path == "first_detection/tables"
    assert parse_detection(last["02"]["detection"]).sensitivity > 0
    usual = {"source": {"kind": "files", "path": "in"}, "tables": {"path": "tables"}}
    assert parse(usual | last["03"]).incidents.open.severity >= 0.25
    assert parse_detection(last["04"]["detection"])


def _yaml(printed: str) -> str:
    """From its first key on: a summary of the run may stand before it."""
    lines = printed.splitlines(keepends=True)
    first = next(n for n, line in enumerate(lines) if line.rstrip() in {"source:", "detection:", "incidents:"})
    return "".join(lines[first:])
