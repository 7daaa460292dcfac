"""A run that cannot read its source says so in a sentence and ends with exit code 2, before any table is made."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from ad_stream.runtime import jars
from ad_stream.sources.kafka.reader import client
from ad_stream.sources.kafka.settings import KafkaSource
from tests.brokers.conftest import needed
from tests.conftest import LINE

ROOT = Path(__file__).resolve().parents[2]
KEY = "c2VjcmV0LWtleQ"
NOWHERE = f"Endpoint=sb://no-such-host.invalid/;SharedAccessKeyName=listen;SharedAccessKey={KEY};EntityPath=iot"
SOURCES = [{"kind": "kafka", "connection_string": NOWHERE}, {"kind": "event_hubs", "connection_string": NOWHERE}]
WITHOUT_JARS = """
import sys, yaml
from ad_stream.config import parse
from ad_stream.errors import AdStreamError
from ad_stream.sources import registry
from ad_stream.pipeline.operation.session import session
spark = session("files")
for source in yaml.safe_load(sys.argv[1]):
    try:
        settings = parse({"source": source, "tables": {"path": "unused"}}).source
        registry.reader_of(settings).check(spark, settings)
    except AdStreamError as error:
        print(error.exit_code, error)
"""


def started(arguments: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
    """A Python of its own, as a user's shell starts it."""
    own = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    return subprocess.run([sys.executable, "-c", *arguments], capture_output=True, text=True, timeout=600, env=own)


def run(folder: Path, source: dict[str, Any], **environ: str) -> subprocess.CompletedProcess[str]:
    content = {"source": source, "tables": {"path": str(folder / "tables")}, "checkpoint": str(folder / "checkpoint")}
    (folder / "run.yaml").write_text(yaml.safe_dump(content))
    return started(["from ad_stream.cli import main; main()", "run", "--config", str(folder / "run.yaml")], **environ)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source["kind"]))
def test_a_run_without_network_ends_by_itself(source: dict[str, Any], tmp_path: Path) -> None:
    needed(source["kind"])
    ended = run(tmp_path, source)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith("ad-stream: no-such-host.invalid")
    assert "does not answer: check the name, the network or firewall" in ended.stderr
    assert KEY not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr and not (tmp_path / "tables").exists()


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source["kind"]))
def test_a_jar_that_cannot_be_fetched_is_named(source: dict[str, Any], tmp_path: Path) -> None:
    ended = run(tmp_path, source, AD_STREAM_CACHE=str(tmp_path / "empty"), AD_STREAM_OFFLINE="1")
    assert ended.returncode == 2
    named = "AD_STREAM_OFFLINE" if source["kind"] in LINE.jars else "source.kind kafka"
    *before, said = ended.stderr.splitlines()
    warned = [line for line in before if line != "starting Spark"]
    assert said.startswith("ad-stream: ") and named in said
    assert all(line.startswith("ad-stream: warning: ") and "holds a secret itself" in line for line in warned), warned


def test_a_spark_that_was_started_without_the_jars_says_how_to_start_it() -> None:
    ended = started([WITHOUT_JARS, yaml.safe_dump(SOURCES)])
    kafka, event_hubs = ended.stdout.splitlines()
    assert kafka.startswith(
        "2 this Spark has no Kafka source: start it with --packages org.apache.spark:spark-sql-kafka"
    )
    assert event_hubs.startswith(
        "2 this Spark has no Event Hubs connector: start it with --packages com.microsoft.azure"
    )
    assert KEY not in ended.stdout + ended.stderr


def test_every_class_that_a_login_names_is_in_the_kafka_client() -> None:
    needed("kafka")
    who = {"tenant_id": "t", "client_id": "c", "client_secret": "s"}
    given: list[dict[str, Any]] = [
        {"connection_string": NOWHERE},
        {"service_principal": who, "bootstrap_servers": "h:1", "topic": "t"},
    ]
    named = {
        word.replace(".", "/") + ".class"
        for one in given
        for value in client(KafkaSource(kind="kafka", **one), {}).values()
        for word in value.split()
        if word.startswith("org.apache.kafka.")
    }
    (kafka_client,) = [
        path for path in jars.jars("kafka") if path.name.startswith(("kafka-clients", "org.apache.kafka_kafka-clients"))
    ]
    assert len(named) == 3
    assert named <= set(zipfile.ZipFile(kafka_client).namelist())
