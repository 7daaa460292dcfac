"""The same words everywhere: a lone YAML file or --config, refusals before anything is printed, exit codes 0, 1 and 2."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

from ad_stream.cli import app
from ad_stream.errors import AdStreamError
from ad_stream.evaluation.compare import Comparison
from ad_stream.evaluation.recommend import recommend
from ad_stream.series_config.fitting import fitting
from tests.conftest import interruptible
from tests.support.children import child
from tests.support.written import create, series_rows, write

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "import sys; sys.argv[0] = 'ad-stream'; from ad_stream.cli import main; main()"]
START = datetime(2026, 11, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Answer:
    """What a command left: exit code, what it printed, the sentence of its error."""

    code: int
    out: str
    error: str


def ad_stream(*arguments: str, **environ: str) -> Answer:
    """In this process, for a Python of its own costs seconds; `test_cli.py` has the real program."""
    found = CliRunner().invoke(app, list(arguments), env=environ)
    if isinstance(found.exception, AdStreamError):
        return Answer(found.exception.exit_code, found.output, str(found.exception))
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return Answer(found.exit_code, found.output, "")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A configuration whose tables hold an hour of two pumps."""
    tables = tmp_path / "tables"
    create(tables)
    for device in ("pump-1", "pump-2", "fan"):
        rows = series_rows(device, "flow", START, [20.0] * 30 + [30.0], {30: "above"})
        write(tables, "detections", rows)
        write(
            tables,
            "minutes",
            [{name: row[name] for name in ("device_id", "signal", "minute", "value")} for row in rows],
        )
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump({"source": {"kind": "files", "path": "in"}, "tables": {"path": str(tables)}}))
    return path


ALIKE = ("run", "backfill", "validate", "views", "maintain", "submit", "status", "dashboard", "whatif")


@pytest.mark.parametrize("name", ALIKE)
def test_a_command_over_a_configuration_takes_it_alone_and_behind_config(name: str) -> None:
    command = getattr(get_command(app), "commands")[name]  # noqa: B009
    options = {word for one in command.params for word in one.opts}
    assert {"--config", "-c"} <= options
    assert "[CONFIG]" in {one.metavar for one in command.params if one.param_type_name == "argument"}


@pytest.mark.slow
def test_status_and_report_find_the_tables_by_the_configuration(run: Path) -> None:
    alone, named = ad_stream("status", str(run)), ad_stream("status", "--config", str(run))
    assert (alone.code, alone.out) == (0, named.out) and "The stream is stopped." in alone.out
    out = run.parent / "pump.html"
    answer = ad_stream("report", "pump-1", "--config", str(run), "--out", str(out))
    assert (answer.code, out.exists()) == (0, True), answer


