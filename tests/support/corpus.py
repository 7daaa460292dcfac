"""The corpus of hostile messages, and whether a run gave an account of each of them."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import TYPE_CHECKING, Any

from ad_stream.simulate.devices.hostile import ANY_REASON, LIVES, Hostile, MessageLimits

if TYPE_CHECKING:
    import pandas as pd

LIMITS = MessageLimits(max_body=4_000, max_elements=50, max_members=30, max_depth=8, max_name=64)
MESSAGES = 2_100


def settings(limits: MessageLimits = LIMITS) -> dict[str, Any]:
    """The section `telemetry` with these limits."""
    return {"event_time": "time", "keep_body": 64, **limits.__dict__}


def unaccounted(
    corpus: Iterable[Hostile], quarantine: pd.DataFrame, devices: Container[str], partition: str
) -> list[tuple[Any, ...]]:
    """The messages of which the rows of `quarantine`, or the devices that have readings, do not tell what they should."""
    rows = quarantine[quarantine.partition == partition].groupby("sequence").reason.agg(set).to_dict()
    wrong = []
    for sequence, one in enumerate(corpus):
        reasons = rows.get(sequence, set())
        wanted = {LIVES: set(), ANY_REASON: reasons or {"a reason"}}.get(one.reason, {one.reason})
        fits = reasons == wanted and (f"h{sequence}" in devices) >= (one.reason == LIVES)
        wrong += [] if fits else [(one.kind, one.reason, reasons, one.body[:60], one.envelope)]
    return wrong
