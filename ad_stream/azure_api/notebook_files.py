"""The code in a file that people exported: .ipynb of any version, Databricks .dbc and HTML, Zeppelin, or plain text."""

from __future__ import annotations

import base64
import binascii
import html
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ad_stream.errors import InputError

LARGEST_FILE = 32 * 1024 * 1024
DATABRICKS_MODEL = re.compile(r"__DATABRICKS_NOTEBOOK_MODEL\s*=\s*'([A-Za-z0-9+/=]+)'")
PRE = re.compile(r"<pre[^>]*>(.*?)</pre>", re.DOTALL | re.IGNORECASE)
DATABRICKS_CELL = re.compile(r"^(?:#|//|--) COMMAND -+\s*$", re.MULTILINE)


def read_cells(path: Path) -> list[str]:
    """The code of each cell, text cells as empty ones so that cells keep their numbers; one cell of a script.

    Raises InputError where the file cannot be read, is too large or holds no code that can be told from the rest.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path} is larger than {LARGEST_FILE} bytes: name a notebook or a script")
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): name a notebook or a script") from None
    try:
        return _cells(path.suffix.lower(), raw)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, zipfile.BadZipFile, binascii.Error):
        raise InputError(
            f"{path} is no notebook or script in UTF-8: name an .ipynb, .py, .scala or .sql file,"
            " or export the notebook again as .ipynb or source"
        ) from None


def read_source(path: Path) -> str:
    """The code of all cells; raises InputError."""
    return "\n".join(cell for cell in read_cells(path) if cell)


def _cells(suffix: str, raw: bytes) -> list[str]:
    if raw[:2] == b"PK":
        return _archive(raw)
    text = raw.decode("utf-8-sig")
    if "\0" in text:
        raise ValueError("no text")
    if suffix in (".html", ".htm"):
        return _html(text)
    is_object = text.lstrip().startswith("{") and suffix not in (".py", ".scala", ".sql", ".cs", ".js", ".ts", ".java")
    if suffix == ".ipynb" or (is_object and re.search(r'"(cells|worksheets|commands|paragraphs)"\s*:', text)):
        return _notebook(json.loads(text))
    return DATABRICKS_CELL.split(text)


def _archive(raw: bytes) -> list[str]:
    """Notebooks of a .dbc archive, one behind the other."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        found = []
        for entry in archive.infolist():
            if not entry.is_dir() and entry.file_size <= LARGEST_FILE and "manifest" not in entry.filename.lower():
                found += _notebook(json.loads(archive.read(entry).decode("utf-8-sig")))
    if not found:
        raise ValueError("no notebook in the archive")
    return found


def _html(text: str) -> list[str]:
    """A Databricks export holds its model; of other pages the blocks of preformatted text are the code."""
    if model := DATABRICKS_MODEL.search(text):
        return _notebook(json.loads(unquote(base64.b64decode(model[1]).decode())))
    blocks = [html.unescape(re.sub(r"<[^>]+>", "", block)) for block in PRE.findall(text)]
    if not blocks:
        raise ValueError("no code in the page")
    return blocks


def _notebook(model: Any) -> list[str]:
    """nbformat 4 (cells), nbformat 3 (worksheets), Databricks (commands) and Zeppelin (paragraphs)."""
    if "commands" in model:
        commands = sorted(model["commands"], key=lambda command: command.get("position", 0))
        return [command["command"] for command in commands]
    if "paragraphs" in model:
        return [str(paragraph.get("text") or "") for paragraph in model["paragraphs"]]
    cells = model["cells"] if "cells" in model else [cell for sheet in model["worksheets"] for cell in sheet["cells"]]
    code = [cell["source"] if "source" in cell else cell["input"] for cell in cells if cell["cell_type"] == "code"]
    texts = iter("".join(lines) for lines in code)
    return [next(texts) if cell["cell_type"] == "code" else "" for cell in cells]
