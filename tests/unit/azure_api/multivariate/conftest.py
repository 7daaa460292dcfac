"""A server with the multivariate API, and a source that arrives when a test lets it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from ad_stream.azure_api.admission import Keys, Limits
from ad_stream.azure_api.local_server import listening
from ad_stream.azure_api.multivariate.settings import MultivariateSettings
from ad_stream.azure_api.server import create_app
from tests.support.plant_files import START, pump, times, zipped
from tests.support.waiting import wait_for

KEY = "a-key-for-the-tests"
HEADERS = {"Ocp-Apim-Subscription-Key": KEY}
STAMPS = times()
FILE = zipped(pump(), STAMPS)
SAS = "sv=1&sig=s3cr3t-signature"


@dataclass(frozen=True)
class Api:
    """One version of a server's multivariate API."""

    address: str
    version: str = "v1.1"

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """With the key, unless `headers` are given."""
        url = f"{self.address}/anomalydetector/{self.version}/multivariate{path}"
        return requests.request(method, url, **{"headers": HEADERS, "timeout": 60, **more})

    def train(self, source: str, **fields: Any) -> requests.Response:
        named = "dataSource" if self.version == "v1.1" else "source"
        body = {named: source, "startTime": START, "endTime": STAMPS[999], "slidingWindow": 60, **fields}
        return self.ask("POST", "/models", json=body)

    def trained(self, source: str) -> str:
        """The id of a model that is READY."""
        name = str(self.train(source).headers["Location"]).split("/")[-1]
        assert self.settled(name) == "READY", self.model(name)
        return name

    def model(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"/models/{name}").json()
        return found

    def status(self, name: str) -> str:
        return str(self.model(name)["modelInfo"]["status"])

    def settled(self, name: str) -> str:
        """READY or FAILED."""
        wait_for(f"the model {name} is never done", lambda: self.status(name) in ("READY", "FAILED"))
        return self.status(name)


@contextmanager
def serving_models(settings: MultivariateSettings) -> Iterator[str]:
    """The address of a server that knows KEY."""
    with listening(create_app(keys=Keys([KEY]), limits=Limits(workers=1), multivariate=settings)) as address:
        yield address


@dataclass
class SlowStorage:
    """Answers so many `looks` at once, and sends the source itself to a worker when `let_go` is set."""

    server: HTTPServer
    let_go: threading.Event = field(default_factory=threading.Event)
    looks: int = 0
    asked: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    @property
    def source(self) -> str:
        return f"http://{self.host}/data/x.zip?{SAS}"

    def answer(self, _: Request) -> Response:
        if self.looks:
            self.looks -= 1
        else:
            self.asked += 1
            self.let_go.wait(120)
        return Response(FILE)


@pytest.fixture
def storage() -> Iterator[SlowStorage]:
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        slow = SlowStorage(server)
        server.expect_request("/data/x.zip").respond_with_handler(slow.answer)
        yield slow
        slow.let_go.set()


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., MultivariateSettings]:
    """Settings with a file pump.zip to train on."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "pump.zip").write_bytes(FILE)

    def make(**more: Any) -> MultivariateSettings:
        return MultivariateSettings(
            **{"state": tmp_path / "state", "data_root": tmp_path / "root", "processes": 1, **more}
        )

    return make


@pytest.fixture
def server(settings: Callable[..., MultivariateSettings]) -> Iterator[Callable[..., Api]]:
    """server(running=1, ...): a server with such settings."""
    with ExitStack() as stack:
        yield lambda **more: Api(stack.enter_context(serving_models(settings(**more))))
