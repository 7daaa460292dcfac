"""The section `sources` and its commands: what is refused, what is printed, and that no secret is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from ad_stream.cli import app
from ad_stream.config import parse
from ad_stream.errors import ConfigError
from ad_stream.readers.registry import KINDS

BASE = {"source": {"kind": "files", "path": "in"}, "tables": {"path": "tables"}}
POSTGRES = {"kind": "postgresql", "host": "h", "database": "d", "user": "u", "table": "t"}
INFLUX = {"kind": "influxdb", "url": "http://h:8086", "database": "d", "measurement": "m", "values": ["v"]}


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ({"kind": "postgres"}, "the kind of a named source is 'postgres': did you mean 'postgresql'?"),
        ({**POSTGRES, "hots": "x"}, "unknown setting 'sources.plant.hots': did you mean 'host'?"),
        ({"kind": "postgresql", "host": "h"}, "the setting 'sources.plant.database' is missing"),
        ({**POSTGRES, "query": "select 1"}, "give either table, or query"),
        ({**POSTGRES, "time_zone": "Europe/Berln"}, "name a time zone such as Europe/Berlin"),
        ({**POSTGRES, "device": "a\0b"}, "a name must not hold a NUL"),
        ({**POSTGRES, "values": ["a"], "value": "b"}, "give either signal and value"),
        ({**POSTGRES, "missing": [".nan"]}, "sources.plant.missing"),
        ({**INFLUX, "url": "http://me:sesame@h"}, "the setting 'sources.plant.url' is ***"),
        ({**INFLUX, "token": "sesame", "user": "u", "password": "p"}, "give either token, or user and password"),
        ("text", "write its settings indented below it"),
    ],
)
def test_a_wrong_setting_is_one_sentence_with_a_way_out(section: Any, sentence: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse({**BASE, "sources": {"plant": section}})
    assert sentence in str(raised.value) and "sesame" not in str(raised.value)


def test_every_kind_has_its_section_with_every_key_on_the_page() -> None:
    page = (Path(__file__).parents[3] / "docs" / "named_sources.md").read_text(encoding="utf-8")
    parts = dict(part.split("\n", 1) for part in re.split(r"^## ", page, flags=re.M)[1:])
    general = set(re.findall(r"\w+", parts["Columns"] + parts["What holds for all"]))
    for kind, one in KINDS.items():
        names = {field.alias or name for name, field in one.settings.model_fields.items()}
        assert names - set(re.findall(r"\w+", parts[kind])) - general == set(), kind


def said(*arguments: str) -> tuple[int, str]:
    answer = CliRunner().invoke(app, ["sources", *arguments])
    return answer.exit_code, answer.output if answer.exception is None or answer.output else str(answer.exception)


def test_the_commands_list_check_and_show_sources_without_their_secrets(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("device,time,value\np,2026-11-01T00:00:00Z,1.5\np,2026-11-01T00:01:00Z,2.5\n")
    files = {"kind": "table_files", "path": str(tmp_path / "*.csv")}
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump({**BASE, "sources": {"files": files, "gone": {**files, "path": "gone/*"}}}))
    written = ("-c", str(config))
    code, told = said(
        "list", *written, "--json", "--set", "sources.db=" + json.dumps({**POSTGRES, "password": "sesame"})
    )
    assert (code, json.loads(told)["db"]["password"], "sesame" in told) == (0, "***", False)
    code, told = said("check", *written, "--json")
    assert (code, {name: one["fine"] for name, one in json.loads(told).items()}) == (1, {"files": True, "gone": False})
    assert said("check", "files", *written) == (0, "files: can be read\n")
    assert said("columns", "files", *written)[1].split() == ["device", "device", "time", "time", "value", "value"]
    assert said("sample", "files", *written, "--rows", "1") == (0, "2026-11-01T00:00:00Z  p  value = 1.5\n")
    assert said("columns", "plant", *written) == (1, "there is no source 'plant': choose from: files, gone")
