"""The operator's line: how many incidents somebody has to look at, by the numbers that plants measure alarm systems by.

EEMUA 191 calls about 150 a day (one in ten minutes) acceptable for one operator, a flood more than 10 in ten minutes, less
than 1 % of the time in flood good, fewer than 5 standing for more than a day, and none that chatters; the ten worst sources
should make less than 5 % of the load.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from ad_stream.incidents.rules import LEVELS

TEN = timedelta(minutes=10)
DAY = timedelta(days=1)
WORST = 10
FLOOD, NO_FLOOD = 10, 5
CHATTERS = 3


@dataclass(frozen=True)
class Kpi:
    """incidents: begun in the time looked at; worst_ten_minutes: most openings within ten minutes; flood_share: share of the
    ten minutes in flood; standing: open for more than a day at its end; top_ten_share: of the ten series that lead most
    incidents; minutes_to_ack: median; levels: share of each level; joins_by_chance: the chance that an incident's together
    span holds an unrelated opening of its site, by the rate of the busiest site."""

    days: float
    operators: int
    incidents: int
    a_day: float
    worst_ten_minutes: int
    flood_share: float
    standing: int
    chattering: int
    top_ten_share: float
    minutes_to_ack: float | None
    levels: dict[str, float]
    joins_by_chance: float

    def sentence(self) -> str:
        """One line."""
        acked = (
            "nothing acked" if self.minutes_to_ack is None else f"acked after {self.minutes_to_ack:.0f} min (median)"
        )
        levels = ", ".join(f"{share:.0%} {level}" for level, share in self.levels.items())
        return (
            f"{self.a_day:.1f} incidents a day and operator (150 is acceptable), at most {self.worst_ten_minutes} in ten minutes, "
            f"{self.flood_share:.1%} of the time in flood, {self.standing} standing for more than a day, "
            f"{self.chattering} chattering, the ten worst series make {self.top_ten_share:.0%}; {levels}; {acked}; "
            f"an unrelated opening joins an incident in {self.joins_by_chance:.1%} of cases"
        )


def kpi(
    incidents: Sequence[Mapping[str, Any]], acked: Mapping[str, datetime], *, start: datetime, end: datetime, operators: int = 1,
    together: timedelta = timedelta(minutes=3),
) -> Kpi:  # fmt: skip
    """incidents: the latest row of each that opened at start <= opened < end; acked: incident_id -> when."""
    days = max((end - start) / DAY, 1e-9)
    opened = sorted(one["opened"] for one in incidents)
    per_ten = np.bincount([int((one - start) / TEN) for one in opened], minlength=max(int(-(-(end - start) // TEN)), 1))
    within = (
        [sum(1 for other in opened[place:] if other - one < TEN) for place, one in enumerate(opened)]
        if len(opened) < 20_000
        else per_ten
    )
    leaders = Counter((one["device_id"], one["signal"]) for one in incidents)
    sites = Counter(one["site"] or one["device_id"] for one in incidents)
    waits = [
        (acked[one["incident_id"]] - one["opened"]) / timedelta(minutes=1)
        for one in incidents
        if one["incident_id"] in acked
    ]
    count = max(len(incidents), 1)
    busiest = max(sites.values(), default=0) / (days * DAY / together)
    return Kpi(
        days=days, operators=operators, incidents=len(incidents), a_day=len(incidents) / days / operators,
        worst_ten_minutes=int(max(within, default=0)), flood_share=_in_flood(per_ten.tolist()) / len(per_ten),
        standing=sum(1 for one in incidents if one["ended"] is None and end - one["opened"] > DAY),
        chattering=sum(1 for one in incidents if one["reopened"] >= CHATTERS),
        top_ten_share=sum(number for _, number in leaders.most_common(WORST)) / count,
        minutes_to_ack=float(np.median(waits)) if waits else None,
        levels={level: sum(1 for one in incidents if one["level"] == level) / count for level in LEVELS},
        joins_by_chance=float(1 - np.exp(-busiest)),
    )  # fmt: skip


def _in_flood(counts: Sequence[int]) -> int:
    """Ten minutes that are in flood: it begins above FLOOD and ends below NO_FLOOD."""
    flood, total = False, 0
    for count in counts:
        flood = count > FLOOD or (flood and count >= NO_FLOOD)
        total += flood
    return total
