"""A Spark Connect server on loopback in a JVM of its own, with Delta in it.

with ConnectServer(tmp_path) as server:
    environ = {**os.environ, "SPARK_REMOTE": server.url}    # of the process that runs the stream
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ad_stream.pipeline.operation.session import DELTA, LOCAL
from ad_stream.runtime import spark_versions
from ad_stream.runtime.children import Guard
from ad_stream.runtime.jars import jars, spark_folder
from ad_stream.runtime.java import java_home
from ad_stream.simulate.ports import free_port
from tests.conftest import SHORT_RUN
from tests.support.cluster import CODE, HERE, SECONDS
from tests.support.waiting import wait_for

MAIN = "org.apache.spark.sql.connect.service.SparkConnectServer"


@dataclass
class ConnectServer:
    """A context manager. folder: its log. environ: what the server, and so the batches in it, sees beside ours."""

    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port, init=False)
    _process: subprocess.Popen[bytes] = field(init=False)
    _guard: Guard = field(init=False)

    @property
    def url(self) -> str:
        """What SPARK_REMOTE takes."""
        return f"sc://{HERE}:{self.port}"

    def __enter__(self) -> ConnectServer:
        self.folder.mkdir(parents=True, exist_ok=True)
        environ = {
            **os.environ, **self.environ, "JAVA_HOME": str(java_home()), "SPARK_HOME": str(spark_folder()), "SPARK_LOCAL_IP": HERE,
            "PYSPARK_PYTHON": sys.executable, "PYTHONPATH": CODE,
        }  # fmt: skip
        environ.pop("SPARK_REMOTE", None)
        with (self.folder / "server.log").open("ab") as out:
            self._process = subprocess.Popen(
                self._command(), stdout=out, stderr=out, start_new_session=True, env=environ
            )
        self._guard = Guard(self._process.pid, group=True, grace=0)
        try:
            wait_for("the Connect server did not start", self._answers, SECONDS)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._guard.dismiss()

    def _command(self) -> list[str]:
        # Spark 3.5 keeps the server in a jar of its own, 4.1 has it among the others.
        sets = ["delta", *(["connect"] if "connect" in spark_versions.installed().jars else [])]
        settings = {
            **LOCAL, **DELTA, "spark.master": "local[2]", "spark.jars": ",".join(str(path) for path in jars(*sets)),
            "spark.driver.memory": "1g", "spark.driver.extraJavaOptions": SHORT_RUN,
            "spark.connect.grpc.binding.address": HERE, "spark.connect.grpc.binding.port": str(self.port),
        }  # fmt: skip
        given = [part for key, value in settings.items() for part in ("--conf", f"{key}={value}")]
        return [str(spark_folder() / "bin" / "spark-submit"), "--class", MAIN, *given, "spark-internal"]

    def _answers(self) -> bool:
        assert self._process.poll() is None, f"the Connect server ended: its log lies in {self.folder}"
        with contextlib.suppress(OSError), socket.create_connection((HERE, self.port), 1):
            return True
        return False
