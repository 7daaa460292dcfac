"""Verdicts in, incidents out: the state of all incidents, moved on window by window, and the rows that tell of it.

A pure function of the verdicts up to a window (revision 0), of what people said (`feedback`), and of the rules: the same
rows come out however windows fall into batches, after a restart, and when somebody folds the table again to compare.
In a window: what people said, then who is out and who is back (`episode`), who belongs together, silences, and at last
what is told now because its time has come.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from ad_stream.incidents.episode import ENDS
from ad_stream.incidents.events import FLOOD, SURGE, VALUE, incident_id
from ad_stream.incidents.flood import Flood
from ad_stream.incidents.incident import Incident, Member
from ad_stream.incidents.ledger import Event, Ledger, SiteOf, no_site
from ad_stream.incidents.rules import LEVELS, RULES
from ad_stream.incidents.surge import Surge

if TYPE_CHECKING:
    from ad_stream.grid import Grid
    from ad_stream.incidents.acts import Act
    from ad_stream.incidents.episode import Changes
    from ad_stream.incidents.rules import FoldRules
    from ad_stream.incidents.silence import Present
    from ad_stream.incidents.window_rows import WindowRows

STATE = 1
"""Version of what `Fold.state` holds."""


class Fold(Ledger):
    """The incidents of a table set. surges: look for too many openings at once, as is done where no device has a site;
    sites: what site_of goes by, in words that tell it from another.

    basis: all that decides which rows the same verdicts give; before: that of the fold whose state was restored.
    """

    def __init__(
        self, rules: FoldRules, grid: Grid, site_of: SiteOf = no_site, *, surges: bool = False, sites: str | None = None
    ) -> None:  # fmt: skip
        super().__init__(rules, grid, site_of)
        self.surge = Surge() if surges else None
        self.newest: int | None = None
        self.basis: dict[str, Any] = {"version": RULES, "sites": sites, **asdict(rules)}
        self.before = self.basis

    def step(self, at: int, rows: WindowRows, present: Present | None = None, acts: Sequence[Act] = ()) -> list[Event]:
        """One window, at: its number. rows: at least the flagged ones and those of `watched` series; present: all series
        that have a row; acts: what people said since the window before. -> rows of `incident_events`, times as numbers."""
        self.rows = []
        self._forget(at)
        for act in acts:
            self._act(at, act)
        changes = self.episodes.step(at, rows)
        opening = self._changed(at, changes, rows)
        if present is not None:
            opening += self._silences(at, present)
        self._tell_openings(at, opening)
        self._due(at)
        self.newest = at
        return self.rows

    @property
    def watched(self) -> set[tuple[str, str]]:
        """The series whose every row is wanted."""
        return set(self.episodes.watched())

    def state(self) -> bytes:
        """All that it holds, for `restore`."""
        parts = {
            "version": STATE, "basis": self.basis, "newest": self.newest,
            "episodes": self.episodes.as_state(), "groups": self.groups.as_state(), "silence": self.silence.as_state(),
            "floods": [one.as_state() for one in self.floods],
            "surge": None if self.surge is None else self.surge.as_state(),
        }  # fmt: skip
        return zlib.compress(json.dumps(parts).encode("utf-8", "surrogatepass"), 1)

    def restore(self, state: bytes) -> bool:
        """Go on where another fold was, before the first window; -> False where that one was of another version."""
        parts = _unpacked(state)
        if parts["version"] != STATE:
            return False
        self.before = basis_of(state)
        self.newest = parts["newest"]
        self.episodes.restore(parts["episodes"])
        self.groups.restore(parts["groups"])
        self.silence.restore(parts["silence"])
        self.floods = [Flood.of_state(one) for one in parts["floods"]]
        if self.surge is not None and parts["surge"] is not None:
            self.surge = Surge.of_state(parts["surge"])
        return True

    def _forget(self, at: int) -> None:
        for series in self.episodes.forget(at):
            self.groups.forget((VALUE, *series))

    def _changed(self, at: int, changes: Changes, rows: WindowRows) -> list[Incident]:
        convincing = set(changes.convincing.tolist())
        for place in changes.reopened:
            self._reopen(at, self._member(int(place), at), tell=int(place) in convincing)
        self._tell_late(at, convincing)
        for turned in self.groups.of_series((VALUE, *self._series(int(place))) for place in changes.turned):
            turned.turned = at
        opened = [self._member(int(place), at) for place in changes.opened]
        ordered = sorted(opened, key=lambda one: (one.started, -one.severity, one.series))
        opening = [incident for one in ordered if (incident := self._join_or_open(VALUE, one, at))]
        for series in sorted(self._series(int(place)) for place in changes.home):
            opening += self._home(at, series, rows)
        self._grow(at)
        self._worse(at, changes)
        for place in sorted(changes.muted, key=self._series):
            self._about(at, int(place), "muted", notify=False, why="muted from here on")
        for place in sorted(changes.still_out, key=self._series):
            self._about(at, int(place), "still", notify=True, why="still out after the mute")
        for place in sorted(changes.closed, key=self._series):
            self._end(at, VALUE, self._member(int(place), at), ENDS[int(self.episodes.columns["end"][place])])
        return opening

    def _tell_late(self, at: int, convincing: set[int]) -> None:
        """What came back with a weak flag is told when a severe one follows, or enough of them: as if it opened now."""
        for incident in self.groups.of_series((VALUE, *self._series(place)) for place in convincing):
            if incident.untold and incident.acked_by is None:
                self._emit(self._synced(incident), "worsened", at, notify=True, why="out again")

    def _worse(self, at: int, changes: Changes) -> None:
        for incident in self.groups.of_series((VALUE, *self._series(int(place))) for place in changes.worse):
            self._synced(incident)
            self._raise(at, incident)

    def _home(self, at: int, series: tuple[str, str], rows: WindowRows) -> list[Incident]:
        """Back on the level of before a new one: told once of an incident. But where the same signal of other devices of its
        site is moved just now, it was moved with them, and that it lands there is chance. -> what opens then."""
        place, key = self.episodes.at[series], (VALUE, *series)
        moved = self.groups.open_for(VALUE, replace(self._member(place, at), started=at), at)
        if moved is not None and moved.leader.signal == series[1] and series[0] not in moved.devices:
            self.groups.forget(key)
            begun = self.episodes.anew(at, series, rows)
            mine = [self._member(int(one), at) for one in begun.opened]
            return [incident for one in mine if (incident := self._join_or_open(VALUE, one, at))]
        incident = self.groups.find(key)
        if incident is not None:
            first = at - incident.told_at >= self.rules.update_every
            self._emit(incident, "returned", at, notify=first, why="back on the level of before")
        return []

    def _about(self, at: int, place: int, event: str, *, notify: bool, why: str) -> None:
        incident = self.groups.find((VALUE, *self._series(place)))
        if incident is not None:
            self._count(member := incident.members[self._series(place)])
            self._emit(incident, event, at, notify=notify, why=why, about=member)

    def _silences(self, at: int, present: Present) -> list[Incident]:
        found = self.silence.step(at, present)
        kind, opening = "silence", []
        for member in found.reported:
            self._end(at, kind, member, "reported")
        for member in found.gone:
            self._end(at, kind, member, "gone")
            self.groups.forget((kind, *member.series))
        for series in found.forgotten:
            self.groups.forget((kind, *series))
        for member in found.again:
            self._reopen(at, member, kind)
        for member, slack in found.silent:
            if incident := self._join_or_open(kind, member, at, slack):
                opening.append(incident)
        self._grow(at)
        return opening

    def _act(self, at: int, act: Act) -> None:
        """What a person said of one incident; of an unknown or a closed one nothing comes."""
        incident = self.groups.incidents.get(act.incident_id)
        if incident is None or not incident.is_open:
            return
        self._synced(incident)
        if act.action == "ack":
            incident.acked_by, incident.acked_until = act.by, act.until
            self._emit(incident, "acked", at, notify=False, why=act.note)
        elif act.action == "unack" and incident.acked_by is not None:
            incident.acked_by = incident.acked_until = None
            self._emit(incident, "unacked", at, notify=False, why=act.note)
        elif act.action == "close":
            for series in sorted(incident.open_members):
                if incident.kind == VALUE:
                    self.episodes.close(self.episodes.at[series], at)
                else:
                    self.silence.dismiss(series)
                incident.end(series, at)
            incident.ended, incident.close_reason, incident.update = at, "person", None
            self._emit(
                incident, "closed", at, notify=True, why=f"person: {act.by}" + (f", {act.note}" if act.note else "")
            )

    def _tell_openings(self, at: int, opening: list[Incident]) -> None:
        if self.surge is not None:
            self._surge(at, [incident for incident in opening if incident.kind == VALUE])
        for incident in opening:
            self._raise(at, self._synced(incident))
        ordered = sorted(
            opening, key=lambda one: (-one.level, -one.worst().severity, one.leader.started, one.leader.series)
        )
        for flood in self.floods:
            flood.take(at, [one for one in ordered if one.level >= flood.level], self.rules)
        for incident in ordered:
            self._emit(incident, "opened", at, notify=True, why=_why_opened(incident))
            others = [one for one in incident.members.values() if one.series != incident.leader.series]
            for member in others:
                self._emit(incident, "joined", at, notify=False, why="", about=member)
        for flood in self.floods:
            if summary := flood.summary(at, self.rules):
                self._summarise(at, summary)

    def _summarise(self, at: int, summary: dict[str, Any]) -> None:
        name = LEVELS[summary["level"]]
        leader = Member("", "", "flood", 0, summary["began"], summary["began"], last=at)
        number = incident_id(FLOOD, name, "", str(at), self.grid.start(summary["began"]))
        one = Incident(number, FLOOD, name, None, leader, at, level=summary["level"], told=summary["level"], ended=at)
        one.members[leader.series] = leader
        one.close_reason = "summary"
        self.rows.append(one.row("summary", at, notify=True, why=summary["why"]) | {"devices": summary["count"]})

    def _surge(self, at: int, opening: list[Incident]) -> None:
        assert self.surge is not None
        change = self.surge.step(at, len({one.key for one in opening}))
        if change is None:
            return
        member = Member("", "", SURGE, 0, change.since, at, last=at, severity=self.rules.medium)
        if change.begins:
            name = incident_id(SURGE, "", "", "", self.grid.start(change.since))
            incident = Incident(name, SURGE, "", None, replace(member), at, level=1)
            self.groups.put(incident, member, at)
            self._emit(incident, "opened", at, notify=True, why=change.why)
        else:
            self._end(at, SURGE, member, "returned")
            self.groups.forget((SURGE, "", ""))

    def _due(self, at: int) -> None:
        """What waited for its time."""
        for incident in list(self.groups.waiting()):
            if incident.acked_until is not None and at >= incident.acked_until:
                incident.acked_by = incident.acked_until = None
                self._emit(self._synced(incident), "unacked", at, notify=False, why="its time is over")
            if incident.update and at - incident.told_at >= self.rules.update_every:
                why, incident.update = incident.update, None
                quiet = incident.acked_by is not None
                self._emit(self._synced(incident), "worsened", at, notify=not quiet, why=why)


def _unpacked(state: bytes) -> dict[str, Any]:
    parts: dict[str, Any] = json.loads(zlib.decompress(state).decode("utf-8", "surrogatepass"))
    return parts


def basis_of(state: bytes) -> dict[str, Any]:
    """What the fold of a state went by; earlier ones name their version only."""
    basis: dict[str, Any] = _unpacked(state).get("basis") or {"version": 1}
    return basis


def _why_opened(incident: Incident) -> str:
    member = incident.leader
    return f"severity {incident.worst().severity:.2f}" if incident.kind == VALUE else member.reason
