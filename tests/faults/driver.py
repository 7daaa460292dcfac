"""Runs a stream in a process of its own and kills it, with all it started, at a chosen moment.

    python driver.py CONFIG.yaml '{"table": "detections", "moment": "before", "batch": 2, "plain": false, "mark": "FILE"}'

`mark` receives how many rows the killed batch was about to write or had written. `plain` appends without the
transaction identifiers: the control that must show doubles.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ad_stream.config import load
from ad_stream.pipeline.operation.session import session
from ad_stream.pipeline.run import run
from ad_stream.pipeline.store.delta import DeltaTables


@dataclass(frozen=True)
class Dying(DeltaTables):
    """Tables whose process dies around one append."""

    kill: dict[str, Any] = field(default_factory=dict)

    def append(self, table: str, rows: Any, *, query_id: str, batch_id: int, count: int, part: str = "") -> None:
        hit = table == self.kill["table"] and batch_id == self.kill["batch"]
        if hit and self.kill["moment"] == "before":
            self._die(rows.count())
        super().append(table, rows, query_id=query_id, batch_id=batch_id, count=count, part=part)
        if hit:
            self._die(rows.count())

    def once(self, table: str, query_id: str, batch_id: int) -> dict[str, str]:
        return {} if self.kill["plain"] else super().once(table, query_id, batch_id)

    def _die(self, rows: int) -> None:
        Path(self.kill["mark"]).write_text(str(rows))
        os.killpg(os.getpgid(0), signal.SIGKILL)


if __name__ == "__main__":
    settings = load(sys.argv[1])
    run(
        settings,
        tables=Dying(session(settings.source.kind, settings.spark), settings.tables, kill=json.loads(sys.argv[2])),
    )
