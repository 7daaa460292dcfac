"""The fake workspace, and a client of it that waits without time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.clock import Clock
from databricks.sdk.config import Config

from ad_stream.databricks.workspace import Workspace
from tests.unit.databricks.fake_workspace import TOKEN, Fake, handler


class Patient(Clock):
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1_795_000_000.0

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Fake]:
    made = Fake(tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(made))
    server.daemon_threads = True
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def workspace(fake: Fake) -> Iterator[Workspace]:
    config = Config(host=fake.url, token=TOKEN, clock=Patient(), retry_timeout_seconds=30)
    client = WorkspaceClient(config=config)
    yield Workspace(client)
    client.api_client._api_client._session.close()
