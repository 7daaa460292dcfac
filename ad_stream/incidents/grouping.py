"""Which incident an episode belongs to: that of its site, else that of its device, if it began about when the others did.

No waiting is needed to collect the members: all devices' windows of one time are closed by the same watermark. Incidents
that are open are never merged, and their ids never change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ad_stream.incidents.episode import NEVER
from ad_stream.incidents.incident import Incident, Member

if TYPE_CHECKING:
    from ad_stream.incidents.rules import FoldRules

Key = tuple[str, str, str]
"""(kind, device, signal)."""


class Grouping:
    """The incidents that are open or may come again, and which one a series is in."""

    def __init__(self, rules: FoldRules, site_of: Callable[[str], str | None]) -> None:
        self.rules, self.site_of = rules, site_of
        self.incidents: dict[str, Incident] = {}
        self._by_key: dict[tuple[str, str], list[str]] = {}
        self._of: dict[Key, str] = {}
        self._held: Counter[str] = Counter()

    def open_for(self, kind: str, member: Member, at: int, slack: int | None = None) -> Incident | None:
        """The open incident that a new member belongs to. slack: windows by which its beginning is uncertain; None: what
        counts is when it opened, not when it began."""
        key = self.site_of(member.device) or member.device
        found = [self.incidents[name] for name in self._by_key.get((kind, key), ())]
        fits = [one for one in found if one.is_open and self._fits(one, member, at, slack)]

        def how_well(one: Incident) -> tuple[bool, bool, bool, int, str]:
            same = one.leader.signal == member.signal  # of two faults of a site at once
            return self._near(one, member, at), same, member.device in one.devices, one.latest, one.id

        return max(fits, key=how_well, default=None)

    def _fits(self, incident: Incident, member: Member, at: int, slack: int | None) -> bool:
        if slack is not None:
            near = abs(member.started - incident.leader.started) <= self.rules.together + slack
            return near or member.device in incident.devices
        came = incident.devices.get(member.device, NEVER)
        return self._near(incident, member, at) or at - came <= self.rules.together_most

    def _near(self, incident: Incident, member: Member, at: int) -> bool:
        """Whether the member opens, or began, when others of the incident came or jumped back."""
        together, most = self.rules.together, self.rules.together_most
        opens = at - incident.latest <= together and at - incident.opened <= most
        after = member.started - incident.leader.started
        began = -together <= after <= most and member.started - incident.latest <= together
        turned = NEVER if incident.turned is None else incident.turned
        back = member.started - turned <= together and at - turned <= self.rules.close_after
        return opens or began or back

    def put(self, incident: Incident, member: Member, at: int) -> None:
        """A member is in, from now on or again."""
        if incident.id not in self.incidents:
            self.incidents[incident.id] = incident
            self._by_key.setdefault((incident.kind, incident.key), []).append(incident.id)
        incident.add(member, at)
        key = (incident.kind, *member.series)
        if self._of.get(key) != incident.id:
            self.forget(key)
            self._of[key] = incident.id
            self._held[incident.id] += 1

    def find(self, key: Key) -> Incident | None:
        """The incident that a series is in, or was in and may come back to."""
        name = self._of.get(key)
        return None if name is None else self.incidents[name]

    def of_series(self, keys: Iterable[Key]) -> list[Incident]:
        """The open incidents of these series, each once, by id."""
        found = {one.id: one for key in keys if (one := self.find(key)) is not None and one.is_open}
        return [found[name] for name in sorted(found)]

    def forget(self, key: Key) -> None:
        """A series will not come back to its incident; the last one takes the incident with it."""
        name = self._of.pop(key, None)
        if name is None:
            return
        self._held[name] -= 1
        if self._held[name] == 0:
            incident = self.incidents.pop(name)
            del self._held[name]
            ids = self._by_key[incident.kind, incident.key]
            ids.remove(name)
            if not ids:
                del self._by_key[incident.kind, incident.key]

    def waiting(self) -> Iterator[Incident]:
        """The open incidents that are to be looked at although nothing happens to them, by id."""
        names = [
            name for name, one in self.incidents.items() if one.is_open and (one.update or one.acked_until is not None)
        ]
        return (self.incidents[name] for name in sorted(names))

    def as_state(self) -> dict[str, Any]:
        """For a snapshot of the fold."""
        return {
            "incidents": [one.as_state() for one in self.incidents.values()],
            "of": [[*key, name] for key, name in self._of.items()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """The reverse of `as_state`."""
        for one in state["incidents"]:
            incident = Incident.of_state(one)
            self.incidents[incident.id] = incident
            self._by_key.setdefault((incident.kind, incident.key), []).append(incident.id)
        for kind, device, signal, name in state["of"]:
            self._of[kind, device, signal] = name
            self._held[name] += 1
