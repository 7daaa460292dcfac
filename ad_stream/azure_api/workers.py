"""The processes that judge: so many and no more, and each can be ended in the middle of its work."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from ad_stream.azure_api.admission import AGAIN, Limits, RefusedError
from ad_stream.azure_api.jobs import FRAME, Answer, Job

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Workers:
    """At most `limits.workers` processes, begun with the server, replaced when they end; each runs one job at a time.

    modules: what each loads before its first job.

    A job whose caller is cancelled takes its process with it, so nothing goes on for a caller that no longer waits.
    """

    def __init__(self, limits: Limits, modules: Sequence[str] = ()) -> None:
        self._limits = limits
        self.modules = modules
        self._free: asyncio.Semaphore | None = None
        self._idle: list[WorkerProcess] = []
        self._all: set[WorkerProcess] = set()
        self._begun: set[asyncio.Task[None]] = set()

    async def run(self, job: Job, body: bytes) -> bytes:
        """The answer's body; raises RefusedError. Waits for a free process, first come first served."""
        self._free = self._free or asyncio.Semaphore(self._limits.workers)
        async with self._free:
            worker = await self._take()
            try:
                answer, found = await worker.ask(job, body)
            except (asyncio.IncompleteReadError, ConnectionError):
                self._end(worker)
                self.start()
                raise RefusedError(
                    503,
                    "WorkerLost",
                    "The process that judged this ended: send fewer series or points.",
                    retry_after=AGAIN,
                ) from None
            except BaseException:
                self._end(worker)
                self.start()
                raise
            if answer.last:
                self._end(worker)
                self.start()
            else:
                self._idle.append(worker)
        if answer.status != 200:
            retry_after = AGAIN if answer.status == 503 else None
            raise RefusedError(answer.status, answer.code, answer.message, retry_after=retry_after)
        return found

    def start(self) -> None:
        """Begins what is missing to `limits.workers` processes beside all else: a process takes seconds to load."""
        for _ in range(self._limits.workers - len(self._all) - len(self._begun)):
            task = asyncio.create_task(self._spare())
            self._begun.add(task)
            task.add_done_callback(self._begun.discard)

    async def _spare(self) -> None:
        worker = await WorkerProcess.begin(self._limits, self.modules)
        self._all.add(worker)
        self._idle.append(worker)

    async def close(self) -> None:
        """Ends all processes and waits until they are gone."""
        for task in list(self._begun):
            with suppress(asyncio.CancelledError):
                task.cancel()
                await task
        ending = list(self._all)
        for worker in ending:
            self._end(worker)
        for worker in ending:
            await worker.gone()

    async def _take(self) -> WorkerProcess:
        while self._idle or self._begun:
            if not self._idle:
                await asyncio.wait(self._begun, return_when=asyncio.FIRST_COMPLETED)
                continue
            worker = self._idle.pop()
            if worker.alive:
                return worker
            self._end(worker)
        begun = await WorkerProcess.begin(self._limits, self.modules)
        self._all.add(begun)
        return begun

    def _end(self, worker: WorkerProcess) -> None:
        worker.end()
        self._all.discard(worker)


class WorkerProcess:
    """One process of ad_stream.azure_api.worker."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def begin(cls, limits: Limits, modules: Sequence[str] = ()) -> WorkerProcess:
        """A new process; it reads no keys, and Ctrl-C on the server's terminal does not reach it."""
        numbers = (str(n) for n in (limits.worker_bytes, limits.answer_bytes, limits.worker_keeps))
        environ = {name: value for name, value in os.environ.items() if name != "AD_STREAM_KEYS"}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ad_stream.azure_api.worker", *numbers, *modules,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ | ONE_THREAD, start_new_session=True,
        )  # fmt: skip
        return cls(process)

    @property
    def alive(self) -> bool:
        """Does it still run?"""
        return self._process.returncode is None

    async def ask(self, job: Job, body: bytes) -> tuple[Answer, bytes]:
        """One job; IncompleteReadError or ConnectionError if the process ends over it."""
        source, sink = self._process.stdout, self._process.stdin
        assert source is not None
        assert sink is not None
        head = job.head()
        sink.write(FRAME.pack(len(head), len(body)) + head)
        sink.write(body)
        await sink.drain()
        lengths = FRAME.unpack(await source.readexactly(FRAME.size))
        told = json.loads(await source.readexactly(lengths[0]))
        return Answer(**told), await source.readexactly(lengths[1])

    def end(self) -> None:
        """At once, whatever it is doing."""
        with suppress(ProcessLookupError):
            self._process.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def gone(self) -> None:
        """Returns once it has ended."""
        await self._process.wait()
