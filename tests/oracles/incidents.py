"""Episodes and their grouping, slowly: one row of one series after the other, as the table in docs/incidents.md reads.

Nothing of the fold is used but its rules. What it yields is (window, event, leader or member): who opens, joins, leaves,
comes again, is back on the old level, closes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ad_stream.incidents.rules import FoldRules

Series = tuple[str, str]


@dataclass(frozen=True)
class OneRow:
    """A verdict; the band is expected - margin to expected + margin."""

    series: Series
    value: float
    flagged: bool
    severity: float = 0.0
    expected: float = 0.0
    margin: float = 4.0
    muted: bool = False


@dataclass
class OneEpisode:
    """The state of one series."""

    rules: FoldRules
    phase: str = "none"
    end: str = ""
    started: int = 0
    closed: int = 0
    out: int = 0
    flagged: int = 0
    last: int = 0
    hold: int = 0
    quiet: int = 0
    unflagged: int = 0
    lately: list[bool] = field(default_factory=list)
    band: tuple[float, float] | None = None
    side: int = 0
    severity: float = -1.0
    turned: bool = False

    def see(self, at: int, row: OneRow) -> str:
        """One row -> what happens: '', 'opened', 'reopened', 'home', 'returned' or 'new_level'. Sets `turned`."""
        self.turned = False
        if row.muted:
            return ""
        happened = self._flag(at, row) if row.flagged and self.phase in ("none", "closed") else ""
        if self.phase not in ("pending", "open"):
            return happened
        beyond = bool(self.band) and self.side * (row.value - self.band[self.side > 0]) > 0  # type: ignore[index]
        if beyond and not row.flagged and self.unflagged >= self.rules.new_level_after:
            return self._ends(at, "new_level")
        if row.flagged and self.side * (row.value - row.expected) < -row.margin and self.band:
            self.turned = self.phase == "open"
            if beyond:
                shift = row.value - sum(self.band) / 2
                self.band = (self.band[0] + shift, self.band[1] + shift)
        self._count(at, row, out=row.flagged or beyond)
        enough = (row.flagged and row.severity >= self.rules.open_severity) or sum(self.lately) >= self.rules.open_out
        if self.phase == "pending" and enough:
            self.phase, happened = "open", "opened"
        if self.quiet >= self.hold:
            return self._ends(at, "returned")
        return happened

    def forgotten(self, at: int) -> bool:
        """Whether nothing is remembered any more."""
        keep = self.rules.remember if self.end == "new_level" else self.rules.reopen_within
        return self.phase == "closed" and at - self.closed > keep

    def _flag(self, at: int, row: OneRow) -> str:
        if self.phase == "closed":
            inside = self.band is not None and self.band[0] <= row.value <= self.band[1]
            if self.end == "new_level" and inside:
                self.end, self.closed = "home", at
                return "home"
            if at - self.closed <= self.rules.reopen_within:
                if self.end == "home" and inside:
                    return ""
                self.phase, self.hold = "open", min(2 * self.hold, self.rules.longest_hold)
                self._freeze(row)
                return "reopened"
        self.phase, self.started, self.hold = "pending", at, self.rules.close_after
        self.out = self.flagged = 0
        self.severity = -1.0
        self._freeze(row)
        return ""

    def _freeze(self, row: OneRow) -> None:
        self.quiet, self.unflagged, self.lately = 0, 0, []
        self.band = (row.expected - row.margin, row.expected + row.margin)
        self.side = (row.value > self.band[1]) - (row.value < self.band[0])

    def _count(self, at: int, row: OneRow, *, out: bool) -> None:
        self.lately = [*self.lately, out][-self.rules.open_of :]
        self.quiet = 0 if out else self.quiet + 1
        self.unflagged = 0 if row.flagged else self.unflagged + 1
        self.out, self.last = self.out + out, at if out else self.last
        if row.flagged:
            self.flagged += 1
            self.severity = max(self.severity, row.severity)

    def _ends(self, at: int, reason: str) -> str:
        if self.phase == "pending":
            self.phase = "none"
            return ""
        self.phase, self.end, self.closed = "closed", reason, at
        return reason


@dataclass
class OneIncident:
    """Who is in."""

    key: str
    leader: Series
    opened: int
    latest: int
    began: int
    came: dict[str, int]
    inside: set[Series]
    turned: int = -(10**9)

    def near(self, at: int, started: int, rules: FoldRules) -> bool:
        """Whether who opens now, or began then, does so when others come or jump back."""
        opens = at - self.latest <= rules.together and at - self.opened <= rules.together_most
        after = started - self.began
        began = -rules.together <= after <= rules.together_most and started - self.latest <= rules.together
        back = started - self.turned <= rules.together and at - self.turned <= rules.close_after
        return opens or began or back

    def owns(self, at: int, device: str, rules: FoldRules) -> bool:
        """Whether the device came to it a short while ago."""
        return device in self.came and at - self.came[device] <= rules.together_most


SiteOf = Callable[[str], str | None]


def _best(
    all_: Sequence[OneIncident], series: Series, at: int, began: int, site_of: SiteOf, rules: FoldRules
) -> OneIncident | None:
    key = site_of(series[0]) or series[0]
    fits = [
        one for one in all_ if one.key == key and one.inside and (one.near(at, began, rules) or one.owns(at, series[0], rules))
    ]  # fmt: skip
    return max(
        fits,
        key=lambda one: (one.near(at, began, rules), one.leader[1] == series[1], series[0] in one.came, one.latest, all_.index(one)),
        default=None,
    )  # fmt: skip


def _moved(at: int, series: Series, all_: Sequence[OneIncident], site_of: SiteOf, rules: FoldRules) -> bool:
    """Whether the same signal of other devices of the site is moved just now."""
    best = _best(all_, series, at, at, site_of, rules)
    return best is not None and best.leader[1] == series[1] and series[0] not in best.came


def _comes(
    at: int, series: Series, began: int, of: dict[Series, OneIncident], all_: list[OneIncident], site_of: SiteOf, rules: FoldRules
) -> tuple[str, Series]:  # fmt: skip
    """It joins one, or opens one."""
    one = _best(all_, series, at, began, site_of, rules)
    joins = one is not None
    if one is None:
        one = OneIncident(site_of(series[0]) or series[0], series, at, at, began, {}, set())
        all_.append(one)
    one.came[series[0]] = at
    one.inside.add(series)
    one.latest, of[series] = at, one
    return "joined" if joins else "opened", series


def incidents(
    windows: Iterable[tuple[int, Sequence[OneRow]]], rules: FoldRules, site_of: SiteOf
) -> list[tuple[Any, ...]]:
    """Windows in order -> (window, event, series, out, flagged, last), sorted within a window."""
    state: dict[Series, OneEpisode] = {}
    of: dict[Series, OneIncident] = {}
    all_: list[OneIncident] = []
    found: list[tuple[Any, ...]] = []
    for at, rows in windows:
        for series in [series for series, one in state.items() if one.forgotten(at)]:
            del state[series]
            of.pop(series, None)
        happened: dict[str, list[Series]] = {}
        turned: list[Series] = []
        for row in rows:
            what = state.setdefault(row.series, OneEpisode(rules)).see(at, row)
            happened.setdefault(what, []).append(row.series)
            turned += [row.series] if state[row.series].turned else []
        events: list[tuple[str, Series]] = []
        for series in happened.get("reopened", []):
            one = of[series]
            events.append(("joined", series) if one.inside else ("reopened", one.leader))
            one.inside.add(series)
            one.latest = at
        for series in turned:
            of[series].turned = at
        order = sorted(happened.get("opened", []), key=lambda s: (state[s].started, -state[s].severity, s))
        events += [_comes(at, series, state[series].started, of, all_, site_of, rules) for series in order]
        for series in sorted(happened.get("home", [])):
            if not _moved(at, series, all_, site_of, rules):
                events.append(("returned", of[series].leader))
                continue
            del of[series]
            state[series] = OneEpisode(rules)
            if state[series].see(at, next(row for row in rows if row.series == series)) == "opened":
                events.append(_comes(at, series, at, of, all_, site_of, rules))
        for series in sorted([*happened.get("returned", []), *happened.get("new_level", [])]):
            one = of[series]
            one.inside.discard(series)
            events.append(("left", series) if one.inside else ("closed", one.leader))
        found += [(at, event, series, *_counts(event, state.get(series))) for event, series in events]
    return sorted(found)


def _counts(event: str, about: OneEpisode | None) -> tuple[int, ...]:
    return (about.out, about.flagged, about.last) if event in ("joined", "left") and about else ()
