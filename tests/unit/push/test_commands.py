"""`ad-stream powerbi` and `ad-stream simulate powerbi`, against the shipped receiver."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml
from typer.testing import CliRunner, Result

from ad_stream.cli import app
from ad_stream.config import parse
from ad_stream.errors import AdStreamError
from ad_stream.push.registry import targets_of
from ad_stream.simulate.power_bi.receiver import PowerBIReceiver, random_trouble
from ad_stream.simulate.power_bi.rules import COLUMNS
from tests.conftest import interruptible
from tests.support.children import child

ROOT = Path(__file__).resolve().parents[3]
KEY = "SeCrEtKeY0123456789"


def asked(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(app, ["powerbi", *arguments], env=environ)


@pytest.fixture
def receiver() -> Iterator[PowerBIReceiver]:
    with PowerBIReceiver(key=KEY) as made:
        yield made


def test_schema_prints_the_columns_that_the_receiver_declares() -> None:
    columns = json.loads(asked("schema").stdout)
    assert {one["name"]: one["dataType"] for one in columns} == COLUMNS


def test_schema_of_a_target_with_its_own_columns(tmp_path: Path) -> None:
    push = [{"kind": "power_bi", "url": "${env:URL}", "columns": {"ts": "minute", "n": "points"}}]
    content = {"source": {"kind": "files", "path": "in"}, "tables": {"path": "t"}, "push": push}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    found = json.loads(asked("schema", "-c", str(tmp_path / "run.yaml")).stdout)
    assert found == [{"name": "ts", "dataType": "DateTime"}, {"name": "n", "dataType": "Int64"}]


def test_test_sends_one_marked_row(receiver: PowerBIReceiver) -> None:
    answer = asked("test", "--url", "${env:PUSH_URL}", PUSH_URL=receiver.url)
    assert (answer.exit_code, answer.stdout.startswith("Power BI took the row of device 'ad-stream-test'")) == (0, True)
    (row,) = receiver.rows
    assert (row["deviceId"], row["isAnomaly"], set(row)) == ("ad-stream-test", False, set(COLUMNS))
    assert receiver.violations == []


def test_test_says_what_came_back_and_fails(receiver: PowerBIReceiver) -> None:
    answer = asked("test", "--url", receiver.url.replace(KEY, "pR1vAtE-kEy"))
    said = "Power BI did not take the row: Power BI answered 403: the key is not accepted: copy the push URL again\n"
    assert (answer.exit_code, answer.stdout) == (1, said)


def test_create_prints_a_push_section_that_works(receiver: PowerBIReceiver) -> None:
    answer = asked(
        "create", "--token", "${env:TOKEN}", "--api", receiver.api, "--group", "workspace", "--tenant-id", "t", "--client-id", "c",
        TOKEN=KEY,
    )  # fmt: skip
    assert answer.exit_code == 0
    section = yaml.safe_load(answer.stdout)["push"]
    assert {one["name"]: one["dataType"] for one in receiver.created[0]["columns"]} == COLUMNS
    assert section[0]["client_secret"] == "${env:AZURE_CLIENT_SECRET}"
    config = parse({"source": {"kind": "files", "path": "in"}, "tables": {"path": "t"}, "push": section})
    (made,) = targets_of((one.kind, one.options()) for one in config.push)
    assert "dataset dataset" in repr(made)
    assert KEY not in answer.stdout


@pytest.mark.parametrize(
    ("closed", "key", "sentence"),
    [
        (True, KEY, "Power BI no longer creates streaming datasets here .* push to a dataset you have by its push URL"),
        (False, "wrong", "Power BI answered 403: the application has no access: make it a member of the workspace"),
    ],
)
def test_where_no_dataset_can_be_created_a_sentence_says_what_to_do(closed: bool, key: str, sentence: str) -> None:
    with PowerBIReceiver(key=KEY, closed=closed) as receiver:
        answer = asked("create", "--token", key, "--api", receiver.api)
    assert isinstance(answer.exception, AdStreamError)
    assert answer.exception.exit_code == 1
    with pytest.raises(AdStreamError, match=sentence):
        raise answer.exception


@pytest.mark.slow
def test_simulate_powerbi_prints_what_it_got() -> None:
    command = [sys.executable, "-c", "from ad_stream.cli import main; main()", "simulate", "powerbi", "--port", "0"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with child(command, stdout=subprocess.PIPE, env=environ, preexec_fn=interruptible) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        process.stdout.readline()
        row = {"timestamp": "2026-11-01T00:00:00.000Z", "deviceId": "d", "isAnomaly": True}
        assert requests.post(url, json=[row], timeout=10).ok
        assert requests.post(url, json=[{"device": "d"}], timeout=10).status_code in (400, 429)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    assert "1 rows taken (1 anomalies) in 2 requests: 1 200, 1 4" in said
    assert "broken rule: " in said


def test_the_same_seed_gives_the_same_faults() -> None:
    def first(seed: int) -> list[str]:
        faults = random_trouble(seed, 0.3)
        return [next(faults) for _ in range(1000)]

    assert first(1) == first(1) != first(2)
    assert 200 < sum(one != "" for one in first(1)) < 400
