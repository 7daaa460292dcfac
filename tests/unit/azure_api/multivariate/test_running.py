"""Jobs have bounds, can be ended, and go on after the server was: closed in order, or killed."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from ad_stream.azure_api.multivariate.settings import MIB, MultivariateSettings
from tests.support.children import alive, child, children_of
from tests.support.waiting import wait_for
from tests.unit.azure_api.multivariate.conftest import KEY, STAMPS, Api, SlowStorage, serving_models

pytestmark = pytest.mark.thorough
STRETCH = {"dataSource": "pump.zip", "startTime": STAMPS[1000], "endTime": STAMPS[-1]}
Settings = Callable[..., MultivariateSettings]


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def begun(api: Api, storage: SlowStorage) -> str:
    """A model whose source is on its way."""
    asked = storage.asked
    storage.looks = 1
    name = str(api.train(storage.source).json()["modelId"])
    wait_for("the source is never fetched", lambda: storage.asked > asked)
    assert api.status(name) == "RUNNING"
    return name


def test_a_model_in_training_can_be_looked_at_and_not_used(
    server: Callable[..., Api], storage: SlowStorage, tmp_path: Path
) -> None:
    api = server(hosts=(storage.host,), running=1, models=1)
    name = begun(api, storage)
    for path in (f"/models/{name}:detect-batch", f"/models/{name}:detect-last"):
        told(api.ask("POST", path, json=STRETCH), 400, "ModelNotReady")
    assert api.model(name)["modelInfo"]["dataSource"] == storage.source.split("?")[0] + "?***"
    storage.let_go.set()
    assert api.settled(name) == "READY"
    assert b"s3cr3t" not in everything(tmp_path / "state")
    told(api.train("pump.zip"), 400, "TooManyModels")


def test_jobs_are_so_many_and_one_that_is_deleted_makes_room(
    server: Callable[..., Api], storage: SlowStorage, tmp_path: Path
) -> None:
    api = server(hosts=(storage.host,), running=1, waiting=1)
    name = begun(api, storage)
    told(api.train("pump.zip"), 400, "TooManyRunningModels")
    (worker,) = [pid for pid in children_of(os.getpid()) if b"multivariate.worker" in command(pid)]
    assert api.ask("DELETE", f"/models/{name}").status_code == 204
    wait_for("its process goes on", lambda: not alive(worker))
    assert list((tmp_path / "state" / "models").iterdir()) == []
    trained = api.trained("pump.zip")
    begun(api, storage)  # takes the only process
    assert api.ask("POST", f"/models/{trained}:detect-batch", json=STRETCH).status_code == 202
    refused = api.ask("POST", f"/models/{trained}:detect-batch", json=STRETCH)
    told(refused, 429, "TooManyRequests")
    assert refused.headers["Retry-After"] == "5"


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def told(reply: requests.Response, status: int, code: str) -> None:
    assert (reply.status_code, reply.json()["code"]) == (status, code)


def test_a_job_beyond_its_time_or_its_memory_has_failed_and_says_why(settings: Settings) -> None:
    beyond: list[tuple[dict[str, Any], str]] = [
        ({"process_seconds": 0.01}, r"It took more than 0.01 seconds"),
        ({"process_bytes": 64 * MIB}, r"more than 67108864 bytes of memory|The process that did it ended"),
    ]
    for limits, why in beyond:
        with serving_models(settings(**limits)) as address:
            api = Api(address)
            name = str(api.train("pump.zip").json()["modelId"])
            assert api.settled(name) == "FAILED"
            (error,) = api.model(name)["modelInfo"]["errors"]
            assert error["code"] == "UnexpectedError"
            assert re.search(why, error["message"])
            refused = api.ask("POST", f"/models/{name}:detect-batch", json=STRETCH)
            told(refused, 400, "ModelFailed")
            assert error["message"] in refused.json()["message"]


def test_a_job_outlives_a_server_that_was_closed_and_one_that_was_killed(
    settings: Settings, storage: SlowStorage
) -> None:
    kept = settings(hosts=(storage.host,))
    with serving_models(kept) as address:
        name = begun(Api(address), storage)
    asked = storage.asked
    with served_apart("--state", str(kept.state), "--data-host", storage.host) as (process, api):
        wait_for("the job is never begun again", lambda: storage.asked > asked)
        assert api.status(name) == "RUNNING"
        workers = children_of(process.pid)
        assert workers
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_for("a process of the killed server goes on", lambda: not any(alive(pid) for pid in workers))
    storage.let_go.set()
    with serving_models(kept) as address:
        assert Api(address).settled(name) == "READY"
    assert b"s3cr3t" not in everything(kept.state)


@contextmanager
def served_apart(*options: str) -> Iterator[tuple[subprocess.Popen[str], Api]]:
    """`ad-stream serve` as a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = [sys.executable, "-c", "from ad_stream.cli import main; main()", "serve", "--port", str(port)]
    how: dict[str, Any] = {"env": os.environ | {"AD_STREAM_KEYS": KEY}, "stderr": subprocess.PIPE}
    with child([*start, *options], **how) as process:
        assert process.stderr is not None
        assert "serves the retired service's REST API" in process.stderr.readline()
        yield process, Api(f"http://127.0.0.1:{port}")
