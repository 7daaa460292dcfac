"""The command line as a person meets it: real processes, exit codes, one sentence on stderr."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest
from typer.main import get_command

from ad_stream.cli import app
from ad_stream.config.overrides import overrides
from ad_stream.errors import InputError
from ad_stream.tables.views import VIEWS
from ad_stream.times import moment

ROOT = Path(__file__).resolve().parents[2]
CONFIG = str(ROOT / "conf" / "local.yaml")


def ad_stream(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return run_python("from ad_stream.cli import main; main()", *arguments, **environ)


def run_python(code: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environ}, timeout=60)


@pytest.mark.slow
def test_validate_prints_every_setting_of_a_run() -> None:
    answer = ad_stream("validate", CONFIG, "--json", "--set", "detection.sensitivity=90")
    settings = json.loads(answer.stdout)
    assert (answer.returncode, settings["detection"]["sensitivity"], settings["source"]["kind"]) == (0, 90, "files")


@pytest.mark.slow
def test_views_prints_a_script_for_a_sql_editor() -> None:
    answer = ad_stream("views", str(ROOT / "conf" / "databricks.yaml"), "--set", "tables.schema=plant-7")
    statements = answer.stdout.removesuffix(";\n").split(";\n\n")
    assert answer.returncode == 0 and len(statements) == len(VIEWS)
    assert all(one.startswith("CREATE OR REPLACE VIEW `main`.`plant-7`.`") for one in statements)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("validate", "nowhere.yaml"), "the configuration 'nowhere.yaml' cannot be read"),
        (("validate", CONFIG, "--set", "detection.sensitivty=90"), "did you mean"),
        (("submit", CONFIG, "--from", "2026-11-01"), "a backfill needs both --from and --to"),
        (("validate", CONFIG, "--set", "detection.detector=defalt"), "did you mean 'default'?"),
        (("validate", CONFIG, "--set", "sensitivity"), "write it like --set detection.sensitivity=90"),
        (("simulate", "out", "--start", "yesterday"), "'yesterday' is no time: write it like 2026-11-01T06:30Z"),
        (("simulate", "out", "--count", "chatter"), "write it like --count chatter=5"),
        (("simulate", "out", "--count", "chatter=1", "--no-faults"), "leave out one of them"),
        (("demo", "--data", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = ad_stream(*arguments)
    assert answer.returncode == 2
    told = [line for line in answer.stderr.splitlines() if line.startswith("ad-stream: ")]
    assert len(told) == 1, answer.stderr
    assert sentence in told[0]
    assert "Traceback" not in answer.stderr


def test_a_missing_package_is_a_sentence_with_the_extra_that_brings_it() -> None:
    answer = run_python("import sys; sys.modules['fastapi'] = None; from ad_stream.cli import main; main()", "serve")
    told = "ad-stream: the package fastapi is missing: pip install 'ad-stream[serve]'\n"
    assert (answer.returncode, answer.stderr) == (2, told)


@pytest.mark.slow
def test_debug_shows_where_an_error_came_from() -> None:
    answer = ad_stream("validate", "nowhere.yaml", AD_STREAM_DEBUG="1")
    assert "Traceback" in answer.stderr
    assert answer.returncode == 1


@pytest.mark.slow
def test_a_secret_in_the_configuration_is_masked(tmp_path: Path) -> None:
    push = "push=[{kind: power_bi, url: 'https://api.powerbi.test/rows?key=abc123'}]"
    answer = ad_stream("validate", CONFIG, "--set", push)
    assert answer.returncode == 0
    assert "abc123" not in answer.stdout + answer.stderr


@pytest.mark.slow
def test_simulate_writes_messages_and_tells_the_truth(tmp_path: Path) -> None:
    answer = ad_stream("simulate", str(tmp_path / "in"), "--devices", "2", "--minutes", "10", "--seed", "7", "--json")
    truth = json.loads(answer.stdout)
    assert (answer.returncode, truth["devices"], truth["minutes"], truth["seed"]) == (0, 2, 10, 7)
    assert list((tmp_path / "in").glob("*.jsonl"))


@pytest.mark.slow
def test_simulate_gives_a_fleet_sites_and_so_many_faults_of_a_kind(tmp_path: Path) -> None:
    more = ("--devices", "4", "--minutes", "400", "--sites", "2", "--count", "site_silence=1", "--count", "chatter=0")
    answer = ad_stream("simulate", str(tmp_path / "in"), *more)
    truth = json.loads((tmp_path / "in" / "_truth.json").read_text())
    kinds = [fault["kind"] for fault in truth["faults"]]
    assert (answer.returncode, kinds.count("site_silence"), kinds.count("chatter"), truth["sites"]) == (0, 2, 0, 2)
    assert "dimensions: {device: '(?P<site>site-[0-9]+)-'}" in answer.stdout


@pytest.mark.slow
def test_evaluate_compares_the_detectors_that_were_named(tmp_path: Path) -> None:
    rows = [f"{1_700_000_000 + 60 * n},{20 + n % 7 + 30 * (n == 350)},{int(n == 350)}" for n in range(400)]
    (tmp_path / "labelled.csv").write_text("timestamp,value,label\n" + "\n".join(rows))
    answer = ad_stream("evaluate", "--data", str(tmp_path / "labelled.csv"), "--detectors", "differences,ar", "--json")
    assert [(row["detector"], row["f1"]) for row in json.loads(answer.stdout)] == [("differences", 1.0), ("ar", 1.0)]


def test_every_command_explains_itself_in_a_sentence() -> None:
    commands = getattr(get_command(app), "commands")  # noqa: B009 (click's group class is not typer's promise)
    assert {"demo", "simulate", "run", "backfill", "validate"} <= set(commands)
    assert all(command.help and command.help.strip().endswith(".") for command in commands.values())


def test_settings_are_nested_and_read_as_yaml() -> None:
    assert overrides(["detection.points=200", "push=[]", "trigger=1 minute"]) == {
        "detection": {"points": 200},
        "push": [],
        "trigger": "1 minute",
    }


def test_a_time_without_a_zone_is_utc() -> None:
    assert moment("2026-11-01") == datetime(2026, 11, 1, tzinfo=timezone.utc)
    assert moment("2026-11-01T06:30+01:00") == datetime(2026, 11, 1, 5, 30, tzinfo=timezone.utc)
    with pytest.raises(InputError, match="'6:30' is no time"):
        moment("6:30")
