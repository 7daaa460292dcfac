"""A standalone Spark cluster on loopback, from the classes of the installed pyspark: a master and its workers.

with Cluster(tmp_path) as cluster:
    environ = {**os.environ, "AD_STREAM_MASTER": cluster.url}    # of the process that runs the stream
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ad_stream.runtime.children import Guard
from ad_stream.runtime.jars import spark_folder
from ad_stream.runtime.java import java_home
from ad_stream.runtime.spark_versions import installed
from ad_stream.simulate.ports import free_port
from tests.support.children import running
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
CODE = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
"""PYTHONPATH of what the tests start: this package before any installed one."""
HERE = "127.0.0.1"
DAEMON = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
SMALL = {
    "spark.driver.memory": "1g",
    "spark.executor.memory": "640m",
    "spark.executor.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m",
}
"""Settings of a run that two workers beside each other can bear."""
SECONDS = 60


@dataclass
class Cluster:
    """A context manager; every process of it, executors included, is gone at the end.

    folder: logs and the workers' scratch space. url: what AD_STREAM_MASTER takes. Each worker gives `cores` to one
    executor per application.
    """

    folder: Path
    workers: int = 2
    cores: int = 1
    url: str = field(init=False)
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list, init=False)
    _guards: list[Guard] = field(default_factory=list, init=False)
    _page: str = field(init=False)

    def __enter__(self) -> Cluster:
        port, page = free_port(), free_port()
        self.url, self._page = f"spark://{HERE}:{port}", f"http://{HERE}:{page}/json/"
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._start("master.Master", "master", "--port", str(port), "--webui-port", str(page))
            for number in range(self.workers):
                self.start_worker(number)
            wait_for("the workers did not reach the master", self._complete, SECONDS)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            # A worker leads the group of its executors.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for guard in self._guards:
            guard.dismiss()

    def start_worker(self, number: int) -> None:
        """One more worker; its executors work below `folder`/worker-`number`."""
        room = ["--cores", str(self.cores), "--memory", "1g", "--work-dir", str(self.folder / f"worker-{number}")]
        self._start("worker.Worker", f"worker-{number}", "--webui-port", "0", *room, self.url)

    def executors(self) -> list[int]:
        """The process ids of the executors that run now; to kill one is to lose a machine's tasks."""
        workers = {process.pid for process in self._processes}
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _is_executor(pid, workers)]  # noqa: PTH208

    def executors_seen(self) -> dict[str, int]:
        """Worker -> how many executors it has started so far."""
        return {
            f"worker-{n}": len(list((self.folder / f"worker-{n}").glob("app-*/*/stderr"))) for n in range(self.workers)
        }

    def _start(self, name: str, log: str, *arguments: str) -> None:
        command = [str(java_home() / "bin" / "java"), *DAEMON, "-cp", f"{spark_folder()}/jars/*"]
        command += [f"org.apache.spark.deploy.{name}", "--host", HERE, *arguments]
        # The executors inherit the environment of their worker: that is how they find the package. Without its scripts
        # Spark 4.1 looks for the Scala version in build folders.
        environ = {
            **os.environ, "SPARK_HOME": str(spark_folder()), "SPARK_LOCAL_IP": HERE, "PYTHONPATH": CODE,
            "SPARK_SCALA_VERSION": installed().scala,
        }  # fmt: skip
        with (self.folder / f"{log}.log").open("ab") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out, start_new_session=True, env=environ)
        self._processes.append(process)
        self._guards.append(Guard(process.pid, group=True, grace=0))

    def _complete(self) -> bool:
        dead = [process.args for process in self._processes if process.poll() is not None]
        assert not dead, f"{dead[0]!r} ended: its log lies in {self.folder}"
        return int(self._state().get("aliveworkers", 0)) >= self.workers

    def _state(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(self._page, timeout=5) as answer:
                return dict(json.load(answer))
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return {}


def _is_executor(pid: int, workers: set[int]) -> bool:
    folder = Path("/proc", str(pid))
    try:
        command = (folder / "cmdline").read_bytes()
    except OSError:
        return False
    found = running(folder)
    return found is not None and found.parent in workers and b"CoarseGrainedExecutorBackend" in command
