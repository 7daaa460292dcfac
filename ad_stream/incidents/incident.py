"""One incident: what belongs together, what was told about it, and its rows of `incident_events`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ad_stream.incidents.events import SILENCE, SURGE
from ad_stream.incidents.rules import LEVELS

Series = tuple[str, str]
DIRECTIONS = {1: "above", -1: "below"}
UPDATES = ("worsened", "chattering")


@dataclass
class Member:
    """A series of an incident. Times are numbers of windows; low, high: its frozen band, None where it has none.

    flagged, out: its windows, those of earlier episodes of the series in this incident (flagged_before, out_before)
    among them
    """

    device: str
    signal: str
    reason: str
    side: int
    started: int
    opened: int
    low: float | None = None
    high: float | None = None
    expected: float | None = None
    is_open: bool = True
    ended: int | None = None
    last: int = 0
    flagged: int = 0
    out: int = 0
    severity: float = 0.0
    peak: int | None = None
    peak_value: float | None = None
    flagged_before: int = 0
    out_before: int = 0

    @property
    def series(self) -> Series:
        """(device, signal); a whole device has no signal."""
        return self.device, self.signal


@dataclass
class Incident:
    """Times are numbers of windows; level and told are places in LEVELS, told -1 before the first message.

    devices: of its members, with the window in which the last one of each opened. hidden: the levels for whose targets a flood
    swallowed its opening. devices_told: how many were in when it was told last. update: why it is to be told again, as soon
    as its time comes. turned: when a member last jumped back. untold: it came back, with too little to tell of.
    """

    id: str
    kind: str
    key: str
    site: str | None
    leader: Member
    opened: int
    seq: int = 0
    members: dict[Series, Member] = field(default_factory=dict)
    open_members: set[Series] = field(default_factory=set)
    devices: dict[str, int] = field(default_factory=dict)
    latest: int = 0
    level: int = 0
    told: int = -1
    told_at: int = 0
    devices_told: int = 0
    update: str | None = None
    reopened: int = 0
    ended: int | None = None
    close_reason: str | None = None
    acked_by: str | None = None
    acked_until: int | None = None
    hidden: list[int] = field(default_factory=list)
    turned: int | None = None
    untold: bool = False

    @property
    def is_open(self) -> bool:
        """Whether a member is."""
        return self.ended is None

    def add(self, member: Member, at: int) -> None:
        """One more member, or one that is out again: its counts go on."""
        before = self.members.get(member.series)
        if before is not None:
            same = before.started == member.started
            member.flagged_before = before.flagged_before if same else before.flagged
            member.out_before = before.out_before if same else before.out
            member.flagged, member.out = max(member.flagged, before.flagged), max(member.out, before.out)
        self.members[member.series] = member
        self.open_members.add(member.series)
        self.devices[member.device] = max(self.devices.get(member.device, member.opened), member.opened)
        self.latest = at

    def end(self, series: Series, at: int) -> Member:
        """A member is back."""
        member = self.members[series]
        member.is_open, member.ended = False, at
        self.open_members.discard(series)
        return member

    def worst(self) -> Member:
        """The member with the highest severity, the first of them by time and name."""
        return min(self.members.values(), key=lambda one: (-one.severity, one.started, one.series))

    def row(self, event: str, at: int, *, notify: bool, why: str, about: Member | None = None) -> dict[str, Any]:
        """The next row; about: the member that it tells of, None: the incident as a whole. Times are still numbers."""
        one, all_ = about or self.leader, [about] if about else list(self.members.values())
        worst = about or self.worst()
        quiet = self.kind in (SILENCE, SURGE)
        row = {
            "incident_id": self.id, "seq": self.seq, "event": event, "minute": at, "notify": notify, "why": why,
            "kind": self.kind, "site": self.site, "device_id": one.device or None, "signal": one.signal or None,
            "reason": one.reason, "direction": DIRECTIONS.get(one.side),
            "started": one.started, "opened": one.opened if about else self.opened,
            "last": max(member.last for member in all_),
            "ended": one.ended if about else self.ended, "close_reason": self.close_reason,
            "severity": worst.severity, "level": LEVELS[self.level],
            "told": LEVELS[self.told] if self.told >= 0 else None,
            "hidden": ",".join(LEVELS[level] for level in sorted(self.hidden)) or None,
            "peak_minute": None if quiet else worst.peak, "peak_value": worst.peak_value,
            "expected": one.expected, "lower": one.low, "upper": one.high,
            "devices": len(self.devices), "series": len(self.members), "open_series": len(self.open_members),
            "flagged_minutes": sum(member.flagged for member in all_), "out_minutes": sum(member.out for member in all_),
            "reopened": self.reopened, "acked_by": self.acked_by, "acked_until": self.acked_until,
        }  # fmt: skip
        self.seq += 1
        return row

    def as_state(self) -> dict[str, Any]:
        """For a snapshot of the fold: what JSON has."""
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        return plain | {
            "leader": asdict(self.leader), "members": [asdict(one) for one in self.members.values()],
            "devices": sorted(self.devices), "open_members": sorted(self.open_members),
        }  # fmt: skip

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Incident:
        """The reverse of `as_state`."""
        members = {one.series: one for one in (Member(**member) for member in state["members"])}
        came = sorted(((one.device, one.opened) for one in members.values()), key=lambda one: one[1])
        plain = {one.name: state[one.name] for one in fields(cls) if one.name in state}  # older states know fewer
        return cls(
            **plain
            | {
                "members": members, "leader": Member(**state["leader"]), "devices": dict(came),
                "open_members": {tuple(one) for one in state["open_members"]},
            }
        )  # fmt: skip
