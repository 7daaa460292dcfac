"""Processes that end with the one that started them, however that one ends: kill -9 leaves no time to say goodbye.

A guard, one small shell, waits on a pipe that only its parent holds open: the kernel closes it with the parent. Linux's
PR_SET_PDEATHSIG would do without a shell, but it fires when the *thread* that started the child ends, brokers are
started from threads, and pyspark leaves no room for it in the start of its JVM.
"""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

SHELL = Path("/bin/sh")
GUARD = """
read -r word && exit  # dismissed; at the end of the pipe read fails
left=$2
while [ "$left" -gt 0 ] && kill -0 "$1" 2> /dev/null; do sleep 1; left=$((left - 1)); done
kill -9 "$1" 2> /dev/null
"""
GRACE = 20


class _Outliving(subprocess.Popen[bytes]):
    """Meant to run on when this process ends, which Popen would complain about."""

    def __del__(self, *_: object) -> None: ...


class Guard:
    """Ends a process once this one is gone.

    pid     the process; it must be a child of this one, so that its number stays its own until it was waited for
    group   its whole group instead, for a child that was started in a session of its own
    grace   seconds that it gets to end by itself, as a JVM does that loses its driver

    dismiss() when the process has ended, or may go on alone. Where there is no /bin/sh (Windows), nothing is guarded.
    """

    def __init__(self, pid: int, *, group: bool = False, grace: int = GRACE) -> None:
        self._process: _Outliving | None = None
        if SHELL.exists():
            target = str(-pid if group else pid)
            # A session of its own: neither Ctrl-C nor a kill of our group may reach the guard before its work is done.
            self._process = _Outliving(
                [str(SHELL), "-c", GUARD, "guard", target, str(grace)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def dismiss(self) -> None:
        """The process is left alone from now on; again is fine."""
        if self._process is None:
            return
        with suppress(OSError):  # it has already gone
            self._process.communicate(b"\n")
        self._process = None