def test_status_before_a_run_says_what_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = ad_stream("status")
    assert answer.code == 2
    assert answer.error.startswith("there are no tables in .ad_stream/tables yet: start a stream that writes there,")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run",), "no configuration is named: write ad-stream run conf/local.yaml"),
        (("validate", "a.yaml", "--config", "b.yaml"), "'a.yaml' and --config 'b.yaml' both name the configuration"),
        (("evaluate",), "name one labelled file: ad-stream evaluate labelled.csv"),
        (
            ("dashboard", "--host", "no such host", "--tables", "x"),
            "a dashboard without a token listens on 127.0.0.1 only",
        ),
        (("detect", "nowhere.csv", "--out", "file/x.html"), "--out 'file/x.html' cannot be written"),
        (("detect", "nowhere.csv", "--out", "."), "--out '.' is a folder: name a file in it"),
        (("report", "pump", "--out", "file/x.html"), "--out 'file/x.html' cannot be written"),
        (("demo", "--json", "file/x.json"), "--json 'file/x.json' cannot be written"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_printed(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("a file, not a folder")
    answer = ad_stream(*arguments)
    assert (answer.code, answer.out) == (2, "") and sentence in answer.error


@pytest.mark.parametrize("arguments", [("serve",), ("dashboard", "--tables", "x")])
def test_a_port_in_use_and_a_host_that_is_none_are_refused(arguments: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        answer = ad_stream(*arguments, "--port", port)
    assert (answer.code, answer.out) == (2, "")
    assert answer.error == f"port {port} of 127.0.0.1 is in use: end what listens there, or choose another with --port"
    keys = {"AD_STREAM_KEYS": "k" * 20, "AD_STREAM_DASHBOARD_TOKEN": "t" * 20}
    for host, why in (
        ("203.0.113.7", "is no address of this machine"),
        ("no such host", "is no address: give 127.0.0.1"),
    ):
        answer = ad_stream(*arguments, "--host", host, "--port", port, **keys)
        assert (answer.code, answer.out) == (2, "") and f"--host {host!r} {why}" in answer.error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("keys", "told"),
    [("", "asks for no key, so only this machine may call"), ("k" * 20, "asks for a key of AD_STREAM_KEYS")],
)
def test_serve_says_where_it_listens_and_whether_it_asks_for_a_key(keys: str, told: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [*COMMAND, "serve", "--port", str(port)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "AD_STREAM_KEYS": keys}
    with child(command, stderr=subprocess.PIPE, env=env, preexec_fn=interruptible) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith(f"http://127.0.0.1:{port}/ serves") and told in line and "kkkk" not in line
        process.send_signal(signal.SIGINT)
        process.wait()
    assert process.returncode == 0


def test_a_rule_says_how_many_known_series_it_fits(run: Path) -> None:
    def told(pattern: str) -> str:
        answer = CliRunner().invoke(app, ["config", "set", "--config", str(run), "--device", pattern, "sensitivity=90"])
        assert answer.exit_code == 0, answer.output
        return answer.output.splitlines()[-1]

    assert told("pump-*") == "It fits 2 of 3 series seen so far: pump-1 flow, pump-2 flow."
    assert told("pmp-*") == "It fits none of the 3 series seen so far; those that come and fit will take it."
    assert fitting(run.parent / "tables", "*", "f*") == (["fan flow", "pump-1 flow", "pump-2 flow"], 3)
    assert fitting(run.parent / "nowhere", "*", "*") == ([], 0)


@pytest.mark.slow
def test_evaluate_fits_80_columns_and_ends_with_the_yaml_to_copy(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 1, 400)
    rows = [f"{1_700_000_000 + 60 * n},{20 + noise[n] + 30 * (n == 350):.3f},{int(n == 350)}" for n in range(400)]
    (tmp_path / "labelled.csv").write_text("timestamp,value,label\n" + "\n".join(rows))
    answer = ad_stream("evaluate", str(tmp_path / "labelled.csv"), "--detectors", "default,differences", COLUMNS="80")
    assert answer.code == 0
    printed = answer.out[answer.out.index("detector ") :]
    assert max(map(len, printed.splitlines())) <= 80 and "…" not in printed
    table, _, section = printed.rpartition("detection:")
    assert yaml.safe_load("detection:" + section)["detection"]["detector"] in table
    assert "\nTake " in table


def compared(name: str, f1: float, chance: float = 0.1) -> Comparison:
    return Comparison(name, 1501, f1, chance, f1, 0.5, 0.6, 0.7, 0.1, 0.2, 3.0)


def test_the_recommendation_is_the_shipped_detector_unless_another_is_clearly_better() -> None:
    near = recommend([compared("default", 0.80), compared("ar", 0.82)])
    assert near.yaml == "detection:\n  detector: default\n" and "which one file does not prove" in near.sentence
    clear = recommend([compared("default", 0.80), compared("ar", 0.90)], points=240)
    assert clear.yaml == "detection:\n  detector: ar\n  points: 240\n" and "default reaches 0.80" in clear.sentence
    assert recommend([compared("default", 0.15)]).sentence.startswith(
        "None of them finds these events much better than chance"
    )


def test_every_error_of_ours_leaves_with_1_or_2() -> None:
    def below(kind: type[AdStreamError]) -> set[type[AdStreamError]]:
        return {kind}.union(*(below(one) for one in kind.__subclasses__()))

    assert {kind.exit_code for kind in below(AdStreamError)} == {1, 2}
