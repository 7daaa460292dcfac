"""Which incidents to ask people about: those whose labels decide a proposal, and some drawn from all, for an honest rate."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ad_stream.errors import InputError
from ad_stream.monitoring.incidents import Listed, incidents
from ad_stream.whatif.propose import propose

if TYPE_CHECKING:
    from ad_stream.config import Config

RANDOM_SHARE = 0.3
"""Of the questions, drawn evenly from all incidents: what people label unasked says nothing about the rate."""


@dataclass(frozen=True)
class LabelQuestion:
    """asked: proposal or random; weight: how many incidents the answer stands for, None where it stands for itself."""

    incident_id: str
    device_id: str | None
    signal: str | None
    severity: float
    asked: str
    weight: float | None
    why: str


def ask(
    tables: Path, config: Config, *, start: datetime, end: datetime, most: int = 10, device: str | None = None
) -> list[LabelQuestion]:
    """Questions about incidents without a label that opened at start <= opened < end; the same until somebody answers."""
    every = [
        one for one in incidents(tables, Listed(start=start)) if one["kind"] == "value" and start <= one["opened"] < end
    ]
    by_id = {one["incident_id"]: one for one in every if device is None or one["device_id"] == device}
    wanted: dict[str, tuple[str, str, float | None]] = {}
    for_proposals = most - round(RANDOM_SHARE * most) if device is None else most
    try:
        found = propose(tables, config, start=start, end=end)
    except InputError:
        found = []
    for one in sorted(found, key=lambda one: (one.after - one.before, one.device_id)):
        for name in one.to_ask:
            if name in by_id and len(wanted) < for_proposals:
                why = f"min_deviation={one.min_deviation:g} of {one.device_id} {one.signal} would lose it"
                wanted.setdefault(name, ("proposal", why, None))
    rest = sorted(by_id, key=lambda name: hashlib.sha256(f"random {name}".encode()).hexdigest())
    draws = rest[: max(most - len(wanted), 0)]
    for name in draws:
        if by_id[name]["label"] is None:
            wanted.setdefault(name, ("random", "drawn from all", len(rest) / len(draws)))
    return [
        LabelQuestion(name, by_id[name]["device_id"], by_id[name]["signal"], by_id[name]["severity"], asked, weight, why)
        for name, (asked, why, weight) in wanted.items()
    ]  # fmt: skip
