"""Which events make a batch fail: found by trying it with a part of them, never by what the error says.

A trial is the batch itself, up to the point where its rows exist, and commits nothing. An event is blamed only where the
batch fails with it and passes without it, so trouble that passes, or lies elsewhere (a table, the state), blames nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ad_stream.pipeline.steps.left_out import EVERYBODY, NOBODY, PASSED_OVER, QUARANTINED, How, Leaf, LeftOut

DEPTH = 12
"""Halvings: of 4,096 events one is left."""
MOST_TRIALS = 80

Passes = Callable[[LeftOut | None], bool]
"""Tries the batch without some of its events, None: with all of them."""


@dataclass
class Blame:
    """The search within one batch. ways: how its source allows to leave events out, the gentlest first."""

    passes: Passes
    batch_time_ms: int
    ways: Sequence[How] = (QUARANTINED, PASSED_OVER)
    trials: int = 0

    def __call__(self) -> LeftOut | None:
        """What to leave out so that the batch passes; None: nothing does that, or nothing is needed any more."""
        if self._passes(None):
            return None
        for how in self.ways:
            if self._passes(LeftOut(self.batch_time_ms, (), how, only=NOBODY)):
                return self._some(how)
        everything = LeftOut(self.batch_time_ms, (EVERYBODY,), PASSED_OVER)
        return everything if self._passes(everything) else None

    def _some(self, how: How) -> LeftOut:
        """One bad event after the other; all events where there are too many bad ones."""
        found: list[Leaf] = []
        while self.trials < MOST_TRIALS:
            found.append(self._another(found, how))
            if self._passes(some := LeftOut(self.batch_time_ms, tuple(found), how)):
                return some
        return LeftOut(self.batch_time_ms, (EVERYBODY,), how)

    def _another(self, found: Sequence[Leaf], how: How) -> Leaf:
        """A bad event that is not in `found`: always the half that fails; where the first one passes, it is the second."""
        leaf = EVERYBODY
        while leaf.bits < DEPTH:
            low, high = leaf.halves()
            leaf = high if self._passes(LeftOut(self.batch_time_ms, tuple(found), how, only=low)) else low
        return leaf

    def _passes(self, left_out: LeftOut | None) -> bool:
        self.trials += 1
        return self.passes(left_out)
