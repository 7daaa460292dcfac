"""The folder of the demo is emptied before each run, and only if nothing else lies in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ad_stream.demo.stream import fresh_folder
from ad_stream.errors import InputError
from ad_stream.report import Page, write


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"holds 'thesis\.txt', which no demo wrote: name an empty one with --out"):
        fresh_folder(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    assert (tmp_path / "tables").is_dir()


def test_what_an_earlier_demo_left_is_removed_but_its_report_stays_until_the_next_one_stands(tmp_path: Path) -> None:
    for name in ("messages", "tables", "checkpoint"):
        (tmp_path / name / "deep").mkdir(parents=True)
    (tmp_path / "report.html").write_text("old")
    assert [path.name for path in fresh_folder(tmp_path).iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "old"
    write(Page("new", "", []), tmp_path / "report.html")
    assert "new" in (tmp_path / "report.html").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
