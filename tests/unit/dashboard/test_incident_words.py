"""What the page says of incidents, by node, for rows as the server sends them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "ad_stream" / "dashboard" / "assets" / "incident_words.js"
ASK = """
globalThis.localStorage = { getItem: () => "utc" };
const { what, why, standing, where, leader } = await import(process.argv[1]);
const rows = JSON.parse(process.argv[2]);
console.log(JSON.stringify(rows.map((row) => ({
  what: what(row), why: why(row, "2026-11-01T14:00Z"), standing: standing(row), where: where(row), leader: leader(row),
}))));
"""
STEP = {
    "kind": "value", "state": "closed", "site": "plant-a", "device": "pump-7", "signal": "temperature", "direction": "above",
    "reason": "above", "meaning": "above the expected band", "peak_value": 31.2, "lower": 18, "upper": 24, "devices": 13,
    "series": 13, "open_series": 0, "reopened": 0, "started": "2026-11-01T12:00Z", "last": "2026-11-01T13:30Z",
    "close_reason": "returned", "acked_by": None, "why": "returned",
}  # fmt: skip
NOTHING = dict.fromkeys(("site", "signal", "direction", "peak_value", "lower"))
SILENT = STEP | NOTHING | {"kind": "silence", "devices": 1, "series": 1}

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not on the PATH")


def told(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    command = ["node", "--input-type=module", "-e", ASK, SCRIPT.as_uri(), json.dumps(rows)]
    answer = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"TZ": "UTC"}, timeout=60)
    assert answer.returncode == 0, answer.stderr
    found: list[dict[str, Any]] = json.loads(answer.stdout)
    return found


def test_a_step_of_a_site_says_its_size_its_band_and_its_end() -> None:
    (said,) = told(STEP)
    assert (said["where"], said["leader"], said["standing"]) == ("plant-a", "pump-7", "returned")
    assert said["what"] == "13 devices, temperature above: 31.2, band 18 to 24"
    assert said["why"] == [
        "pump-7 temperature was flagged: above the expected band.",
        "Since then each minute is asked whether the value is back in the band of that moment, 18 to 24; "
        "at its worst it was 31.2.",
        "13 series of 13 devices were in it.",
        "It lasted 91 min and ended because the values are back.",
    ]


def test_one_that_is_open_says_for_how_long_and_who_has_seen_it() -> None:
    open_ = {"state": "open", "close_reason": None, "open_series": 1, "acked_by": "Ada", "reopened": 3}
    (said,) = told(STEP | open_)
    assert said["standing"] == "open, acknowledged by Ada"
    assert said["why"][2:] == [
        "13 series of 13 devices were in it, 1 still is.",
        "It came back 3 times: it chatters.",
        "It is open, for 2 h now.",
    ]


def test_a_silence_and_a_stalled_stream_need_no_value() -> None:
    stalled = STEP | {
        "kind": "pipeline",
        "site": None,
        "device": None,
        "reason": "stalled",
        "why": "no window for 12 minutes",
    }
    silent, stream, gone = told(SILENT, stalled, STEP | {"state": "withdrawn"})
    assert (silent["what"], silent["where"]) == ("device silent", "pump-7")
    assert silent["why"][0] == "pump-7 was silent for longer than its own cadence explains."
    assert (stream["where"], stream["what"]) == ("the stream", "stalled: no window for 12 minutes")
    assert gone["why"][-1] == "A backfill took its flags away: it never was."
