"""The seam between the stream and whoever wants its rows at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ad_stream.model import SCORED

Rows = Sequence[Mapping[str, object]]
"""Rows of the table `detections` as mappings from column name to Python value; `minute` is an aware datetime."""
Which = Literal["all", "anomalies"]
State = Literal["delivered", "failed", "not_sent"]


@dataclass(frozen=True)
class Delivery:
    """What became of some rows: a row of the table `deliveries`, keys of the batch left out.

    attempt  counts from 1 within one push
    state    delivered: the target said yes; failed: it said no, or nothing, and may still have them; not_sent: the
             push was over before their turn came
    error    one sentence without secrets, None if delivered
    """

    sink: str
    attempt: int
    rows: int
    state: State
    error: str | None = None


class Target(Protocol):
    """Takes the rows of a batch after its commit. `rows` says which it wants: all scored ones, or the flagged."""

    @property
    def name(self) -> str: ...
    @property
    def rows(self) -> Which: ...

    def push(self, rows: Rows) -> list[Delivery]:
        """Send what of the rows the target wants, in their order; never raises on what the other side does."""
        ...


def wanted(rows: Rows, which: Which) -> list[Mapping[str, object]]:
    """The scored rows, or only the flagged ones among them."""
    return [row for row in rows if row["status"] == SCORED and (which == "all" or row["is_anomaly"])]
