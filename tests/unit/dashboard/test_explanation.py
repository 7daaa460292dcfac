"""What the page says of a minute is what its row says."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ad_stream.dashboard.explanation import explain, why
from ad_stream.errors import InputError
from tests.support.written import verdict, warming_up, write

NOW = datetime(2026, 11, 1, 12, 7, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("row", "told", "sentence"),
    [
        ({"reason": "above", "value": 25.5}, "flagged", "Flagged: 25.5 is 3.5 above the upper bound 22."),
        (
            {"reason": "below", "value": 15.0, "continuing": True},
            "flagged",
            "Flagged: 15 is 3 below the lower bound 18; it continues the event before it.",
        ),
        ({"value": 21.0}, "normal", "Not flagged: 21 lies inside the expected band 18 to 22."),
        (
            {"reason": "quiet_spectrum", "value": 23.0},
            "normal",
            "Not flagged: 23 is 1 above the upper bound 22; outside the band, but the spectral residual of the window "
            "does not stand out: not flagged.",
        ),
        (
            {"reason": "state_long", "value": 20.0, "is_anomaly": True},
            "flagged",
            "Flagged, state 20: it has lasted far longer than it ever did in this window.",
        ),
        (
            {"reason": "rate_normal", "value": 21.0},
            "normal",
            "Not flagged: 21 lies inside the expected band 18 to 22; a counter: its rate is inside the expected band.",
        ),
        (
            {"reason": "no_value", "status": "declined", "value": None},
            "declined",
            "Not judged (declined): the judged minute is empty.",
        ),
    ],
)
def test_the_sentence_names_value_bound_and_rule(row: dict[str, Any], told: str, sentence: str) -> None:
    value = row.pop("value")
    found = explain(verdict("pi", "t", NOW, value, **row))
    assert (found["verdict"], found["sentence"]) == (told, sentence)


def test_the_facts_say_what_the_verdict_rests_on(tmp_path: Path) -> None:
    write(
        tmp_path, "detections", [verdict("pi", "t", NOW, 25.0, reason="above", imputed=3), verdict("pi", "u", NOW, 1.0)]
    )
    facts = dict(why(tmp_path, device="pi", signal="t", minute=NOW)["facts"])
    assert facts["expected band"] == "18 to 22"
    assert facts["rests on"] == "120 values, 3 filled in"
    assert (facts["detector"], facts["settings"], facts["severity"]) == ("default", "0123456789ab", "0.4")


def test_the_slow_verdict_is_told_beside_the_first_and_names_its_onset(tmp_path: Path) -> None:
    drift = {
        "slow_is_anomaly": True,
        "slow_reason": "drift",
        "slow_score": 1.25,
        "slow_onset": NOW - timedelta(hours=1),
    }
    quiet = {"slow_is_anomaly": False, "slow_reason": "sudden", "slow_score": 1.5}
    rows = [verdict("pi", "t", NOW, 21.0) | drift, verdict("pi", "u", NOW, 25.0, reason="above") | quiet]
    write(tmp_path, "detections", rows)
    told, other = (why(tmp_path, device="pi", signal=name, minute=NOW) for name in "tu")
    assert told["verdict"] == "flagged" and told["sentence"] == (
        "Flagged by the slow verdict: the level bends away slowly, with no single jump that explains it, since 2026-11-01 11:07 UTC."
    )
    assert dict(told["facts"])["slow verdict"].endswith("(score 1.25), since 2026-11-01T11:07Z")
    assert other["sentence"].startswith("Flagged: 25") and "no drift" in dict(other["facts"])["slow verdict"]


def test_backfill_has_the_last_word_and_the_first_is_told(tmp_path: Path) -> None:
    write(tmp_path, "detections", [verdict("pi", "t", NOW, 25.0, reason="above")])
    write(tmp_path, "detections", [verdict("pi", "t", NOW, 21.0, revision=1)])
    found = why(tmp_path, device="pi", signal="t", minute=NOW)
    assert found["verdict"] == "normal"
    assert dict(found["facts"])["judged again by backfill"] == "revision 1; before: flagged"


def test_a_series_that_warms_up_says_from_how_many_values(tmp_path: Path) -> None:
    write(tmp_path, "detections", [warming_up("pi", "t", NOW, 20.0)])
    found = why(tmp_path, device="pi", signal="t", minute=NOW)
    assert found["sentence"] == "Not judged (warming up): fewer than min_points values since the last long gap."
    assert dict(found["facts"])["rests on"] == "5 values"


def test_a_minute_without_a_row_is_a_sentence(tmp_path: Path) -> None:
    write(tmp_path, "detections", [verdict("pi", "t", NOW, 20.0)])
    with pytest.raises(InputError, match="pi t has no verdict on 2026-11-01 12:08: no reading of that window"):
        why(tmp_path, device="pi", signal="t", minute=NOW + timedelta(minutes=1))
