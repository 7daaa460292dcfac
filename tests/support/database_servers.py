"""Real PostgreSQL and InfluxDB 1.x for tests: instances of their own on free ports of 127.0.0.1, gone with the test."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from ad_stream.runtime.children import Guard
from ad_stream.simulate.ports import free_port
from tests.support.children import child, children_of
from tests.support.waiting import wait_for

PASSWORD = "pass word'\"%@:/"
"""Of the user `reader` and of InfluxDB's admin: signs that have a meaning in SQL, in URIs and in shells."""


def postgres_programs() -> Path | None:
    """The newest folder with initdb and postgres, which Debian keeps off the path."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@dataclass(frozen=True)
class Postgres:
    """A running server: trusted for the superuser over its socket, a password for all others."""

    port: int
    programs: Path
    folder: Path
    user: str | None
    process: list[tuple[subprocess.Popen[Any], Guard]] = field(default_factory=list)

    def sql(self, text: str) -> str:
        """What the superuser's statements print, rows without header."""
        command = [str(self.programs / "psql"), "-h", str(self.folder), "-p", str(self.port), "-U", "postgres", "-At"]
        command += ["-v", "ON_ERROR_STOP=1", "postgres"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def settings(self, **more: Any) -> dict[str, Any]:
        """A named source on it."""
        return {
            "kind": "postgresql", "host": "127.0.0.1", "port": self.port, "database": "postgres", "user": "reader",
            "password": PASSWORD, "tls": "off", **more,
        }  # fmt: skip

    def start(self) -> None:
        """Until `stop`; ready when it returns."""
        ours = [str(self.programs / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        ours += ["-k", str(self.folder), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        log = (self.folder / "log").open("ab")
        started = subprocess.Popen(ours, user=self.user, stdout=log, stderr=log)
        self.process.append((started, Guard(started.pid, grace=0)))
        log.close()
        ready = [str(self.programs / "pg_isready"), "-q", "-h", str(self.folder), "-p", str(self.port)]
        wait_for("PostgreSQL does not start", lambda: subprocess.run(ready, check=False).returncode == 0)

    def stop(self) -> None:
        """At once, as if the machine had gone."""
        running, guard = self.process.pop()
        for pid in [running.pid, *children_of(running.pid)]:  # what serves a connection would go on for a while
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        running.wait()
        guard.dismiss()
        (self.folder / "data" / "postmaster.pid").unlink(missing_ok=True)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """An empty server with the user `reader`, who may read all tables of the schema public."""
    programs = postgres_programs()
    assert programs is not None
    user = "postgres" if os.getuid() == 0 else None  # the server refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="ad-stream-pg-"))
    if user is not None:
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    server = Postgres(free_port(), programs, folder, user)
    try:
        rules = [
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
        ]
        command = [str(programs / "initdb"), "--pgdata", str(folder / "data"), "--no-sync", *rules]
        subprocess.run(command, user=user, check=True, capture_output=True)
        server.start()
        quoted = PASSWORD.replace("'", "''")
        server.sql(
            f"create role reader login password '{quoted}'; alter default privileges grant select on tables to reader;"
        )
        yield server
    finally:
        while server.process:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Influx:
    """A running InfluxDB 1.x that asks for a user."""

    url: str

    def ask(self, query: str) -> Any:
        """What the admin's statement answers."""
        answer = requests.post(
            f"{self.url}/query", data={"q": query, "db": "iot"}, auth=("admin", PASSWORD), timeout=30
        )
        assert answer.status_code == 200 and "error" not in answer.text, answer.text
        return answer.json()

    def write(self, lines: str, database: str = "iot") -> None:
        """Points in line protocol, times in ns."""
        answer = requests.post(
            f"{self.url}/write", params={"db": database}, data=lines.encode(), auth=("admin", PASSWORD), timeout=60
        )
        assert answer.status_code == 204, answer.text

    def settings(self, **more: Any) -> Mapping[str, Any]:
        """A named source on it."""
        return {"kind": "influxdb", "url": self.url, "database": "iot", "user": "reader", "password": PASSWORD, **more}


CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
[http]
  bind-address = "127.0.0.1:{port}"
  auth-enabled = true
  log-enabled = false
[monitor]
  store-enabled = false
"""


@contextmanager
def influxdb() -> Iterator[Influx]:
    """An empty server with the database `iot` and the user `reader`, who may read it."""
    with tempfile.TemporaryDirectory(prefix="ad-stream-influx-") as folder:
        port, rpc = free_port(), free_port()
        config = Path(folder, "config")
        config.write_text(CONFIG.format(folder=folder, port=port, rpc=rpc))
        with child(["influxd", "run", "-config", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            server = Influx(f"http://127.0.0.1:{port}")
            wait_for("InfluxDB does not start", lambda: _answers(f"{server.url}/ping"))
            quoted = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
            first = f"CREATE USER admin WITH PASSWORD '{quoted}' WITH ALL PRIVILEGES"
            assert requests.post(f"{server.url}/query", data={"q": first}, timeout=30).status_code == 200
            server.ask(f"CREATE DATABASE iot; CREATE USER reader WITH PASSWORD '{quoted}'; GRANT READ ON iot TO reader")
            yield server


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=1).status_code < 500
    except requests.ConnectionError:
        return False
