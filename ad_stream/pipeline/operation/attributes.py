"""Members that are no numbers are left out as attributes: each name is told once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ad_stream.pipeline.operation.reports import newer, observed
from ad_stream.pipeline.operation.telling import Tell
from ad_stream.pipeline.steps.observations import ATTRIBUTES, names_in
from ad_stream.pipeline.steps.shapes import LOOSE, SIGNED

MOST = 50
"""Names that are told; devices may make up any number of them."""
RECORDS = {name for name, _ in (*SIGNED, *LOOSE)}
"""Of one record a message nobody can tell that it is one; as members all of its kind are one series."""
PLAIN = re.compile(r"[\w.\-/ ]+")


@dataclass
class Attributes:
    """Tells names as batches bring them."""

    tell: Tell
    latest: int = -1
    known: set[str] = field(default_factory=set)

    def __call__(self, reports: list[Any]) -> None:
        """reports: Spark's of the batches so far, the latest last."""
        for report in newer(reports, self.latest):
            self.latest = report["batchId"]
            self._told(observed(report, ATTRIBUTES))

    def _told(self, seen: Mapping[str, Any]) -> None:
        found = sorted(names_in(seen) - self.known)[: MOST - len(self.known)]
        if not found:
            return
        self.known.update(found)
        rest = "; further names are not told" if len(self.known) >= MOST else ""
        records = "; names of signals? telemetry.records" if RECORDS & set(found) else ""
        shown = ", ".join(name if PLAIN.fullmatch(name) else json.dumps(name) for name in found)
        self.tell(
            f"NOTE: no numbers, left out as attributes of {seen['readings']:,} readings: {shown}{rest}"
            f" (1 and 0 in words? telemetry.switches{records}; numbers in a list? ad-stream infer SAMPLE)"
        )
