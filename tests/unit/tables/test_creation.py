"""A table made without Spark: whole or not at all, never over what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ad_stream.errors import InputError
from ad_stream.tables import creation, people
from ad_stream.tables.catalog import HISTORY, TABLES
from ad_stream.tables.incidents import FEEDBACK


def commits(folder: Path) -> list[str]:
    return sorted(one.name for one in (folder / "_delta_log").iterdir())


def test_a_table_is_made_once_and_another_process_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "history"
    assert creation.make(HISTORY, folder)
    first = (folder / "_delta_log" / f"{0:020}.json").read_text()
    assert not creation.make(HISTORY, folder)
    monkeypatch.setattr(creation, "_free", lambda *_: True)  # as if both had looked before either wrote
    assert creation.make(HISTORY, folder)
    assert (folder / "_delta_log" / f"{0:020}.json").read_text() == first
    assert commits(folder) == [f"{0:020}.json"]


def test_what_a_process_left_that_died_here_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "_delta_log").mkdir()
    (tmp_path / "_delta_log" / ".half.tmp").write_text("{")
    assert creation.make(HISTORY, tmp_path)


@pytest.mark.parametrize(
    "there", ["part-0.parquet", "_delta_log/00000000000000000007.json", "_delta_log/_last_checkpoint"]
)
def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, there: str) -> None:
    (tmp_path / "_delta_log").mkdir()
    (tmp_path / there).touch()
    assert not creation.make(HISTORY, tmp_path)
    assert not (tmp_path / "_delta_log" / f"{0:020}.json").exists()


def test_a_place_that_cannot_be_written_is_left_to_others(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not creation.make(HISTORY, tmp_path / "file" / "history")
    assert not creation.make(HISTORY, tmp_path / "file")


def test_a_table_of_people_says_what_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / FEEDBACK.name).mkdir()
    (tmp_path / FEEDBACK.name / "notes.txt").touch()
    with pytest.raises(InputError, match=r"^the table feedback cannot be made: .*feedback holds something else"):
        people.create(FEEDBACK, tmp_path)


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_the_log_is_one_that_another_reader_of_delta_understands(tmp_path: Path, table: creation.Table) -> None:
    from deltalake import DeltaTable

    creation.make(table, tmp_path / table.name)
    found = DeltaTable(tmp_path / table.name)
    assert [one.name for one in found.schema().fields] == list(table.names)
    assert found.metadata().description == table.about
    assert found.metadata().partition_columns == ([table.partitioned] if table.partitioned else [])
    assert table.all_properties().items() <= found.metadata().configuration.items()
