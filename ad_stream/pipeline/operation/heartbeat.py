"""A sign of life to an outside watcher, which calls somebody when it stays away: what a dead driver cannot do itself.

Delivery: at most once each `every`; a sign that cannot be given is logged and harms nothing.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ad_stream.errors import AdStreamError
from ad_stream.http import Patience, open_session, post
from ad_stream.secrets import redact

if TYPE_CHECKING:
    from ad_stream.config import Config
    from ad_stream.secrets import Secret

log = logging.getLogger(__name__)
PATIENCE = Patience(timeout=5.0, budget=5.0, retries=0)


@dataclass
class Heartbeat:
    """POSTs {"stream": ...} to an address, while the stream is not stalled."""

    url: Secret
    every: float
    stream: str
    clock: Callable[[], float] = time.monotonic
    session: Any = field(default_factory=open_session)
    due: float | None = None

    @classmethod
    def of(cls, config: Config) -> Heartbeat | None:
        """None where nobody is to be told."""
        beat = config.heartbeat
        place = config.tables.path or f"{config.tables.catalog}.{config.tables.schema_}"
        return None if beat is None else cls(beat.url, beat.every.total_seconds(), place)

    def __call__(self, *, alive: bool) -> bool:
        """Called often; -> whether a sign was given."""
        now = self.clock()
        if not alive or (self.due is not None and now < self.due):
            return False
        self.due = now + self.every
        try:
            reply = post(
                self.url, json.dumps({"stream": self.stream}).encode(), session=self.session, patience=PATIENCE
            )
        except AdStreamError as error:
            log.warning("the heartbeat was not taken: %s", redact(str(error), self.url))
            return False
        if not reply.ok:
            log.warning("the heartbeat was not taken: status %d", reply.status)
        return reply.ok
