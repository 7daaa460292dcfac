"""What people are told of an incident, once for all targets: one line, and the facts behind it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, cast

from ad_stream.incidents.events import FLOOD, PIPELINE, SILENCE, SURGE
from ad_stream.push.base import Row
from ad_stream.times import shown

NAME = 200
"""Characters of a device, signal or site that a message shows."""


def is_end(row: Row) -> bool:
    """Whether the row ends what was told before."""
    return row["event"] in ("closed", "summary")


def headline(row: Row) -> str:
    """'HIGH plant-a: 13 devices, temperature above since 2026-11-01 12:00 UTC, pump-7 31.2 (band 18 to 24)'."""
    if row["kind"] == FLOOD:
        return f"FLOOD {row['why']}"
    level = "closed" if row["event"] == "closed" else str(row["level"]).upper()
    return f"{level} {_where(row)}: {_what(row)} since {_time(row['started'])}{_value(row)}{_end(row)}"


def facts(row: Row) -> dict[str, str]:
    """Name -> value, in the order in which a card shows them."""
    found: Mapping[str, Any] = {
        "incident": row["incident_id"], "event": row["event"], "why": row["why"], "level": row["level"], "site": row["site"],
        "leader": " ".join(filter(None, (_short(row["device_id"]), _short(row["signal"])))), "devices": row["devices"],
        "started": _time(row["started"]), "last": _time(row["last"]), "severity": f"{row['severity']:.2f}",
        "expected": _number(row["expected"]), "band": _band(row), "acknowledge": f"ad-stream ack {row['incident_id']}",
    }  # fmt: skip
    return {name: str(value) for name, value in found.items() if value not in (None, "")}


def _where(row: Row) -> str:
    return _short(row["site"] or row["device_id"] or row["kind"])


def _what(row: Row) -> str:
    devices = f"{row['devices']} devices, " if cast(int, row["devices"]) > 1 else ""
    kind = row["kind"]
    if kind == SILENCE:
        return f"{devices}{_short(row['signal'] or 'device')} silent"
    if kind in (SURGE, PIPELINE):
        return f"{row['reason']}: {row['why']}"
    if not row["signal"]:
        return f"{devices}signals together, {row['reason']}"
    return f"{devices}{_short(row['signal'])} {row['direction'] or row['reason']}"


def _value(row: Row) -> str:
    if row["peak_value"] is None:
        return ""
    leader = f"{_short(row['device_id'])} " if cast(int, row["devices"]) > 1 else ""
    if not row["signal"]:
        return f", {leader}score {_number(row['peak_value'])} (from {_number(row['upper'])} on)"
    band = f" (band {_band(row)})" if _band(row) else ""
    return f", {leader}{_number(row['peak_value'])}{band}"


def _end(row: Row) -> str:
    if row["event"] != "closed":
        return "" if row["event"] == "opened" else f", {row['event']}: {row['why']}"
    length = cast(datetime, row["last"]) - cast(datetime, row["started"])
    return f", {row['close_reason']} after {length / timedelta(minutes=1) + 1:.0f} min"


def _band(row: Row) -> str:
    return "" if row["lower"] is None else f"{_number(row['lower'])} to {_number(row['upper'])}"


def _number(value: object) -> str | None:
    return None if value is None else f"{value:.6g}"


def _short(text: object) -> str:
    return str(text)[:NAME] if text else ""


def _time(moment: object) -> str:
    return f"{shown(cast(datetime, moment).astimezone(timezone.utc))} UTC"
