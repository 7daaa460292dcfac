"""A stream that is killed, or asked to end, at random moments, again and again: each life is `ad-stream run` by itself."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from deltalake import DeltaTable

from ad_stream.runtime.children import Guard
from tests.support.children import folders_of

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "from ad_stream.cli import main; main()"]
WRITES = ("minutes", "history", "detections", "quarantine", "late", "batches")
"""Tables whose appends name their batch."""
PATIENCE = 180.0
WAYS = {"driver": 4, "all": 4, "asked": 2}
"""SIGKILL of the driver alone, of all it started, and SIGTERM; how often each is drawn."""


@dataclass(frozen=True)
class Kill:
    """One death: its way (WAYS), and what its batch had written, if one was at work."""

    way: str
    batch: int | None
    written: frozenset[str]


@dataclass
class Stream:
    """A run of one configuration file over many lives.

    Every other life dies while it finds its feet, within so many seconds after it has claimed its tables, the ones
    between after it has done a batch; the moment is drawn evenly. On a machine that is slow, all of it takes longer: `within` is
    at least what the latest life took from its claim to its first batch, else no death would come while tables are written.
    """

    config: Path
    least: float
    chance: random.Random
    environ: dict[str, str] = field(default_factory=lambda: {"AD_STREAM_MASTER": "local[2]"})
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    kills: list[Kill] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.within = self.least
        content = yaml.safe_load(self.config.read_text())
        self.tables, self.checkpoint = Path(content["tables"]["path"]), Path(content["checkpoint"])

    def live_and_die(self) -> None:
        """Start, work for a while, and be killed."""
        claims = self._claims()
        way, early = self.chance.choices(list(WAYS), list(WAYS.values()))[0], len(self.kills) % 2 == 1
        with self.process() as process:
            self.wait_for(lambda: self._claims() > claims, process)
            if not early:
                claimed = self.clock()
                self.wait_for(self._has_told_of_a_batch, process)
                self.within = max(self.least, self.clock() - claimed)
            self.sleep(self.chance.uniform(0, self.within if early else self.within / 2))
            assert process.poll() is None, self.said()
            if way == "asked":
                process.terminate()
                assert process.wait(timeout=PATIENCE) in (0, -signal.SIGTERM), self.said()
            elif way == "driver":
                process.kill()
            else:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self.kills.append(Kill(way, *self.at_work()))

    def finish(self, *settings: str) -> None:
        """One life more, to the end of the input."""
        with self.process(*settings) as process:
            assert process.wait(timeout=1800) == 0, self.said()

    def batches_with_rows(self) -> set[int]:
        """Those of the surviving query, as the ledger has them."""
        rows = DeltaTable(str(self.tables / "batches")).to_pandas()
        held = rows[["minutes_closed", "quarantined", "late"]].sum(axis=1) > 0
        return set(rows[held & (rows.query_id == self._query_id())].batch_id)

    @property
    def log(self) -> Path:
        """What the latest life said."""
        return self.config.with_name("life.log")

    def said(self) -> str:
        """The end of it."""
        return self.log.read_text(errors="replace")[-3000:]

    def wait_for(self, condition: Callable[[], bool], process: subprocess.Popen[bytes] | None) -> None:
        """Until the condition holds; fails where the process ends before."""
        deadline = self.clock() + PATIENCE
        while not condition():
            assert process is None or process.poll() is None, self.said()
            assert self.clock() < deadline, f"waited {PATIENCE:g} s in vain: {self.said()}"
            self.sleep(0.05)

    def at_work(self) -> tuple[int | None, frozenset[str]]:
        """The batch that has begun and is not committed, and the tables that hold it already."""
        begun, done = _last(self.checkpoint / "offsets"), _last(self.checkpoint / "commits")
        if begun == done:
            return None, frozenset()
        query_id = self._query_id()
        names = [name for name in WRITES if (self.tables / name / "_delta_log").exists()]
        versions = {
            name: DeltaTable(str(self.tables / name)).transaction_version(f"{query_id}:{name}") for name in names
        }
        return begun, frozenset(name for name, version in versions.items() if version == begun)

    @contextmanager
    def process(self, *settings: str) -> Iterator[subprocess.Popen[bytes]]:
        """A life; nothing of it is left afterwards."""
        overrides = [part for setting in settings for part in ("--set", setting)]
        command = [*COMMAND, "run", "--config", str(self.config), *overrides]
        environ = {**os.environ, **self.environ, "PYTHONPATH": str(ROOT)}
        with self.log.open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, env=environ)
        guard = Guard(process.pid, group=True, grace=0)
        try:
            yield process
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            # A Java that lost its driver ends by itself; it must have, before anyone looks at the tables again.
            self.wait_for(lambda: not folders_of(lambda one: one.group == process.pid), None)
            guard.dismiss()

    def _has_told_of_a_batch(self) -> bool:
        return re.search(rb"^batch \d+: ", self.log.read_bytes(), re.MULTILINE) is not None

    def _claims(self) -> int:
        return len(list((self.tables / "owner" / "_delta_log").glob("*.json")))

    def _query_id(self) -> str:
        return str(json.loads((self.checkpoint / "metadata").read_text())["id"])


def _last(folder: Path) -> int:
    return max((int(path.name) for path in folder.glob("*") if path.name.isdigit()), default=-1)
