"""Times of the page in the zone of the viewer, by node, against Python's zoneinfo: daylight saving, quarter-hour zones."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "ad_stream" / "dashboard" / "assets" / "zone.js"
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC")
CHANGES = ("2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01")
"""Days on which clocks change in one of them."""
ASK = """
globalThis.localStorage = { getItem: () => null };
globalThis.window = { dispatchEvent() {} };
const { ticks, told, fromWall, wall } = await import(process.argv[1]);
const asked = JSON.parse(process.argv[2]);
console.log(JSON.stringify({
  ticks: asked.spans.map(([first, last]) => ticks(first, last, 9)),
  walls: asked.spans.map(([first]) => wall(first)),
  back: asked.spans.map(([first]) => fromWall(`${wall(first).date}T${wall(first).seconds}`)),
  told: asked.sentences.map(told),
}));
"""

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="node is not on the PATH")


def asked(zone: str, **questions: Any) -> Any:
    command = ["node", "--input-type=module", "-e", ASK, SCRIPT.as_uri(), json.dumps({"sentences": []} | questions)]
    answer = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"TZ": zone}, timeout=60)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def spans() -> list[tuple[datetime, datetime]]:
    """Stretches of a minute to a year, many of them over a change of the clocks."""
    draws = random.Random(22)
    found = []
    for n in range(60):
        middle = datetime.fromisoformat(draws.choice(CHANGES)).replace(tzinfo=timezone.utc) + timedelta(
            seconds=draws.randrange(86_400)
        )
        length = timedelta(minutes=draws.choice([2, 10, 60, 180, 720, 1440, 10_080, 44_640, 527_040]))
        found.append((middle - length * draws.random(), middle + length * draws.random() + timedelta(minutes=n % 3)))
    return found


@pytest.mark.parametrize("zone", ZONES)
def test_marks_stand_at_round_times_of_the_zone_and_say_them(zone: str) -> None:
    cases = spans()
    milliseconds = [[round(one.timestamp() * 1000) for one in case] for case in cases]
    answers = asked(zone, spans=milliseconds)["ticks"]
    for (first, last), marks in zip(cases, answers, strict=True):
        places = [datetime.fromisoformat(at).replace(tzinfo=timezone.utc) for at in marks["places"]]
        assert len(places) <= 12 and places == sorted(set(places)), (first, last)
        assert all(first - timedelta(seconds=1) <= at <= last for at in places)
        walls = [at.astimezone(ZoneInfo(zone)) for at in places]
        for at, label in zip(walls, marks["labels"], strict=True):
            time = label.split("<br>")[0]
            if ":" in time:
                assert time == (f"{at:%H:%M:%S}" if time.count(":") == 2 else f"{at:%H:%M}")
            else:
                assert (at.hour, at.minute) == (0, 0), "a mark without a time is the beginning of a day"
        days = [label for label in marks["labels"] if "<br>" in label or ":" not in label]
        assert len(days) == len({at.date() for at in walls}), "each day is said once"


@pytest.mark.parametrize("zone", ZONES)
def test_what_is_shown_and_typed_again_is_the_same_time(zone: str) -> None:
    cases = spans()
    answer = asked(zone, spans=[[int(first.timestamp()) * 1000, 0] for first, _ in cases])
    for (first, _), wall, back in zip(cases, answer["walls"], answer["back"], strict=True):
        local = first.astimezone(ZoneInfo(zone))
        assert (wall["date"], wall["seconds"]) == (f"{local:%Y-%m-%d}", f"{local:%H:%M:%S}")
        again = datetime.fromisoformat(back.replace("Z", "+00:00")).astimezone(ZoneInfo(zone))
        # An hour that passes twice is read as one of the two.
        assert f"{again:%Y-%m-%d %H:%M:%S}" == f"{local:%Y-%m-%d %H:%M:%S}"


def test_times_in_sentences_of_the_server_are_told_in_the_zone() -> None:
    sentences = [
        "The stream is stopped since 2026-11-01 12:00 UTC.",
        "a drift, since 2026-07-01T06:30Z",
        "2026-11-01T06:30:20Z",
        "version 2026-11-01 of nothing",
    ]
    assert asked("Europe/Berlin", spans=[], sentences=sentences)["told"] == [
        "The stream is stopped since 2026-11-01 13:00 CET.",
        "a drift, since 2026-07-01 08:30 CEST",
        "2026-11-01 07:30:20 CET",
        "version 2026-11-01 of nothing",
    ]
