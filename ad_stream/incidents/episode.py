"""Per series: from flags to episodes with a beginning and an end, one window of all series at a time, over arrays.

A detector flags changes, so a step that lasts an hour is flagged where it begins and where it ends. What makes it one
episode stands in the row of its onset: the band. It is frozen there, and the question of each later window is whether
the value is back. A window is *out* if it is flagged, or if it lies beyond the frozen band on the side of the onset; else
it is *quiet*. A flag to the other side turns the episode: the value jumped back, and where a daily cycle has moved it beyond
the frozen band meanwhile, the band moves with it to where it came to lie. A muted window is neither, and neither is one
that has no row, so that missing data end nothing.

    none     -> pending   at a flag
    pending  -> open      at a flag severe enough, or when enough of the last windows were out
             -> none      after quiet windows, or out without a flag for so long that it is the new level
    open     -> closed    after quiet windows (returned), at a new level, or by a person
    closed   -> open      at a flag soon after: the same episode, which has to be quiet twice as long this time
             -> closed    at a flag with which the value is back on its level of before a new one (`home`)
             -> none      after a while: nothing is remembered

State is held for series that are in one of the phases only. tests/oracles/incidents.py says the same one row at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.model import OF_A_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.incidents.rules import FoldRules
    from ad_stream.incidents.window_rows import WindowRows
    from ad_stream.model import Bools

    Ints = NDArray[np.int64]
    Objects = NDArray[np.object_]

Series = tuple[str, str]
NONE, PENDING, OPEN, CLOSED = 0, 1, 2, 3
RETURNED, NEW_LEVEL, PERSON, HOME = 1, 2, 3, 4
ENDS = {RETURNED: "returned", NEW_LEVEL: "new_level", PERSON: "person", HOME: "returned"}
"""How an episode ends, as the column `close_reason` has it."""
NEVER = -(2**62)


@dataclass(frozen=True)
class Changes:
    """Places of the series whose episode changed in a window; convincing: of open ones that have, now, what opens one."""

    opened: Ints
    reopened: Ints
    closed: Ints
    home: Ints
    worse: Ints
    muted: Ints
    still_out: Ints
    turned: Ints
    convincing: Ints


COLUMNS: dict[str, tuple[type, float]] = {
    "phase": (np.int8, NONE), "end": (np.int8, 0), "started": (np.int64, 0), "opened": (np.int64, 0),
    "last": (np.int64, 0), "closed": (np.int64, 0), "quiet": (np.int64, 0), "ring": (np.int64, 0),
    "unflagged": (np.int64, 0), "hold": (np.int64, 0), "reopened": (np.int64, 0), "side": (np.int8, 0),
    "low": (np.float64, np.nan), "high": (np.float64, np.nan), "expected": (np.float64, np.nan),
    "severity": (np.float64, 0), "peak": (np.int64, 0), "peak_value": (np.float64, np.nan),
    "flagged": (np.int64, 0), "out": (np.int64, 0), "muted": (np.bool_, False), "blocked": (np.bool_, False),
    "level_value": (np.float64, np.nan),
}  # fmt: skip
"""What is held of a series: its type, and what it is at first. Places in time are numbers of windows."""


class Episodes:
    """The episodes of all series that have one; `at` finds the place of a series in the arrays."""

    def __init__(self, rules: FoldRules) -> None:
        self.rules = rules
        self.at: dict[Series, int] = {}
        self.series: list[Series | None] = []
        self.reason: list[str] = []
        self._free: list[int] = []
        self.columns: dict[str, NDArray[Any]] = {name: np.empty(0, dtype=kind) for name, (kind, _) in COLUMNS.items()}

    def __len__(self) -> int:
        return len(self.at)

    def of(self, place: int) -> dict[str, Any]:
        """What is held at a place, as plain numbers."""
        return {name: column[place].item() for name, column in self.columns.items()}

    def watched(self) -> list[Series]:
        """The series of which every row is wanted, not only the flagged ones."""
        phase, blocked = self.columns["phase"], self.columns["blocked"]
        wanted = (phase == PENDING) | (phase == OPEN) | ((phase == CLOSED) & blocked)
        return [found for place in np.flatnonzero(wanted) if (found := self.series[place]) is not None]

    def step(self, at: int, rows: WindowRows) -> Changes:
        """One window: rows of series, each at most once, of which those not flagged and not watched change nothing."""
        place = self._places(rows)
        known = place >= 0
        place, rows = place[known], rows.where(known)
        began = self._begin(at, place, rows)
        return self._go_on(at, place, rows, began)

    def anew(self, at: int, series: Series, rows: WindowRows) -> Changes:
        """A flag of `rows` that `step` took for a way home begins an episode of its own after all; -> what comes of it."""
        mine = (rows.device == series[0]) & (rows.signal == series[1])
        place, rows, new = np.array([self.at[series]], dtype=np.int64), rows.where(mine), np.ones(1, dtype=np.bool_)
        self._start(at, place, rows, new, ~new)
        return self._go_on(at, place, rows, {"reopened": place[:0], "home": place[:0]})

    def forget(self, at: int) -> list[Series]:
        """Drop what nothing can continue any more; -> the series."""
        c, rules = self.columns, self.rules
        keep = np.where(c["end"] == NEW_LEVEL, rules.remember, rules.reopen_within)
        old = (c["phase"] == CLOSED) & ~c["blocked"] & (at - c["closed"] > keep)
        return self._drop(np.flatnonzero(old))

    def close(self, place: int, at: int) -> None:
        """A person closes it: it opens again once it has been back, or at a jump beyond what it had reached."""
        c = self.columns
        c["phase"][place], c["end"][place], c["closed"][place], c["blocked"][place] = CLOSED, PERSON, at, True

    def as_state(self) -> dict[str, Any]:
        """For a snapshot of the fold: what is held of each series, without holes."""
        places = np.array([place for place, series in enumerate(self.series) if series is not None], dtype=np.int64)
        columns = {
            name: [None if one != one else one for one in column[places].tolist()]
            for name, column in self.columns.items()
        }
        return {
            "series": [self.series[one] for one in places],
            "reason": [self.reason[one] for one in places],
            **columns,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """The reverse of `as_state`."""
        places = np.array([self._new((device, signal)) for device, signal in state["series"]], dtype=np.int64)
        for place, reason in zip(places, state["reason"], strict=True):
            self.reason[place] = reason
        for name, (kind, _) in COLUMNS.items():
            self.columns[name][places] = np.array([np.nan if one is None else one for one in state[name]], dtype=kind)

    def _places(self, rows: WindowRows) -> Ints:
        """The place of each row, -1 for a series that has no episode and is not flagged."""
        out = np.empty(len(rows), dtype=np.int64)
        for number, (device, signal, flagged) in enumerate(zip(rows.device, rows.signal, rows.flagged, strict=True)):
            place = self.at.get((device, signal), -1)
            out[number] = self._new((device, signal)) if place < 0 and flagged else place
        return out

    def _new(self, series: Series) -> int:
        if not self._free:
            size = len(self.series)
            more = max(64, size)
            for name, (kind, first) in COLUMNS.items():
                self.columns[name] = np.concatenate([self.columns[name], np.full(more, first, dtype=kind)])
            self.series += [None] * more
            self.reason += [""] * more
            self._free = list(range(size + more - 1, size - 1, -1))
        place = self._free.pop()
        self.at[series], self.series[place] = place, series
        return place

    def _drop(self, places: Ints) -> list[Series]:
        dropped = []
        for place in places:
            series = self.series[place]
            assert series is not None
            del self.at[series]
            self.series[place], self.reason[place] = None, ""
            for name, (_, first) in COLUMNS.items():
                self.columns[name][place] = first
            self._free.append(int(place))
            dropped.append(series)
        return dropped

    def _begin(self, at: int, place: Ints, rows: WindowRows) -> dict[str, Ints]:
        """Flags of series that have no running episode: a new one, the one before again, or the way home."""
        c, rules = self.columns, self.rules
        phase, end, since = c["phase"][place], c["end"][place], at - c["closed"][place]
        idle = rows.flagged & ~rows.muted & ((phase == NONE) | (phase == CLOSED))
        c["blocked"][place[idle & self._anew(place, rows)]] = False
        idle &= ~c["blocked"][place]
        closed = idle & (phase == CLOSED)
        back = (rows.value >= c["low"][place]) & (rows.value <= c["high"][place])
        home = closed & (end == NEW_LEVEL) & back & (since <= rules.remember)
        again = closed & ~home & (since <= rules.reopen_within) & ~((end == HOME) & back)
        new = idle & ~home & ~again & ((phase == NONE) | (since > rules.reopen_within))
        c["end"][place[home]], c["closed"][place[home]] = HOME, at
        self._start(at, place, rows, new, again)
        return {"reopened": place[again], "home": place[home]}

    def _start(self, at: int, place: Ints, rows: WindowRows, new: Bools, again: Bools) -> None:
        """Episodes that begin with this window, and those that go on with it."""
        c, rules = self.columns, self.rules
        for name in ("quiet", "unflagged", "ring"):
            c[name][place[new | again]] = 0
        c["flagged"][place[new]], c["out"][place[new]], c["severity"][place[new]] = 0, 0, -1.0
        c["phase"][place[new]], c["phase"][place[again]] = PENDING, OPEN
        c["started"][place[new]], c["reopened"][place[new]] = at, 0
        c["hold"][place[new]] = rules.close_after
        c["hold"][place[again]] = np.minimum(2 * c["hold"][place[again]], rules.longest_hold)
        c["reopened"][place[again]] += 1
        self._freeze(place, rows, new | again)

    def _anew(self, place: Ints, rows: WindowRows) -> Bools:
        """Whether a flag jumps beyond what an episode that a person closed had reached, or to the other side."""
        c = self.columns
        side, reached = c["side"][place], c["level_value"][place]
        width = (c["high"][place] - c["low"][place]) / 2
        further = np.where(side > 0, rows.value > reached + width, rows.value < reached - width)
        other = np.where(side > 0, rows.value < c["low"][place], rows.value > c["high"][place])
        return np.asarray((side != 0) & (further | other))

    def _freeze(self, place: Ints, rows: WindowRows, chosen: Bools) -> None:
        """The band of the onset; none where the value lies inside it (a stuck value), the row has none, or it is that of a
        counter, which does not come back: it judged a rate."""
        at, rows = place[chosen], rows.where(chosen)
        low = rows.expected - np.maximum(rows.lower_margin, rows.floor)
        high = rows.expected + np.maximum(rows.upper_margin, rows.floor)
        c = self.columns
        c["low"][at], c["high"][at], c["expected"][at] = low, high, rows.expected
        of_rate = np.array([one in OF_A_RATE for one in rows.reason], dtype=np.bool_)
        c["side"][at] = np.where(of_rate, 0, (rows.value > high).astype(np.int8) - (rows.value < low))
        for one, reason in zip(at, rows.reason, strict=True):
            self.reason[one] = str(reason)

    def _go_on(self, at: int, place: Ints, rows: WindowRows, began: dict[str, Ints]) -> Changes:
        c, rules = self.columns, self.rules
        side, phase = c["side"][place], c["phase"][place]
        beyond = ((side > 0) & (rows.value > c["high"][place])) | ((side < 0) & (rows.value < c["low"][place]))
        self._watch_closed(at, place, (phase == CLOSED) & ~rows.muted, rows.flagged | beyond)
        running = ((phase == PENDING) | (phase == OPEN)) & ~rows.muted
        level = running & beyond & ~rows.flagged & (c["unflagged"][place] >= rules.new_level_after)
        running &= ~level
        was_muted = c["muted"][place] & running
        out = running & (rows.flagged | beyond)
        turned = self._turn(place, rows, running & rows.flagged, beyond)
        self._count(at, place, rows, running, out)
        worse = self._worst(at, place, rows, running & rows.flagged)
        convincing = running & self._is_open(place, rows)
        opens = convincing & (c["phase"][place] == PENDING)
        c["phase"][place[opens]], c["opened"][place[opens]] = OPEN, at
        back = running & (c["quiet"][place] >= c["hold"][place])
        ends = back | level
        closes = ends & (c["phase"][place] == OPEN)
        c["end"][place[closes]] = np.where(back[closes], RETURNED, NEW_LEVEL)
        c["phase"][place[closes]], c["closed"][place[closes]] = CLOSED, at
        c["level_value"][place[level]] = rows.value[level]
        opened, closed = place[opens], place[closes]
        muted = place[rows.muted & (c["phase"][place] == OPEN) & ~c["muted"][place]]
        c["muted"][muted], c["muted"][place[was_muted]] = True, False
        still = place[was_muted & out & (c["phase"][place] == OPEN)]
        self._drop(place[ends & ~closes])
        worse = worse[c["phase"][worse] == OPEN]
        convincing &= c["phase"][place] == OPEN
        return Changes(opened, began["reopened"], closed, began["home"], worse, muted, still, turned, place[convincing])

    def _turn(self, place: Ints, rows: WindowRows, flagged: Bools, beyond: Bools) -> Ints:
        """Open episodes whose flag lies on the other side of its own band than the onset; -> their places."""
        c, side = self.columns, self.columns["side"][place]
        down = rows.value < rows.expected - np.maximum(rows.lower_margin, rows.floor)
        up = rows.value > rows.expected + np.maximum(rows.upper_margin, rows.floor)
        turned = flagged & (((side > 0) & down) | ((side < 0) & up))
        moved = place[turned & beyond]
        shift = rows.value[turned & beyond] - c["expected"][moved]
        for name in ("low", "high", "expected"):
            c[name][moved] += shift
        return np.asarray(place[turned & (c["phase"][place] == OPEN)])

    def _count(self, at: int, place: Ints, rows: WindowRows, running: Bools, out: Bools) -> None:
        c, mask = self.columns, (1 << self.rules.open_of) - 1
        hit, calm = place[out], place[running & ~out]
        c["ring"][hit] = ((c["ring"][hit] << 1) | 1) & mask
        c["ring"][calm] = (c["ring"][calm] << 1) & mask
        c["out"][hit] += 1
        c["last"][hit], c["quiet"][hit] = at, 0
        c["quiet"][calm] += 1
        c["level_value"][hit] = rows.value[out]
        flagged = running & rows.flagged
        c["flagged"][place[flagged]] += 1
        c["unflagged"][place[flagged]] = 0
        c["unflagged"][place[running & ~rows.flagged]] += 1

    def _worst(self, at: int, place: Ints, rows: WindowRows, flagged: Bools) -> Ints:
        """The worst flag of each episode; -> those whose worst one this is."""
        c = self.columns
        chosen = flagged & (rows.severity > c["severity"][place])
        worse = place[chosen]
        c["severity"][worse], c["peak"][worse], c["peak_value"][worse] = rows.severity[chosen], at, rows.value[chosen]
        return worse

    def _is_open(self, place: Ints, rows: WindowRows) -> Bools:
        ring = self.columns["ring"][place]
        count = sum(((ring >> bit) & 1 for bit in range(self.rules.open_of)), np.zeros(len(place), dtype=np.int64))
        severe = rows.flagged & (rows.severity >= self.rules.open_severity)
        return np.asarray(severe | (count >= self.rules.open_out))

    def _watch_closed(self, at: int, place: Ints, closed: Bools, out: Bools) -> None:
        """What a person closed: while it is out it is not forgotten, and once it was back it may open again."""
        c = self.columns
        blocked = closed & c["blocked"][place]
        c["closed"][place[blocked & out]] = at
        c["blocked"][place[blocked & ~out]] = False
