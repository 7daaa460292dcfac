"""A dashboard that serves on a free port of 127.0.0.1, from a thread of the test."""

from __future__ import annotations

import socket
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx

from ad_stream.config import Config
from ad_stream.dashboard.access import Token
from ad_stream.dashboard.server import Server, create_app
from ad_stream.dashboard.watcher import Watch
from ad_stream.schedules.centre import JobCentre
from ad_stream.web.connections import ConnectionLimits


class Served:
    """All that the tables hold is read before the first answer. now: what it takes for the time, None is the clock."""

    def __init__(
        self, tables: Path, *, now: datetime | None = None, token: Token | None = None, port: int = 0,
        limits: ConnectionLimits | None = None, base: Config | None = None, jobs: JobCentre | None = None,
    ) -> None:  # fmt: skip
        self.now = now
        self.watch = Watch(tables, now=lambda: self.now or datetime.now(timezone.utc))
        while self.watch.look():
            pass
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        app = create_app(tables, token=token or Token(), watch=self.watch, base=base, jobs=jobs)
        self._server = Server(app, limits=limits)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True)
        self._thread.start()
        while self._thread.is_alive() and not self._server.started:
            self._thread.join(0.01)
        self.http = httpx.Client(base_url=self.address, timeout=30)

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of an answer; `from_` stands for the parameter from."""
        answer = self.http.get(path, params={name.rstrip("_"): value for name, value in parameters.items()})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._listener.close()
        self.http.close()
