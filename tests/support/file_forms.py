"""The rows of the table of forms in docs/own_files.md, and what the reader makes of one."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ad_stream.readings import ReadOptions, read

PAGE = Path(__file__).resolve().parents[2] / "docs" / "own_files.md"
END = " ⏎ "
OPTIONS = {"--device": "device", "--time-zone": "zone", "--decimal": "decimal", "--date-order": "order"}


@dataclass(frozen=True)
class Form:
    form: str
    text: str
    options: str
    read_as: str

    @property
    def read_options(self) -> ReadOptions:
        words = shlex.split(self.options)
        given: dict[str, Any] = {OPTIONS[key]: value for key, value in zip(words[::2], words[1::2], strict=True)}
        if "order" in given:
            given["order"] += " first"
        return ReadOptions(**given)


def forms() -> list[Form]:
    out = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) == 4 and END in cells[1]:
            out.append(Form(cells[0], cells[1].strip("`").replace(END, "\n"), cells[2].strip("`"), cells[3]))
    return out


def read_as(form: Form, folder: Path) -> str:
    """As the table has it: each series with the value and time of its first two readings."""
    path = folder / ("pump.json" if form.text[0] in "{[" else "pump.csv")
    path.write_text(form.text + "\n", encoding="utf-8")
    found = read(path, form.read_options)
    series: dict[str, list[str]] = {}
    for device, signal, ms, value in zip(found.device, found.signal, found.ms, found.value, strict=True):
        if np.isfinite(value):
            name = f"{found.signals[signal]} of {found.devices[device]}"
            series.setdefault(name, []).append(f"{value:g} at {_time(int(ms))}")
    return "; ".join(f"{name}: {', '.join(readings[:2])}" for name, readings in series.items())


def _time(ms: int) -> str:
    at = str(np.datetime_as_string(np.datetime64((ms + 500) // 1000, "s"), unit="m"))
    day, clock = at.split("T")
    return clock if day == "2026-03-02" else day
