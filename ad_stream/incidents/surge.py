"""Where no site is known: more devices at once than chance explains is one incident of its own.

Openings of unrelated devices are a Poisson process at the fleet's own rate, taken from the day before. So many within
three windows that chance makes it once in a million is no chance.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from scipy.special import pdtrc

SPAN, DAY = 3, 1440
CHANCE = 1e-6
FEWEST = 5
"""Devices that make a surge at least, however quiet the fleet is."""
LEAST_SEEN = 120
"""Windows after which the fleet's rate is known."""
OVER_AFTER = 10
"""Windows without so many openings after which it is over."""


@dataclass(frozen=True)
class SurgeChange:
    """A surge begins, or ends. since: the window that it began in."""

    begins: bool
    since: int
    why: str = ""


@dataclass
class Surge:
    """counts: (window, devices whose incident opened in it) of the last day; first: the first window it saw."""

    counts: list[tuple[int, int]] = field(default_factory=list)
    first: int | None = None
    since: int | None = None
    latest: int = 0

    def step(self, at: int, opened: int) -> SurgeChange | None:
        """One window, and how many devices' incidents opened in it."""
        if self.first is None:
            self.first = at
        if opened:
            self.counts.append((at, opened))
        while self.counts and at - self.counts[0][0] >= DAY:
            self.counts.pop(0)
        now = sum(count for when, count in self.counts if at - when < SPAN)
        seen = min(at - self.first, DAY)
        if now >= FEWEST and seen >= LEAST_SEEN and opened:
            usual = SPAN * sum(count for when, count in self.counts if at - when >= SPAN) / seen
            if pdtrc(now - 1, usual) < CHANCE:
                self.latest = at
                if self.since is None:
                    self.since = at
                    return SurgeChange(True, at, f"{now} devices within {SPAN} windows, usually {usual:.2g}")
        if self.since is not None and at - self.latest >= OVER_AFTER:
            since, self.since = self.since, None
            return SurgeChange(False, since)
        return None

    def as_state(self) -> dict[str, Any]:
        """For a snapshot of the fold."""
        return dict(vars(self))

    @classmethod
    def of_state(cls, state: dict[str, Any]) -> Surge:
        """The reverse of `as_state`."""
        return cls(**state | {"counts": [(when, count) for when, count in state["counts"]]})
