"""`ad-stream simulate --to`: a broker from one command, and the settings of a run that reads it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import yaml

from ad_stream.config import parse
from tests.brokers.conftest import needed
from tests.conftest import interruptible, missing
from tests.support.children import child, children_of, wait_until_gone

ROOT = Path(__file__).resolve().parents[2]


def started(*arguments: str) -> AbstractContextManager[subprocess.Popen[str]]:
    command = [sys.executable, "-c", "from ad_stream.cli import main; main()", "simulate", *arguments]
    return child(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        preexec_fn=interruptible,
    )


def printed_settings(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What stands between the line about the messages and the empty line at the end."""
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    if not any("messages wait for a run" in line for line in lines):
        pytest.fail(process.communicate(timeout=300)[1])
    next(lines)
    return dict(yaml.safe_load("".join(iter(lines.__next__, "\n"))))


@pytest.mark.parametrize(("to", "modules", "sets"), [
    ("kafka", ["confluent_kafka"], ["kafka_broker"]), ("event-hubs", ["proton", "cryptography"], []),
])  # fmt: skip
def test_one_command_starts_a_broker_that_a_run_can_read_and_ctrl_c_ends_it(
    to: str, modules: list[str], sets: list[str], tmp_path: Path
) -> None:
    if missing(*modules):
        pytest.skip(f"the package {missing(*modules)[0]} is missing")
    needed(*sets)
    with started(str(tmp_path / "in"), "--devices", "1", "--minutes", "5", "--to", to, "--port", "0") as process:
        sections = printed_settings(process)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=300)
    assert process.returncode == 0, complaint
    assert parse({**sections, "tables": {"path": "tables"}}).source.kind == to.replace("-", "_")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_broker_is_gone_though_its_command_was_killed(tmp_path: Path) -> None:
    if missing("confluent_kafka"):
        pytest.skip("the package confluent-kafka is missing")
    needed("kafka_broker")
    with started(str(tmp_path / "in"), "--devices", "1", "--minutes", "5", "--to", "kafka", "--port", "0") as process:
        printed_settings(process)
        below = children_of(process.pid)
        assert len(below) == 2, "the broker and its guard"
        process.send_signal(signal.SIGKILL)
        for pid in below:
            wait_until_gone(pid)
