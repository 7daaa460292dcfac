"""Why a window was flagged or not, in words, from its row of `detections`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ad_stream.dashboard.formatting import MOST_STORED
from ad_stream.errors import InputError
from ad_stream.grid import DEFAULT, Grid
from ad_stream.model import REASONS, SCORED
from ad_stream.tables.catalog import DETECTIONS, DEVICE, SIGNAL
from ad_stream.tables.columns import BATCH
from ad_stream.tables.reader import read_rows

COLUMNS = tuple(name for name in DETECTIONS.names if name not in {column.name for column in (DEVICE, SIGNAL, *BATCH)})


def why(
    tables: str | Path, *, device: str, signal: str, minute: datetime, every: timedelta = DEFAULT
) -> dict[str, Any]:  # fmt: skip
    """The verdict on the window that begins at `minute`; InputError where there is none."""
    where: list[tuple[str, str, str | datetime]] = [
        ("device_id", "=", device), ("signal", "=", signal), ("minute", ">=", minute),
        ("minute", "<", minute + every),
    ]  # fmt: skip
    rows = read_rows(tables, "detections", COLUMNS, where, MOST_STORED).sort_values("revision").to_dict("records")
    if not rows:
        raise InputError(
            f"{device} {signal} has no verdict on {minute:{Grid.of(every).format()}}: no reading of that window arrived in time"
        )
    told = explain(rows[-1])
    if len(rows) > 1:
        earlier = "flagged" if rows[-2]["is_anomaly"] is True else "not flagged"
        told["facts"].append(["judged again by backfill", f"revision {rows[-1]['revision']}; before: {earlier}"])
    return told


def explain(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row with COLUMNS -> verdict ('flagged', 'normal' or its status), sentence, reason in words, and the facts."""
    flagged, slow = row["is_anomaly"] is True, row.get("slow_is_anomaly") is True
    facts = [["value", _text(row["value"])]]
    if row["status"] == SCORED:
        low, high = row["expected"] - row["lower_margin"], row["expected"] + row["upper_margin"]
        facts += [
            ["expected", _text(row["expected"])],
            ["expected band", f"{_text(low)} to {_text(high)}"],
            ["score", _text(row["score"])],
            ["spectral residual score", _text(row["sr_score"])],
            ["severity", _text(row["severity"])],
        ]
    facts += _slow_facts(row)
    facts += [
        ["detector", row["detector"] or "none"],
        ["rests on", f"{row['points']:.0f} values" + (f", {row['imputed']:.0f} filled in" if row["imputed"] else "")],
        ["settings", row["config_version"]],
    ]
    return {
        "minute": f"{row['minute']:%Y-%m-%dT%H:%MZ}",
        "verdict": "flagged" if flagged or slow else "normal" if row["status"] == SCORED else row["status"],
        "sentence": _slow_sentence(row) if slow and not flagged else _sentence(row, flagged),
        "reason": row["reason"],
        "meaning": REASONS.get(row["reason"], row["reason"]),
        "continuing": bool(row["continuing"]),
        "facts": [[name, text] for name, text in facts if text],
    }


def _slow_facts(row: Mapping[Any, Any]) -> list[list[str]]:
    """What the slow verdict said, where it was given."""
    reason = row.get("slow_reason")
    if not reason:
        return []
    since = f", since {row['slow_onset']:%Y-%m-%dT%H:%MZ}" if row["slow_is_anomaly"] is True else ""
    score = f" (score {_text(row['slow_score'])})" if _text(row["slow_score"]) else ""
    return [["slow verdict", f"{REASONS.get(reason, reason)}{score}{since}"]]


def _slow_sentence(row: Mapping[Any, Any]) -> str:
    reason = row["slow_reason"]
    return f"Flagged by the slow verdict: {REASONS.get(reason, reason)}, since {row['slow_onset']:%Y-%m-%d %H:%M} UTC."


def _sentence(row: Mapping[Any, Any], flagged: bool) -> str:
    value, meaning = _text(row["value"]), REASONS.get(row["reason"], row["reason"])
    if row["status"] != SCORED:
        return f"Not judged ({row['status'].replace('_', ' ')}): {meaning}."
    begin = "Flagged" if flagged else "Not flagged"
    more = "; it continues the event before it" if row["continuing"] is True else ""
    if row["reason"].startswith("state_"):  # the band of a state is the state
        return f"{begin}, state {value}: {meaning.removeprefix('a state: ')}{more}."
    low, high = row["expected"] - row["lower_margin"], row["expected"] + row["upper_margin"]
    if row["value"] > high:
        place = f"{value} is {_text(row['value'] - high)} above the upper bound {_text(high)}"
    elif row["value"] < low:
        place = f"{value} is {_text(low - row['value'])} below the lower bound {_text(low)}"
    else:
        place = f"{value} lies inside the expected band {_text(low)} to {_text(high)}"
    after = "" if row["reason"] in ("normal", "above", "below") else f"; {meaning}"
    return f"{begin}: {place}{after}{more}."


def _text(value: float | None) -> str:
    return "" if value is None or value != value else f"{value:.6g}"
