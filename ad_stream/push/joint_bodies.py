"""Joint verdicts in words and as JSON, for the targets that take rows of several signals together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, cast

from ad_stream.model import REASONS
from ad_stream.push.base import Row, plain
from ad_stream.times import shown

NAME = 200
"""Characters of a device or a signal that a message shows."""


def is_joint(row: Row) -> bool:
    """Whether it is a row of `joint_detections`."""
    return "contributors" in row


def joint_sentence(row: Row) -> str:
    """'pump-1 at 12:30 UTC: several signals together … (score 7.2): power 62 % (4.1, expected 2 to 3), flow 21 % (…)'."""
    minute = cast(datetime, row["minute"]).astimezone(timezone.utc)
    reason = str(row["reason"])
    named = [_contributor(one) for one in cast("Sequence[Mapping[str, Any]]", row["contributors"] or ())]
    return (
        f"{str(row['device_id'])[:NAME]} at {shown(minute)} UTC: {REASONS.get(reason, reason)} (score {row['score']:.3g})"
        + (f": {', '.join(named)}" if named else "")
    )


def joint_columns(row: Row) -> dict[str, object]:
    """The columns of `joint_detections` that are pushed, as JSON has them."""
    told = {name: plain(value) for name, value in row.items() if name != "signal"}
    return told | {
        "contributors": [_plain(one) for one in cast("Sequence[Mapping[str, Any]]", row["contributors"] or ())]
    }


def _plain(one: Mapping[str, Any]) -> dict[str, object]:
    return {name: plain(value) for name, value in one.items()}


def _contributor(one: Mapping[str, Any]) -> str:
    value = "no value" if one["value"] is None else f"{one['value']:.5g}"
    band = "" if one["lower"] is None else f", expected {one['lower']:.5g} to {one['upper']:.5g}"
    return f"{str(one['signal'])[:NAME]} {one['share']:.0%} ({value}{band})"
