"""Writes the notebooks for Jupyter: `make notebooks`, or python docs/jupyter.py FOLDER.

The notebooks are kept in the source format of Databricks, which gives them `spark`, `dbutils` and `display`. In Jupyter their
first cell makes these three, and what the widgets would say stands in it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
HEAD, BETWEEN, MAGIC = "# Databricks notebook source\n", "# COMMAND ----------\n", "# MAGIC"
WIDGETS = {
    "folder": "first_detection", "catalog": "", "schema": "", "path": "first_detection/tables", "known_events": "",
    "labelled": "", "skagit": "",
}  # fmt: skip
NAMES = """# What Databricks gives a notebook; change what the widgets say here.
%matplotlib inline
from types import SimpleNamespace

from IPython.display import display as show

WIDGETS = {widgets}
dbutils = SimpleNamespace(widgets=SimpleNamespace(text=WIDGETS.setdefault, get=WIDGETS.get))


def display(what):
    show(what.limit(1000).toPandas() if hasattr(what, "toPandas") else what)
"""
SPARK = """
from ad_stream.pipeline.operation.session import session

spark = session()
"""


def notebook(source: str) -> dict[str, Any]:
    """The text of a notebook of Databricks -> one of Jupyter (nbformat 4.5), without outputs."""
    cells = [one for part in source.removeprefix(HEAD).split(BETWEEN) if (one := _cell(part.strip("\n")))]
    used = {name: text for name, text in WIDGETS.items() if f'"{name}"' in source}
    names = NAMES.format(widgets=json.dumps(used, indent=4)) + (SPARK if "spark" in source else "")
    cells.insert(1, {"cell_type": "code", "source": names})
    extra: dict[str, dict[str, Any]] = {"code": {"execution_count": None, "outputs": []}, "markdown": {}}
    return {
        "cells": [
            {"id": f"cell-{number}", "metadata": {}, **one, **extra[one["cell_type"]]}
            for number, one in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cell(text: str) -> dict[str, str] | None:
    """One cell; None for one of a command that only Databricks has, such as %pip."""
    if not text.startswith(MAGIC):
        return {"cell_type": "code", "source": text}
    lines = [line.removeprefix(MAGIC).removeprefix(" ") for line in text.splitlines()]
    return {"cell_type": "markdown", "source": "\n".join(lines[1:])} if lines[0] == "%md" else None


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(NOTEBOOKS.glob("*.py")):
        made = folder / f"{path.stem}.ipynb"
        made.write_text(json.dumps(notebook(path.read_text(encoding="utf-8")), indent=1) + "\n", encoding="utf-8")
        print(made)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else NOTEBOOKS / "jupyter")
