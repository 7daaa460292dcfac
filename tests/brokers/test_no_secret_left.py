"""A run with a secret in every place that takes one, among receivers that answer with what they were sent: none is left anywhere.

Looked through: what the run says, its tables with their commits, the checkpoint, Spark's event log (plans, settings, tasks), Spark's own
folder while it lives (shuffles, broadcasts, pickled functions), and the command lines of every process it starts.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from ad_stream.simulate.kafka.broker import KafkaBroker
from ad_stream.simulate.send import Event, to_kafka
from tests.conftest import SHORT_RUN
from tests.faults.lives import COMMAND, ROOT
from tests.support.children import child, folders_of
from tests.support.compare import read
from tests.support.listening import listening, read_request
from tests.support.waiting import wait_for

TOKENS = {
    name: f"pLanTed{name}0123456789aBcDeF" for name in ("Fallback", "PowerBi", "Hook", "Pager", "Librdkafka", "Literal")
}
BY_REFERENCE = ("Fallback", "PowerBi", "Hook", "Pager")
CHUNK = 1 << 20


def reading(number: int) -> Event:
    """A device that goes up and down, and far out from minute 44 on, so that an incident opens."""
    at = datetime(2026, 11, 1, 6, number, tzinfo=timezone.utc)
    system = {"iothub-connection-device-id": "dev-1", "iothub-enqueuedtime": at.isoformat()}
    return Event(0, at, b'{"t": %d}' % (number % 3 + 90 * (number >= 44)), {}, system)


def echo(connection: socket.socket) -> None:
    """A failure whose text is the whole request, as debug pages have it."""
    asked = read_request(connection)
    head = f"HTTP/1.1 500 Internal Server Error\r\nContent-Length: {len(asked)}\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode() + asked)


def configuration(folder: Path, source: dict[str, Any], server: str) -> Path:
    """Settings with a secret in each place: references, and two literals."""
    quick = {"timeout": 1, "seconds": 3}
    content = {
        "source": source,
        "telemetry": {"event_time": "time"},
        "detection": {"points": 40},
        "incidents": {"enabled": True},
        "fallback": {"endpoint": f"http://{server}", "key": "${env:PLANTED_Fallback}", "seconds_per_batch": 5},
        "push": [
            {"kind": "power_bi", "url": "${env:PLANTED_PowerBi}", **quick},
            {"kind": "webhook", "url": "${env:PLANTED_Hook}", "rows": "incidents", "at_least": "low", **quick},
            {"kind": "power_bi", "name": "literal", "url": f"http://{server}/beta/rows?key={TOKENS['Literal']}", **quick},
            {"kind": "pagerduty", "routing_key": "${env:PLANTED_Pager}", "url": f"http://{server}/v2", "at_least": "low", **quick},
            {
                "kind": "kafka", "bootstrap_servers": server, "topic": "out", "seconds": 3,
                "options": {
                    "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "u",
                    "sasl.password": TOKENS["Librdkafka"],
                },
            },
        ],
        "tables": {"path": str(folder / "tables")},
        "checkpoint": str(folder / "checkpoint"),
        "trigger": "available_now",
        "spark": {
            "spark.driver.extraJavaOptions": SHORT_RUN, "spark.local.dir": str(folder / "local"),
            "spark.eventLog.enabled": "true", "spark.eventLog.dir": (folder / "events").as_uri(),
        },
    }  # fmt: skip
    for name in ("local", "events"):
        (folder / name).mkdir()
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@contextmanager
def watched(group: int, local: Path, secrets: list[bytes]) -> Iterator[set[str]]:
    """Places outside the finished run's files where a secret was seen: command lines, and files that Spark removes at its end."""
    seen: set[str] = set()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.2):
            lines = [path / "cmdline" for path in folders_of(lambda one: one.group == group)]
            seen.update(str(path) for path in [*lines, *local.rglob("*")] if holds(path, secrets))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join(timeout=60)


def holds(path: Path, secrets: list[bytes]) -> list[bytes]:
    """The secrets that stand in a file; none where it is gone or a folder."""
    with suppress(OSError):
        content = path.read_bytes()
        return [secret for secret in secrets if secret in content]
    return []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_secret_is_left_in_logs_tables_checkpoints_plans_pickles_or_command_lines(
    broker: KafkaBroker, kafka_source: dict[str, Any], tmp_path: Path
) -> None:
    broker.create_topic("planted", 1)
    to_kafka([reading(number) for number in range(59)], broker.client(), topic="planted")
    source_key = broker.connection_string.partition("SharedAccessKey=")[2].partition(";")[0]
    secrets = [text.encode() for text in [*TOKENS.values(), source_key]]
    with ExitStack() as stack:
        server = stack.enter_context(listening(echo))
        told = {
            **TOKENS,
            "PowerBi": f"http://{server}/beta/rows?key={TOKENS['PowerBi']}",
            "Hook": f"http://{server}/h?sig={TOKENS['Hook']}",
        }
        environ = {f"PLANTED_{name}": told[name] for name in BY_REFERENCE}
        source = {**kafka_source, "topic": "planted", "connection_string": "${env:PLANTED_Source}"}
        config = configuration(tmp_path, source, server)
        environ |= {"PLANTED_Source": broker.connection_string, "PYTHONPATH": str(ROOT), "AD_STREAM_MASTER": "local[2]"}
        log = stack.enter_context((tmp_path / "said.log").open("wb"))
        command = [*COMMAND, "run", "--config", str(config)]
        process = stack.enter_context(
            child(command, group=True, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **environ})
        )
        seen = stack.enter_context(watched(process.pid, tmp_path / "local", secrets))
        assert process.wait(timeout=600) == 0, (tmp_path / "said.log").read_text()[-3000:]
        # The JVM outlives its driver by a moment, in which it takes Spark's local files away.
        wait_for("processes of the run are left", lambda: not folders_of(lambda one: one.group == process.pid))
    assert not seen
    # All that took part was tried, and failed, so that its error is among what is looked through.
    deliveries = read(tmp_path / "tables", "deliveries")
    assert set(deliveries.sink) == {"power_bi", "literal", "kafka", "webhook", "pagerduty"}
    assert read(tmp_path / "tables", "detections").reason.str.startswith("fallback_").any()
    logs = list((tmp_path / "events").rglob("*"))
    assert any(path.is_file() and path.stat().st_size > CHUNK // 10 for path in logs)
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path != config]
    assert len(files) > 100
    assert not {str(path.relative_to(tmp_path)): holds(path, secrets) for path in files if holds(path, secrets)}
