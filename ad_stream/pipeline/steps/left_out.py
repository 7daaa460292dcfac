"""Events of one batch that the plan cannot process are left out of it, so that the others of that batch live.

Which: by bits of a hash of (partition, sequence), because that halves the events of every source alike, without asking it.
When: in the batch of one batch time only. That stands in the offset log of the checkpoint, so the batch leaves out the
same events however often it is repeated, and no other batch leaves out any.

How, the gentlest that helps: `QUARANTINED` events keep their place and hub time alone and become rows of `quarantine` (reason
`set_aside`). Where a reader fails for a row before anything can be put in its place (a Python function runs on all of
them), such rows are `PASSED_OVER`. Where the source cannot even be read, all of the batch is, and it is not read at all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pyspark.sql import functions as F

from ad_stream.sources.contract import SET_ASIDE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

How = Literal["quarantined", "passed_over"]
QUARANTINED: How = "quarantined"
PASSED_OVER: How = "passed_over"
KEPT = ("source", "partition", "sequence", "enqueued_time")
"""What is left of an event in quarantine; to know more of it would mean to compute what fails."""


@dataclass(frozen=True)
class Leaf:
    """The events whose hash ends in these bits; 0 bits: all of them."""

    bits: int = 0
    value: int = 0

    def halves(self) -> tuple[Leaf, Leaf]:
        """By the next bit."""
        return Leaf(self.bits + 1, self.value), Leaf(self.bits + 1, self.value | 1 << self.bits)

    def sql(self) -> str:
        """Whether an event belongs to it."""
        if not self.bits:
            return "true"
        return f"(xxhash64(partition, sequence) & {(1 << self.bits) - 1}) = {self.value}"


EVERYBODY = Leaf()
NOBODY = Leaf(62, 1)
"""A leaf in which no event is, but of which Spark cannot know that."""


@dataclass(frozen=True)
class LeftOut:
    """Which events of which batch are left out, and how. only: of the others but these, too (a trial)."""

    batch_time_ms: int
    leaves: Sequence[Leaf]
    how: How = QUARANTINED
    only: Leaf = EVERYBODY

    def sql(self) -> str:
        """Whether an event is left out; false for every event of another batch."""
        others = [] if self.only == EVERYBODY else [f"not {self.only.sql()}"]
        chosen = " or ".join([*others, *(leaf.sql() for leaf in self.leaves)]) or "false"
        return f"(current_timestamp() = timestamp_millis({self.batch_time_ms}) and ({chosen}))"

    def __call__(self, incoming: DataFrame) -> DataFrame:
        """The events of a source without those left out, or with nothing in them but where they stand."""
        if self.how == PASSED_OVER:
            return incoming.where(f"not {self.sql()}")
        types, out = dict(incoming.dtypes), self.sql()
        empty = {name: f"if({out}, cast(null as {types[name]}), {name})" for name in types if name not in KEPT}
        empty["message_source"] = f"if({out}, '{SET_ASIDE}', message_source)"
        return incoming.select(*[F.expr(empty.get(name, name)).alias(name) for name in incoming.columns])

    def text(self, offsets: str) -> str:
        """As the column `offsets` of the table `set_aside` keeps it."""
        leaves = [[leaf.bits, leaf.value] for leaf in self.leaves]
        return json.dumps({"batch": offsets, "time_ms": self.batch_time_ms, "how": self.how, "leaves": leaves})

    @classmethod
    def of(cls, text: str) -> LeftOut:
        """From `text`."""
        said = json.loads(text)
        return cls(said["time_ms"], tuple(Leaf(*leaf) for leaf in said["leaves"]), said["how"])
