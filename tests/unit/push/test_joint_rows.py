"""Joint anomalies as messages: the device, the signals that made them, and nothing that JSON lacks."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from ad_stream.errors import ConfigError
from ad_stream.push.messages import headline
from ad_stream.push.registry import targets_of
from ad_stream.push.targets.webhook import _json, sentence

ROW = {
    "device_id": "pump-1", "signal": "", "minute": datetime(2026, 11, 1, 12, 30, tzinfo=timezone.utc), "score": 7.25,
    "severity": 0.88, "is_anomaly": True, "flagged_signals": 0, "reason": "relation", "threshold": 6.0, "model": "joint@2",
    "contributors": [
        {"signal": "power", "share": 0.62, "value": 4.125, "expected": 2.5, "lower": 2.0, "upper": 3.0},
        {"signal": "flow", "share": 0.3, "value": None, "expected": float("nan"), "lower": None, "upper": None},
    ],
}  # fmt: skip


def test_a_message_names_the_device_and_the_signals_by_their_share() -> None:
    assert sentence(ROW) == (
        "pump-1 at 2026-11-01 12:30 UTC: several signals together: each alone looks usual, how they hang together does not "
        "(score 7.25): power 62% (4.125, expected 2 to 3), flow 30% (no value)"
    )


def test_the_json_has_the_columns_of_the_table_and_null_for_what_is_no_number() -> None:
    (told,) = json.loads(_json([ROW]))["anomalies"]
    assert "signal" not in told and told["minute"] == "2026-11-01T12:30:00.000Z" and told["score"] == 7.25
    assert told["contributors"][1] == {
        "signal": "flow", "share": 0.3, "value": None, "expected": None, "lower": None, "upper": None,
    }  # fmt: skip


def test_a_target_that_waits_for_joint_rows_is_refused_while_nobody_makes_them() -> None:
    entry = ("webhook", {"url": "http://127.0.0.1:9", "rows": "joint"})
    assert targets_of([entry])[0].rows == "joint"
    with pytest.raises(ConfigError, match=r"write joint: \{enabled: true\}"):
        targets_of([entry], joint=False)


def test_an_incident_that_begins_with_a_joint_alarm_says_so() -> None:
    at = datetime(2026, 11, 1, 12, 30, tzinfo=timezone.utc)
    row = {
        "kind": "value", "event": "opened", "level": "high", "site": None, "device_id": "pump-1", "signal": None, "devices": 1,
        "direction": "above", "reason": "relation", "started": at, "peak_value": 7.25, "upper": 6.0, "lower": -6.0, "why": "",
    }  # fmt: skip
    assert headline(row) == (
        "HIGH pump-1: signals together, relation since 2026-11-01 12:30 UTC, score 7.25 (from 6 on)"
    )
