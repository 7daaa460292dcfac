"""Which row wins for which series, against a loop over rows and series; what a wrong row does: nothing."""

from __future__ import annotations

import random
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pytest

from ad_stream.config import parse_detection
from ad_stream.series_config.assign import JUDGING, assign
from ad_stream.series_config.edit import applied, says
from ad_stream.series_config.rows import rules_of
from ad_stream.series_config.rules import FIRST, LAST, MUTE, SETTINGS, Rules
from tests.support.series_rules import BASE, T0, row

DEVICES = [f"{kind}-{number}" for kind in ("pump", "fan") for number in range(12)]
SIGNALS = ["temperature", "humidity"]
DRAWN: dict[str, list[Any]] = {
    "detector": ["ar", "default", "differences"], "sensitivity": [80, 90, 99], "direction": ["up", "down", "both"],
    "min_deviation": [0.0, 2.0, 3.5], "min_relative_deviation": [0.0, 0.1],
    "kind": ["counter", "state", "auto"],
}  # fmt: skip


def some_rows(seed: int, count: int = 40) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    patterns = ["*", "pump-*", "fan-?", "*-1", "pump-[0-4]*", "fan-3", "nobody"]
    rows = []
    for number in range(count):
        said: dict[str, Any] = {name: rng.choice(DRAWN[name]) for name in rng.sample(SETTINGS, rng.randint(0, 2))}
        if rng.random() < 0.3:
            said["mute_from"] = T0 + timedelta(minutes=rng.randint(0, 9))
            said["mute_to"] = rng.choice([None, T0 + timedelta(minutes=20)])
        left = [name for name in (*SETTINGS, MUTE) if name not in said and not (name == MUTE and "mute_from" in said)]
        if not said or rng.random() < 0.3:
            said["inherit"] = rng.sample(left, rng.randint(1, 2))
        rows.append(row(rng.choice(patterns), number, signal=rng.choice([None, "*", "temp*", "humidity"]), **said))
    rng.shuffle(rows)
    return rows


def slow(rows: list[dict[str, Any]], device: str, signal: str) -> dict[str, Any]:
    """What applies to one series, row by row."""
    holds: dict[str, Any] = BASE.model_dump(include=set(SETTINGS)) | {MUTE: (LAST, FIRST)}
    own = dict(holds)
    for one in sorted(rows, key=lambda one: one["changed"]):
        if fnmatchcase(device, one["device"]) and fnmatchcase(signal, one["signal"] or "*"):
            holds |= {name: own[name] for name in one["inherit"] or []}
            holds |= {name: one[name] for name in SETTINGS if one[name] is not None}
            if one["mute_from"] is not None:
                ends = [FIRST if at is None else int(at.timestamp()) for at in (one["mute_from"], one["mute_to"])]
                holds[MUTE] = (ends[0], LAST if one["mute_to"] is None else ends[1])
    return holds


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_the_latest_row_that_names_a_setting_and_fits_wins(seed: int) -> None:
    rows = some_rows(seed)
    rules = rules_of(rows, BASE)
    assert rules.refused == ()
    series = [(device, signal) for device in DEVICES for signal in SIGNALS]
    found = assign(rules, *(np.array(names, dtype=object) for names in zip(*series, strict=True)))
    for number, (device, signal) in enumerate(series):
        wanted = slow(rows, device, signal)
        detector = found.detectors[found.group[number]]
        assert (detector.name, detector.sensitivity, detector.kind) == tuple(wanted[name] for name in JUDGING)  # type: ignore[attr-defined]
        for name in set(SETTINGS) - set(JUDGING):
            assert getattr(found, name)[number] == wanted[name]
        assert (found.mute_from[number], found.mute_to[number]) == wanted[MUTE]
        shown = {one.setting: one.value for one in applied(rules, device, signal)}
        assert {name: shown[name] for name in SETTINGS} == {name: wanted[name] for name in SETTINGS}
        assert (shown[MUTE] == "no") is (wanted[MUTE] == (LAST, FIRST))


def test_without_rules_everything_is_the_run_s_own() -> None:
    found = assign(rules_of([], BASE), np.array(["a", "b"], dtype=object), np.array(["t", "t"], dtype=object))
    assert [one.name for one in found.detectors] == ["default"] and found.group.tolist() == [0, 0]
    assert found.min_deviation.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (row("a", sensitivity=400), "'sensitivity' is 400: Input should be less than or equal to 99"),
        (row("a", detector="defalt"), "no detector 'defalt', did you mean 'default'?"),
        (row("a", detector="seasonal_baseline"), "points of the detector seasonal_baseline is 60"),
        (row("a", direction="left"), "'direction' is 'left'"),
        (row("a", min_deviation=-1.0), "'min_deviation' is -1.0"),
        (row("a", mute_from=T0, mute_to=T0), "mute_to 2026-11-01 00:00 is not after mute_from, swap them"),
        (row("a", inherit=["points"]), "'points' cannot be inherited, write detector, sensitivity"),
        (row("a"), "names no setting, write one of detector"),
        (row("", sensitivity=90), "the pattern of the device is missing, write * for all of them"),
        (row("[b-a]", sensitivity=90), "brackets that hold no range"),
        (row("a", sensitivity=90) | {"changed": None}, "`changed` is missing, write current_timestamp()"),
    ],
)
def test_a_wrong_row_is_left_out_with_a_sentence_and_the_others_live(wrong: dict[str, Any], sentence: str) -> None:
    rules = rules_of([wrong, row("b", sensitivity=80)], BASE)
    assert [one.device for one in rules.rules] == ["b"]
    assert len(rules.refused) == 1
    assert rules.refused[0].startswith(f"series_config, device {wrong['device']!r}, signal '*': ")
    assert sentence in rules.refused[0]


def test_what_nobody_wants_any_more_is_no_rule_and_costs_no_history() -> None:
    base = parse_detection({"detector": "spectral_residual"})
    deep = row("a", 0, detector="seasonal_baseline", sensitivity=80)
    assert rules_of([deep], base).points == 4321
    given_back = rules_of([deep, row("a", 1, inherit=["detector"])], base)
    assert (given_back.points, [says(one) for one in given_back.rules]) == (
        120,
        ["sensitivity 80", "gives back detector"],
    )
    for_all = rules_of([deep, row("*", 1, detector="ar", sensitivity=90)], base)
    assert (for_all.points, [one.device for one in for_all.rules]) == (120, ["*"])


def test_rules_are_the_same_whatever_the_order_of_the_rows() -> None:
    rows = some_rows(3) + [row("pump-*", 5, sensitivity=value) for value in (70, 71)]
    assert rules_of(rows, BASE) == rules_of(rows[::-1], BASE)
    assert isinstance(rules_of(rows, BASE), Rules)
