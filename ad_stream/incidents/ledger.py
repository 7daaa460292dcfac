"""What happens to incidents, one change at a time: they open, are joined, worsen, close, come again; and each change's row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ad_stream.incidents.episode import CLOSED, OPEN, Episodes
from ad_stream.incidents.events import VALUE, incident_id
from ad_stream.incidents.flood import Flood
from ad_stream.incidents.grouping import Grouping
from ad_stream.incidents.incident import Incident, Member
from ad_stream.incidents.rules import LEVELS
from ad_stream.incidents.silence import Silence

if TYPE_CHECKING:
    from ad_stream.grid import Grid
    from ad_stream.incidents.rules import FoldRules

Event = dict[str, Any]
SiteOf = Callable[[str], str | None]


def no_site(_: str) -> None:
    """Devices of no site."""


class Ledger:
    """The incidents of a table set. grid: its windows; site_of: the site of a device, None where it has none."""

    def __init__(self, rules: FoldRules, grid: Grid, site_of: SiteOf = no_site) -> None:
        self.rules, self.grid, self.site_of = rules, grid, site_of
        self.episodes = Episodes(rules)
        self.groups = Grouping(rules, site_of)
        self.silence = Silence(rules, site_of)
        self.floods = [Flood(level) for level in range(len(LEVELS))]
        self.rows: list[Event] = []
        self.grown: dict[str, Incident] = {}

    def _series(self, place: int) -> tuple[str, str]:
        series = self.episodes.series[place]
        assert series is not None
        return series

    def _member(self, place: int, at: int) -> Member:
        """The episode at a place as a member."""
        device, signal = self._series(place)
        held = self.episodes.of(place)
        low, high, expected = (_finite(held[name]) if held["side"] else None for name in ("low", "high", "expected"))
        return Member(
            device, signal, self.episodes.reason[place], held["side"], held["started"],
            held["opened"] if held["phase"] in (OPEN, CLOSED) else at, low, high, expected, last=held["last"],
            flagged=held["flagged"], out=held["out"], severity=held["severity"], peak=held["peak"],
            peak_value=_finite(held["peak_value"]),
        )  # fmt: skip

    def _synced(self, incident: Incident) -> Incident:
        """The incident with what the running episodes of its members have counted."""
        if incident.kind == VALUE:
            for series in incident.open_members:
                self._count(incident.members[series])
        return incident

    def _count(self, member: Member) -> None:
        place = self.episodes.at.get(member.series)
        if place is None:
            return
        c = self.episodes.columns
        member.flagged = member.flagged_before + int(c["flagged"][place])
        member.out = member.out_before + int(c["out"][place])
        member.last, member.severity = int(c["last"][place]), float(c["severity"][place])
        member.peak, member.peak_value = int(c["peak"][place]), _finite(float(c["peak_value"][place]))

    def _raise(self, at: int, incident: Incident) -> None:
        """Its level, if it is higher now: by severity it is told at once, by the number of devices when its time comes."""
        severity = incident.worst().severity
        by_severity = self.rules.level(severity)
        level = max(by_severity, min(by_severity + self._is_wide(incident), len(LEVELS) - 1))
        if level <= incident.level:
            return
        at_once = by_severity > incident.level and incident.told >= 0
        incident.level = level
        if incident.told < 0:
            return  # it opens in this window, and its first message says so
        why = f"severity {severity:.2f}" if at_once else f"{len(incident.devices)} devices"
        if at_once:
            incident.acked_by = incident.acked_until = None
            self._emit(incident, "worsened", at, notify=True, why=f"{why}, level {LEVELS[level]}")
        else:
            incident.update = f"{why}, level {LEVELS[level]}"

    def _is_wide(self, incident: Incident) -> bool:
        """Whether at least half of the devices of its site are in, and more than one."""
        known = self.silence.devices_of(incident.site) if incident.site else 0
        return len(incident.devices) > 1 and 2 * len(incident.devices) >= known

    def _join_or_open(self, kind: str, member: Member, at: int, slack: int | None = None) -> Incident | None:
        """-> the incident if it opens one."""
        incident = self.groups.open_for(kind, member, at, slack)
        if incident is not None:
            self._join(at, incident, member)
            return None
        site = self.site_of(member.device)
        key = site or member.device
        name = incident_id(kind, key, member.device, member.signal, self.grid.start(member.started))
        # Its members may be changed while it lasts, its leader stays what it was.
        incident = Incident(name, kind, key, site, replace(member), at)
        self.groups.put(incident, member, at)
        return incident

    def _join(self, at: int, incident: Incident, member: Member) -> None:
        self.groups.put(incident, member, at)
        self.grown[incident.id] = incident
        if incident.told >= 0:
            self._emit(incident, "joined", at, notify=False, why="", about=member)

    def _grow(self, at: int) -> None:
        """What new members mean for the incidents that they joined in this window: once each, however many there are."""
        for incident in self.grown.values():
            self._raise(at, self._synced(incident))
            if incident.told >= 0 and len(incident.devices) >= 2 * incident.devices_told:
                told = f"{len(incident.devices)} devices, {incident.devices_told} when it was told"
                incident.update = incident.update or told
        self.grown = {}

    def _reopen(self, at: int, member: Member, kind: str = VALUE, *, tell: bool = True) -> None:
        """It is out again. tell: whether people hear of it at once, and so of its end."""
        incident = self.groups.find((kind, *member.series))
        if incident is None:
            return
        was_open = incident.is_open
        self.groups.put(incident, member, at)
        if was_open:
            self._emit(incident, "joined", at, notify=False, why="out again", about=incident.members[member.series])
            return
        incident.ended = incident.close_reason = None
        incident.reopened += 1
        incident.hidden = [flood.level for flood in self.floods if flood.began is not None]
        self._synced(incident)
        chatters = incident.reopened == self.rules.chattering_from
        event = "chattering" if chatters else "reopened"
        incident.untold = not (tell or chatters)
        self._emit(incident, event, at, notify=not incident.untold, why=f"return {incident.reopened}")
        self._raise(at, incident)

    def _end(self, at: int, kind: str, member: Member, reason: str) -> None:
        incident = self.groups.find((kind, *member.series))
        if incident is None or member.series not in incident.open_members:
            return
        ours = incident.end(member.series, at)
        if kind == VALUE:
            self._count(ours)
        if incident.open_members:
            self._emit(incident, "left", at, notify=False, why=reason, about=ours)
            return
        incident.ended, incident.close_reason, incident.update = at, reason, None
        self._emit(incident, "closed", at, notify=not incident.untold, why=self._why_closed(ours, reason))

    def _why_closed(self, member: Member, reason: str) -> str:
        if reason != "new_level" or member.low is None or member.high is None:
            return reason
        place = self.episodes.at.get(member.series)
        value = float(self.episodes.columns["level_value"][place]) if place is not None else float("nan")
        return f"new_level: the value stays near {value:.6g}, the band was {member.low:.6g} to {member.high:.6g}"

    def _emit(
        self, incident: Incident, event: str, at: int, *, notify: bool, why: str, about: Member | None = None
    ) -> None:
        if notify and incident.acked_by is not None and event in ("reopened", "chattering", "still", "returned"):
            notify = False
        if notify and event != "closed":
            incident.told, incident.told_at = max(incident.told, incident.level), at
            incident.devices_told, incident.untold = len(incident.devices), False
        self.rows.append(incident.row(event, at, notify=notify, why=why, about=about))


def _finite(number: float) -> float | None:
    return None if number != number else number
