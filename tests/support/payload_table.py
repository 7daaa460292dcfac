"""The rows of the table in docs/payloads.md."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PAGE = Path(__file__).resolve().parents[2] / "docs" / "payloads.md"


@dataclass(frozen=True)
class Row:
    form: str
    body: str
    telemetry: dict[str, Any]
    series: str

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(self.body)]


def rows() -> list[Row]:
    out = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and len(cells) == 4 and cells[0] != "form":
            out.append(Row(cells[0], cells[1].strip("`"), yaml.safe_load(cells[2].strip("`")), cells[3]))
    return out
