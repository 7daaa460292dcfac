"""A small distribution of somebody else, installed into a folder as pip would leave it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def install(
    site: Path, name: str, version: str, *, modules: Mapping[str, str], points: Mapping[str, Mapping[str, str]]
) -> None:
    """modules: name -> text; points: group -> name -> 'module:object'."""
    site.mkdir(parents=True, exist_ok=True)
    for module, text in modules.items():
        (site / f"{module}.py").write_text(text)
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    groups = [
        f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in of.items()) for group, of in points.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups))
    files = [*(f"{module}.py" for module in modules), f"{info.name}/METADATA", f"{info.name}/entry_points.txt"]
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))


SOURCE = '''
"""Readings in JSON lines, as rows."""

from typing import Literal

from ad_stream.sources.contract import Reader, SourceSettings
from ad_stream.sources.registry import SourceKind


class Lines(SourceSettings):
    kind: Literal["acme_lines"]
    folder: str


KIND = SourceKind(Lines, "acme_lines:LinesReader", "rows", places=("folder",))


class LinesReader(Reader[Lines]):
    def read(self, spark, settings, start):
        lines = spark.readStream.schema("device string, signal string, at timestamp, x double, number long").json(settings.folder)
        return lines.selectExpr(
            "device as device_id", "signal", "at as time", "x as value", "cast(null as timestamp) as enqueued_time",
            "'acme' as source", "'' as partition", "number as sequence",
        )
'''
DETECTOR = '''
"""Whatever is above 100."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ad_stream.detectors.window_detector import Judgement, WindowDetector, check_options


@dataclass(frozen=True, kw_only=True)
class Above(WindowDetector):
    name: ClassVar[str] = "acme_above"
    most: float = 100.0
    points: int = 30
    min_points: int = 12

    def __post_init__(self):
        check_options(self)

    def judge(self, rows, unit):
        last, zero = rows[:, -1], np.zeros(len(rows))
        expected = np.minimum(last, self.most / unit)
        above = last > expected
        return Judgement(expected, zero, zero, zero, zero, zero, above, np.full(len(rows), "", dtype=object))
'''
TARGET = '''
"""Keeps rows in a list."""


class Shelf:
    rows, seconds, hourly = "anomalies", 5.0, None

    def __init__(self, *, name="shelf", label="x"):
        self.name, self.label, self.kept = name, label, []

    def push(self, rows, seconds):
        self.kept.extend(rows)
        return iter(())
'''
