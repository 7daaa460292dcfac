"""Who may read the views, and that no grant reaches a table with bodies of messages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ad_stream.cli import app
from ad_stream.config import Tables
from ad_stream.errors import InputError
from ad_stream.tables.views import VIEWS, grants, script

SHIPPED = Path(__file__).resolve().parents[3] / "conf" / "databricks.yaml"


def test_readers_are_granted_each_view_and_nothing_else() -> None:
    told = grants(Tables(catalog="main", schema="iot"), "ops `night`")
    assert told[:2] == [
        "GRANT USE CATALOG ON CATALOG `main` TO `ops ``night```",
        "GRANT USE SCHEMA ON SCHEMA `main`.`iot` TO `ops ``night```",
    ]
    assert told[2:] == [f"GRANT SELECT ON VIEW `main`.`iot`.`{view}` TO `ops ``night```" for view in VIEWS]
    assert "quarantine" not in VIEWS, "the table of that name holds beginnings of messages"


def test_no_view_shows_the_body_of_a_message() -> None:
    assert [view for view, (_, query) in VIEWS.items() if re.search(r"\bbody\b", query)] == []


def test_without_readers_the_script_grants_nothing() -> None:
    assert "GRANT" not in script(Tables(catalog="main", schema="iot"))


def test_tables_in_folders_have_nobody_to_grant_to() -> None:
    with pytest.raises(InputError, match="are folders, whose views end with their session: grants are for tables of a"):
        grants(Tables(path="tables"), "analysts")


def test_the_command_prints_views_and_grants() -> None:
    answer = CliRunner().invoke(app, ["views", str(SHIPPED), "--readers", "analysts"])
    assert answer.exit_code == 0
    assert answer.stdout.count("CREATE OR REPLACE VIEW") == answer.stdout.count("GRANT SELECT ON VIEW") == len(VIEWS)
