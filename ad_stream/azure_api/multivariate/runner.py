"""Jobs one after the other in a few processes, each with an end to its time; what was not done goes on after a restart."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
from contextlib import suppress

from ad_stream.azure_api.multivariate.faults import fault
from ad_stream.azure_api.multivariate.settings import MultivariateSettings
from ad_stream.azure_api.multivariate.store import MODELS, RESULTS, UNFINISHED, Folder, JobStore
from ad_stream.azure_api.workers import ONE_THREAD

log = logging.getLogger(__name__)
MODULE = "ad_stream.azure_api.multivariate.worker"


class JobRunner:
    """`settings.processes` jobs at once, first come first served; the record of each says how far it is."""

    def __init__(self, settings: MultivariateSettings, store: JobStore) -> None:
        self._settings = settings
        self._store = store
        self._queue: asyncio.Queue[tuple[Folder, str]] = asyncio.Queue()
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins to work, with what an earlier server left undone: models first, since results need them."""
        folders: tuple[Folder, ...] = (MODELS, RESULTS)
        for folder in folders:
            for record in self._store.unfinished(folder):
                self.submit(folder, record["id"])
        self._tasks = [asyncio.create_task(self._work()) for _ in range(self._settings.processes)]

    def submit(self, folder: Folder, name: str) -> None:
        """The job of a record, when its turn comes."""
        self._queue.put_nowait((folder, name))

    async def drop(self, name: str) -> None:
        """Ends a job that runs; one that waits is passed over when its record is gone."""
        process = self._running.get(name)
        if process is not None:
            _kill(process)
            await process.wait()

    async def close(self) -> None:
        """Ends all at once; their records say RUNNING, so the next server begins them again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            # Begun before there is a job: loading takes longer than most jobs do.
            process = await _begin()
            try:
                folder, name = await self._next()
                await self._one(process if process.returncode is None else await _begin(), folder, name)
            except Exception:  # a disk that is full must not end the work on all other jobs
                log.exception("a job could not be run")
            finally:
                _kill(process)
                await process.wait()

    async def _next(self) -> tuple[Folder, str]:
        """A job whose record is still there."""
        while True:
            folder, name = await self._queue.get()
            if self._store.get(folder, name) is not None:
                return folder, name

    async def _one(self, process: asyncio.subprocess.Process, folder: Folder, name: str) -> None:
        self._store.begin(folder, name)
        self._running[name] = process
        try:
            job = {"folder": folder, "name": name, "settings": self._settings.plain()}
            await asyncio.wait_for(process.communicate(json.dumps(job).encode()), self._settings.process_seconds)
            ending = f"The process that did it ended with {process.returncode}: send less, or try again."
        except (TimeoutError, asyncio.TimeoutError):
            ending = f"It took more than {self._settings.process_seconds:g} seconds: send less."
        finally:
            _kill(process)
            self._running.pop(name, None)
        await process.wait()
        self._settle(folder, name, ending)

    def _settle(self, folder: Folder, name: str, ending: str) -> None:
        """Takes over what the process wrote; where it wrote nothing, the job failed. A record may be gone by now."""
        if self._store.get(folder, name) is None:
            return
        if self._store.reload(folder, name)["status"] in UNFINISHED:
            self._store.fail(folder, name, fault("UnexpectedError", ending).told)


async def _begin() -> asyncio.subprocess.Process:
    """A process that waits for its job; it reads no keys, and Ctrl-C on the server's terminal does not reach it."""
    environ = {key: value for key, value in os.environ.items() if key != "AD_STREAM_KEYS"}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", MODULE, stdin=subprocess.PIPE, env=environ | ONE_THREAD, start_new_session=True
    )


def _kill(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        if process.returncode is None:
            process.kill()
