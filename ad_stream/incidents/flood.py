"""Too many incidents for one person: beyond a number of openings in a while, a summary takes the place of messages.

The numbers are those by which plants measure their alarm systems (EEMUA 191: a flood begins above 10 in 10 minutes and ends
below 5). A target hears of incidents from a level on, so each level has a flood of its own. What a flood kept from being
told as opened is not told as closed either (`Incident.hidden`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ad_stream.incidents.rules import LEVELS

if TYPE_CHECKING:
    from ad_stream.incidents.incident import Incident
    from ad_stream.incidents.rules import FoldRules

WORST = 5


@dataclass
class Flood:
    """Openings that targets from one level on hear of.

    recent: (window, openings) of the last span; began: window of the flood's begin, None: there is none; swallowed: sites
    or devices of the incidents since the last summary, with their number; worst: (severity, what) of them
    """

    level: int
    recent: list[tuple[int, int]] = field(default_factory=list)
    began: int | None = None
    summed: int = 0
    swallowed: Counter[str] = field(default_factory=Counter)
    worst: list[tuple[float, str]] = field(default_factory=list)

    def take(self, at: int, opening: Sequence[Incident], rules: FoldRules) -> None:
        """The incidents that open in a window, the worst first: marks those that are not told."""
        self.recent = [(when, count) for when, count in self.recent if at - when < rules.flood_span]
        before = sum(count for _, count in self.recent)
        if opening:
            self.recent.append((at, len(opening)))
        total = before + len(opening)
        room = max(rules.flood_over - before, 0) if self.began is None else 0
        if self.began is None and total > rules.flood_over:
            self.began = at
            self.summed = at - rules.flood_span  # the first summary goes out at once
        elif self.began is not None and total < rules.flood_under:
            self.began = None
        if self.began is not None:
            for incident in opening[room:]:
                incident.hidden.append(self.level)
                self._swallow(incident)

    def summary(self, at: int, rules: FoldRules) -> dict[str, Any] | None:
        """What it swallowed since the last summary, when it is time for one."""
        if not self.swallowed or at - self.summed < rules.flood_span:
            return None
        count = sum(self.swallowed.values())
        places = ", ".join(f"{name} {number}" for name, number in self.swallowed.most_common(WORST))
        worst = "; ".join(what for _, what in self.worst)
        self.summed, self.swallowed, self.worst = at, Counter(), []
        began = self.began if self.began is not None else at
        why = f"{count} more incidents of level {LEVELS[self.level]} or above opened: {places}; the worst: {worst}"
        return {"level": self.level, "count": count, "why": why, "began": began}

    def _swallow(self, incident: Incident) -> None:
        leader = incident.leader
        self.swallowed[incident.site or leader.device or incident.kind] += 1
        severity = incident.worst().severity
        self.worst.append((severity, f"{leader.device} {leader.signal}".strip() + f" {severity:.2f}"))
        self.worst = sorted(self.worst, key=lambda one: (-one[0], one[1]))[:WORST]

    def as_state(self) -> dict[str, Any]:
        """For a snapshot of the fold."""
        return {**vars(self), "swallowed": dict(self.swallowed)}

    @classmethod
    def of_state(cls, state: dict[str, Any]) -> Flood:
        """The reverse of `as_state`."""
        pairs = {name: [tuple(one) for one in state[name]] for name in ("recent", "worst")}
        return cls(**state | pairs | {"swallowed": Counter(state["swallowed"])})
