"""When each series was seen, and the gaps that it leaves at times: arrays over all series, for `silence`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.incidents.incident import Series
    from ad_stream.incidents.rules import FoldRules
    from ad_stream.model import Bools

    Ints = NDArray[np.int64]

NUMBERS = ("first", "last", "since", "gap", "second", "gap_before", "second_before")


class LastSeen:
    """When each series was seen, over arrays: first, last: on the fleet's clock; since: the window they were last seen in."""

    def __init__(self) -> None:
        self.names: list[Series] = []
        self.at: dict[Series, int] = {}
        self.n: dict[str, Ints] = {name: np.empty(0, dtype=np.int64) for name in NUMBERS}
        self.alive = np.empty(0, dtype=np.bool_)
        self.silent = np.empty(0, dtype=np.bool_)

    def places(self, names: Sequence[Series]) -> Ints:
        """Where they are; new ones are added, not alive yet."""
        new = [name for name in dict.fromkeys(names) if name not in self.at]
        self.at |= {name: len(self.names) + number for number, name in enumerate(new)}
        self.names += new
        more = np.zeros(len(new), dtype=np.int64)
        self.n = {name: np.concatenate([column, more]) for name, column in self.n.items()}
        self.alive, self.silent = (np.concatenate([one, more.astype(np.bool_)]) for one in (self.alive, self.silent))
        return np.array([self.at[name] for name in names], dtype=np.int64)

    def new_block(self) -> None:
        """Half a day is over: its gaps are those of the half before."""
        for name in ("gap", "second"):
            self.n[f"{name}_before"], self.n[name] = self.n[name], np.zeros_like(self.n[name])

    def seen(self, place: Ints, clock: int, at: int) -> tuple[Ints, Ints]:
        """They have a row. -> those that were silent, those that are new."""
        n = self.n
        new, gap = place[~self.alive[place]], clock - n["last"][place]
        gap[~self.alive[place]] = 0
        n["second"][place] = np.maximum(n["second"][place], np.minimum(gap, n["gap"][place]))
        n["gap"][place] = np.maximum(n["gap"][place], gap)
        for name in NUMBERS[3:]:
            n[name][new] = 0
        n["first"][new] = clock
        n["last"][place], n["since"][place] = clock, at
        self.alive[place] = True
        back = place[self.silent[place]]
        self.silent[place] = False
        return back, new

    def limit(self, rules: FoldRules) -> Ints:
        """Windows without a row that are not a silence yet, of each."""
        n = self.n
        both = np.minimum(n["gap"], n["gap_before"])
        usual = np.maximum(np.maximum(n["second"], n["second_before"]), both)
        return np.asarray(np.maximum(rules.silence_after, 2 * usual))

    def overdue(self, clock: int, rules: FoldRules) -> Bools:
        """Which of them are silent from now on."""
        known = self.alive & ~self.silent & (self.n["last"] - self.n["first"] >= rules.silence_seen)
        return np.asarray(known & (clock - self.n["last"] > self.limit(rules)))

    def old(self, clock: int, rules: FoldRules) -> Ints:
        """Those not seen for so long that they are gone; they are not alive any more."""
        place = np.flatnonzero(self.alive & (clock - self.n["last"] > rules.gone_after))
        self.alive[place] = False
        return place

    def as_state(self) -> dict[str, Any]:
        """For a snapshot of the fold."""
        arrays = {"alive": self.alive, "silent": self.silent, **self.n}
        return {"names": self.names, **{name: array.astype(np.int64).tolist() for name, array in arrays.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        """The reverse of `as_state`."""
        self.names = [(device, signal) for device, signal in state["names"]]
        self.at = {name: number for number, name in enumerate(self.names)}
        self.n = {name: np.array(state[name], dtype=np.int64) for name in NUMBERS}
        self.alive, self.silent = (np.array(state[name], dtype=np.bool_) for name in ("alive", "silent"))
