"""The pages that show command lines, and what they show."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def command_lines(page: Path) -> list[str]:
    """The lines of a page's code blocks that call ad-stream, without prompt, environment and comment."""
    blocks = page.read_text(encoding="utf-8").split("```")[1::2]
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()[1:]]
    typed = [re.sub(r"\s+#.*", "", line).strip() for line in lines]
    return [line for line in typed if line.startswith("ad-stream ")]
