"""One process of a run: a group of its own, which ends with the process that started it, however that one ends."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ad_stream.pipeline.operation.cpu import process_tree_seconds
from ad_stream.runtime.children import Guard
from ad_stream.schedules.folders import ANSWER, LOG, HeldLock

ENVIRONMENT = {"PYTHONUNBUFFERED": "1"}
"""So that the log grows while the command runs."""


class Child:
    """Runs `command` with the run's log for what it says and answer.json for what it answers.

    lock: kept by the process too, so that the job is taken for running as long as any part of it lives.
    """

    def __init__(self, command: Sequence[str], place: Path, lock: HeldLock) -> None:
        with (place / LOG).open("ab") as log, (place / ANSWER).open("wb") as answer:
            self._process = subprocess.Popen(
                list(command), stdin=subprocess.DEVNULL, stdout=answer, stderr=log, start_new_session=True,
                pass_fds=(lock.number,), env=os.environ | ENVIRONMENT,
            )  # fmt: skip
        self.pid = self._process.pid
        self.cpu_seconds = 0.0
        self._guard = Guard(self.pid, group=True, grace=0)

    def measure(self) -> None:
        """Take down what the process and all below it have used so far."""
        self.cpu_seconds = max(self.cpu_seconds, process_tree_seconds(self.pid) or 0.0)

    def poll(self) -> int | None:
        """The exit code, minus the signal that ended it; None while it runs. What it left running is ended with it."""
        if self._process.returncode is None:
            pid, status, used = os.wait4(self.pid, os.WNOHANG)
            if pid == 0:
                return None
            self.send(signal.SIGKILL)  # the group has its number for as long as anything of it lives
            self.cpu_seconds = max(self.cpu_seconds, used.ru_utime + used.ru_stime)
            self._process.returncode = os.waitstatus_to_exitcode(status)
            self._guard.dismiss()
        return self._process.returncode

    def send(self, number: int) -> None:
        """A signal to the whole group."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)
