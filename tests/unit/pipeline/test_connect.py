"""What is said before a Spark Connect server is asked, and what travels there."""

from __future__ import annotations

import pickle
import socket
from pathlib import Path

import pytest

from ad_stream.config import parse
from ad_stream.errors import ConfigError, SetupError
from ad_stream.pipeline.batch import Batches
from ad_stream.pipeline.operation.connect import check, check_travels
from ad_stream.pipeline.store.delta import DeltaTables


def batches(url: str) -> Batches:
    config = parse({
        "source": {"kind": "files", "path": "in"},
        "push": [{"kind": "power_bi", "url": url}],
        "fallback": {"endpoint": "http://127.0.0.1:1"},
        "tables": {"path": "tables"},
    })  # fmt: skip
    session: object = socket.socket
    return Batches(config, DeltaTables(session, config.tables))  # type: ignore[arg-type]


def test_without_a_remote_nothing_is_asked() -> None:
    check({})
    check({"SPARK_REMOTE": "unix:///its/own", "DATABRICKS_RUNTIME_VERSION": "17.3"})


def test_a_remote_that_is_none_is_told_how_to_be_written() -> None:
    with pytest.raises(SetupError, match="^SPARK_REMOTE is 'localhost:15002': write sc://host:port$"):
        check({"SPARK_REMOTE": "localhost:15002"})


def test_a_server_that_is_not_there_is_told_at_once_and_without_its_token() -> None:
    with pytest.raises(
        SetupError, match="^no Spark Connect server answers at 127.0.0.1:1: start it, or correct SPARK_REMOTE$"
    ):
        check({"SPARK_REMOTE": "sc://127.0.0.1:1/;token=d3Jvbmc"})


def test_batches_travel_as_what_they_are_made_from_and_without_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUSH_HERE", "https://127.0.0.1/push?key=a2V5LW9mLXB1c2g")
    made = batches("${env:PUSH_HERE}")
    made.state.sole_writer = True
    sent = pickle.dumps(made)
    assert b"a2V5LW9mLXB1c2g" not in sent
    there = pickle.loads(sent)
    assert (there.config, there.state.scorer, there.state.sole_writer) == (made.config, made.state.scorer, False)
    assert there.tables.spark is None
    assert there.tables.location("minutes") == made.tables.location("minutes") == str(Path("tables/minutes").resolve())
    assert (len(there.deliver.targets), there.fallback.settings) == (1, made.config.fallback)


def test_a_secret_given_as_its_value_does_not_travel() -> None:
    with pytest.raises(
        ConfigError, match=r"a secret given as its value is not sent to other processes: write a reference"
    ):
        check_travels(batches("https://127.0.0.1/push?key=a2V5LW9mLXB1c2g"))
