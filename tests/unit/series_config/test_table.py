"""The table as the command line writes and reads it, without Spark."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ad_stream.cli import app
from ad_stream.config import parse_detection
from ad_stream.errors import InputError
from ad_stream.series_config import edit, table

NOW = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
BASE = parse_detection({})


def wanted(device: str, *pairs: str) -> dict[str, Any]:
    return edit.row_of(pairs, device=device, signal="*", owner="ana", note="", base=BASE)


def ask(*arguments: str) -> Any:
    answer = CliRunner().invoke(app, ["config", *arguments, "--json"], catch_exceptions=False)
    assert answer.exit_code == 0
    return json.loads(answer.stdout)


def test_each_change_is_a_version_that_can_be_read_again(tmp_path: Path) -> None:
    first = table.append(tmp_path, wanted("a", "sensitivity=90"), now=NOW)
    second = table.append(tmp_path, wanted("b", "direction=up", "sensitivity=inherit"), now=NOW)
    assert second == first + 1
    assert [row["device"] for row in table.read(tmp_path, first)[0]] == ["a"]
    changes = table.changes(tmp_path, 2)
    assert [(one.version, [row["device"] for row in one.added], one.removed) for one in changes] == [
        (second, ["b"], []),
        (first, ["a"], []),
    ]
    assert changes[0].added[0]["inherit"] == ["sensitivity"]


def test_what_is_said_later_is_later_even_if_the_clock_says_otherwise(tmp_path: Path) -> None:
    for number, now in enumerate((NOW, NOW - timedelta(hours=1), NOW)):
        table.append(tmp_path, wanted("a", f"sensitivity={90 + number}"), now=now)
    rows = sorted(table.read(tmp_path)[0], key=lambda row: row["changed"])
    assert [row["sensitivity"] for row in rows] == [90, 91, 92]


def test_a_table_that_is_not_there_holds_nothing_and_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert table.read(tmp_path) == ([], None) and table.changes(tmp_path, 5) == []
    with pytest.raises(InputError, match="there is no folder .*nowhere: name the one that a run writes"):
        table.append(tmp_path / "nowhere", wanted("a", "sensitivity=90"), now=NOW)


@pytest.mark.slow
def test_the_commands_tell_what_applies_to_a_device_and_since_which_version(tmp_path: Path) -> None:
    where = ("--tables", str(tmp_path))
    ask("set", "--device", "pump-*", "sensitivity=90", "min_deviation=0.5", *where)
    muted = ask("mute", "--device", "pump-7", "--from", "2026-11-01T06:00Z", "--for", "2 hours", *where)
    assert ask("list", "--device", "pump-7", "--signal", "t", *where) == {
        "t": {
            "detector": "default", "sensitivity": 90, "direction": "both", "min_deviation": 0.5,
            "min_relative_deviation": 0.0, "kind": "gauge",
            "mute": "muted from 2026-11-01 06:00 to 2026-11-01 08:00",
        }
    }  # fmt: skip
    off = ask("mute", "--device", "pump-7", "--off", *where)
    assert off["version"] == muted["version"] + 1
    assert ask("list", "--device", "pump-7", *where)["*"]["mute"] == "no"
    assert [one["says"] for one in ask("list", *where)["rules"]][-1] == "sensitivity 90, min_deviation 0.5"
    assert [one["version"] for one in ask("history", "--last", "2", *where)] == [off["version"], muted["version"]]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("set", "--device", "a", "sensitivity=400"), "'sensitivity' is 400"),
        (("set", "--device", "a", "sensitivty=40"), "did you mean 'sensitivity'?"),
        (("set", "--device", "a", "mute=true"), "ad-stream config mute --device 'a' --for '2 hours'"),
        (("set", "--device", "a", "detector=defalt"), "did you mean 'default'?"),
        (("mute", "--device", "a"), "a mute needs an end"),
        (("mute", "--device", "a", "--for", "soon"), "write a duration such as '2 minutes'"),
    ],
)
def test_what_the_stream_would_ignore_is_refused_before_it_is_written(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    answer = CliRunner().invoke(app, ["config", *arguments, "--tables", str(tmp_path)])
    assert sentence in str(answer.exception)
    assert table.read(tmp_path) == ([], None)


def test_tables_of_a_catalog_are_answered_with_the_statement_to_run_there() -> None:
    config = str(Path(__file__).resolve().parents[3] / "conf" / "databricks.yaml")
    arguments = [
        "config",
        "set",
        "--device",
        "o'neil",
        "sensitivity=90",
        "direction=inherit",
        "--owner",
        "ana",
        "-c",
        config,
    ]
    answer = CliRunner().invoke(app, arguments)
    assert str(answer.exception) == (
        "the table `main`.`iot`.`series_config` is not on this machine: run there INSERT INTO `main`.`iot`.`series_config` "
        "(device, signal, sensitivity, inherit, owner, changed) VALUES ('o\\'neil', '*', 90, array('direction'), 'ana', "
        "current_timestamp())"
    )
