"""The worked examples of docs/incidents.md: the band of the onset is -4 to 4, minutes begin at noon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ad_stream.grid import MINUTE
from ad_stream.incidents.acts import Act
from ad_stream.incidents.fold import Fold
from ad_stream.incidents.ledger import Event
from ad_stream.incidents.rules import FoldRules
from ad_stream.incidents.silence import Present
from tests.oracles.incidents import OneRow
from tests.support.incident_windows import NOON, clock, day_of, folded, minute, window_rows

RULES = FoldRules()


def story(rows: Sequence[Event]) -> list[str]:
    """'12:00 opened', in order, without what is said of members."""
    return [f"{clock(row['minute'])} {row['event']}" for row in rows if row["event"] not in ("joined", "left")]


def messages(rows: Sequence[Event]) -> list[str]:
    """What people are told."""
    return story([row for row in rows if row["notify"]])


def test_a_spike_is_one_incident_of_one_minute() -> None:
    rows = folded(day_of({"12:00": "12:00"}, {"12:00": 0.5}, until="13:00"), rules=RULES)
    assert messages(rows) == ["12:00 opened", "12:10 closed"]
    last = rows[-1]
    assert [clock(last[name]) for name in ("started", "opened", "last", "ended")] == [
        "12:00",
        "12:00",
        "12:00",
        "12:10",
    ]
    assert (last["close_reason"], last["out_minutes"], last["flagged_minutes"]) == ("returned", 1, 1)


def test_a_flag_of_little_severity_is_no_incident() -> None:
    assert folded(day_of({"12:00": "12:00"}, {"12:00": 0.1}, until="13:00"), rules=RULES) == []


def test_a_flag_of_little_severity_that_stays_out_opens_at_the_third_minute() -> None:
    rows = folded(day_of({"12:00": "12:04"}, {"12:00": 0.1}, until="13:00"), rules=RULES)
    assert messages(rows) == ["12:02 opened", "12:14 closed"]
    last = rows[-1]
    assert [clock(last[name]) for name in ("started", "opened", "last")] == ["12:00", "12:02", "12:04"]
    assert (last["out_minutes"], last["flagged_minutes"]) == (5, 1)


def test_a_step_that_is_flagged_at_both_ends_is_one_incident() -> None:
    rows = folded(day_of({"12:00": "13:29"}, {"12:00": 0.5, "13:30": 0.5}, until="14:30"), rules=RULES)
    assert messages(rows) == ["12:00 opened", "13:40 closed"]
    assert clock(rows[-1]["last"]) == "13:30"


def test_a_step_that_stays_closes_as_the_new_level() -> None:
    rows = folded(day_of({"12:00": "20:00"}, {"12:00": 0.5, "12:01": 0.5}, until="20:00"), rules=RULES)
    assert messages(rows) == ["12:00 opened", "16:02 closed"]
    assert (rows[-1]["close_reason"], rows[-1]["out_minutes"]) == ("new_level", 242)
    assert rows[-1]["why"] == "new_level: the value stays near 10, the band was -4 to 4"


def test_the_way_back_from_a_new_level_is_no_new_incident() -> None:
    rows = folded(day_of({"12:00": "19:59"}, {"12:00": 0.5, "20:00": 0.5, "20:01": 0.5}, until="21:30"), rules=RULES)
    assert messages(rows) == ["12:00 opened", "16:01 closed", "20:00 returned"]
    assert len({row["incident_id"] for row in rows}) == 1


def test_spikes_that_come_again_are_one_incident_that_has_to_be_quiet_for_longer() -> None:
    rows = folded(day_of({}, dict.fromkeys(("12:00", "12:20", "12:40"), 0.5), until="14:30"), rules=RULES)
    assert messages(rows) == ["12:00 opened", "12:10 closed", "12:20 reopened", "13:00 closed"]
    assert (clock(rows[-1]["last"]), rows[-1]["reopened"]) == ("12:40", 1)


def test_devices_of_a_site_that_fail_together_are_one_incident() -> None:
    devices = [f"plant-a-{number:02}" for number in range(15)]
    bad, windows = devices[:13], []
    for at in range(60):
        flags = {bad[number] for number in range(13) if at == number // 4}
        back = {device: at > 20 + number for number, device in enumerate(bad)}
        rows = [
            OneRow(
                (device, "t"),
                0.0 if back.get(device, True) or at < bad.index(device) // 4 else 10.0,
                device in flags,
                0.5 * (device in flags),
            )
            for device in devices
        ]
        windows.append((NOON + at, rows))
    fold, found = Fold(RULES, MINUTE, lambda device: device.rpartition("-")[0]), []
    names = [(device, "t") for device in devices]
    present = Present(np.arange(15), lambda keys: [names[key] for key in keys])
    for at, rows in windows:
        found += fold.step(at, window_rows(rows), present)
    assert messages(found) == ["12:00 opened", "12:15 worsened", "12:42 closed"]
    assert (found[-1]["devices"], found[-1]["site"], found[-1]["device_id"]) == (13, "plant-a", "plant-a-00")
    assert [row["event"] for row in found].count("joined") == 12 == [row["event"] for row in found].count("left")
    worsened = next(row for row in found if row["event"] == "worsened")
    assert (worsened["level"], worsened["devices"]) == ("high", 13), "half of the site's devices are one level more"


@pytest.mark.parametrize(("back", "ending"), [("12:29", ["13:09 closed"]), ("13:19", ["13:00 still", "13:29 closed"])])
def test_a_mute_pauses_an_open_incident(back: str, ending: list[str]) -> None:
    rows = folded(day_of({"12:00": back}, {"12:00": 0.5}, until="14:30", muted="12:05-12:59"), rules=RULES)
    assert messages(rows) == ["12:00 opened", *ending]
    assert clock(rows[-1]["last"]) == ("12:04" if back == "12:29" else "13:19")


def test_missing_minutes_are_no_recovery_and_a_silence_of_their_own() -> None:
    windows = day_of({"12:00": "12:05"}, {"12:00": 0.5}, until="13:30", missing="12:06-12:40")
    fold, found = Fold(RULES, MINUTE), []
    names = [("pump-1", "t"), ("other", "t")]
    for at in range(NOON - 130, NOON):  # both have been seen for two hours
        found += fold.step(at, window_rows([]), Present(np.array([0, 1]), lambda keys: [names[key] for key in keys]))
    for at, rows in windows:
        keys = np.array([0, 1] if rows else [1])
        found += fold.step(at, window_rows(rows), Present(keys, lambda keys: [names[key] for key in keys]))
    assert [(row["kind"], story([row])[0]) for row in found if row["notify"]] == [
        ("value", "12:00 opened"), ("silence", "12:16 opened"), ("silence", "12:41 closed"), ("value", "12:50 closed"),
    ]  # fmt: skip
    silence = next(row for row in found if row["kind"] == "silence" and row["event"] == "closed")
    assert (clock(silence["started"]), silence["close_reason"], silence["signal"]) == ("12:06", "reported", None)


def test_an_acknowledged_incident_is_silent_until_it_worsens() -> None:
    windows = day_of({"12:00": "12:40"}, {"12:00": 0.4, "12:20": 0.8}, until="13:30")
    fold = Fold(RULES, MINUTE)
    found: list[dict[str, Any]] = []
    for at, rows in windows:
        acts = [Act("ack", found[0]["incident_id"], "ana")] if at == NOON + minute("12:07") else []
        found += fold.step(at, window_rows(rows), acts=acts)
    assert story(found) == ["12:00 opened", "12:07 acked", "12:20 worsened", "12:50 closed"]
    assert messages(found) == ["12:00 opened", "12:20 worsened", "12:50 closed"]
    assert [row["acked_by"] for row in found] == [None, "ana", None, None]


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 7, 60])
def test_batches_of_any_size_give_equal_rows_even_with_a_restart_after_each(size: int) -> None:
    windows = day_of(
        {"12:00": "13:29", "14:00": "14:02", "16:30": "19:59"}, {"12:00": 0.5, "13:30": 0.5, "14:00": 0.1, "16:30": 0.7, "20:00": 0.5},
        until="22:00", muted="12:20-12:40",
    )  # fmt: skip
    names = [("pump-1", "t"), ("other", "t")]
    whole, found = Fold(RULES, MINUTE, surges=True), []

    def step(fold: Fold, at: int, rows: Sequence[OneRow]) -> list[Event]:
        keys = np.array([0] if minute("18:00") < at - NOON < minute("18:40") else [0, 1])
        return fold.step(at, window_rows(rows), Present(keys, lambda keys: [names[key] for key in keys]))

    calm = [row for at, rows in windows for row in step(whole, at, rows)]
    state = Fold(RULES, MINUTE, surges=True).state()
    for first in range(0, len(windows), size):
        fold = Fold(RULES, MINUTE, surges=True)
        assert fold.restore(state)
        for at, rows in windows[first : first + size]:
            found += step(fold, at, rows)
        state = fold.state()
    assert found == calm
    assert len({row["incident_id"] for row in calm}) > 2
