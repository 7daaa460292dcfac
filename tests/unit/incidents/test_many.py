"""Many at once: floods, surges, chattering, silences of devices, signals and sites."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from ad_stream.grid import MINUTE
from ad_stream.incidents.fold import Fold
from ad_stream.incidents.ledger import Event, Ledger, no_site
from ad_stream.incidents.rules import FoldRules
from ad_stream.incidents.silence import Present
from tests.oracles.incidents import OneRow
from tests.support.incident_windows import NOON, folded, window_rows

RULES = FoldRules()
Reports = Callable[[tuple[str, str], int], bool]


def spikes(counts: Iterable[int], severity: float = 0.5) -> list[tuple[int, list[OneRow]]]:
    """So many devices, others each time, spike in each minute."""
    windows, used = [], 0
    for at, count in enumerate(counts):
        windows.append(
            (NOON + at, [OneRow((f"d{used + number:05}", "t"), 10.0, True, severity) for number in range(count)])
        )
        used += count
    return windows


def heard_from(
    names: list[tuple[str, str]], reports: Reports, minutes: int, site: bool = False, mutes: Reports = lambda name, at: False
) -> list[Event]:  # fmt: skip
    """The silences of some series that report when they want, and are muted at times."""
    fold = Fold(RULES, MINUTE, (lambda device: device.split("/")[0]) if site else no_site)
    found = []
    for at in range(minutes):
        keys = np.array([key for key, name in enumerate(names) if reports(name, at)], dtype=np.int64)
        if len(keys):
            muted = lambda some: np.array([mutes(name, at) for name in some], dtype=np.bool_)  # noqa: B023, E731
            present = Present(keys, lambda keys: [names[key] for key in keys], muted)
            found += fold.step(NOON + at, window_rows([]), present)
    return found


def told(rows: list[Event]) -> list[tuple[int, str, str | None]]:
    return [(row["minute"] - NOON, row["event"], row["device_id"]) for row in rows if row["notify"]]


def test_beyond_ten_openings_in_ten_minutes_a_summary_takes_the_place_of_messages() -> None:
    rows = folded(spikes([8, 8, *[0] * 30, 1]), rules=RULES)
    opened = [row for row in rows if row["event"] == "opened"]
    assert [row["hidden"] is None for row in opened] == [True] * 10 + [False] * 6 + [True]
    (summary,) = [row for row in rows if row["event"] == "summary" and row["level"] == "low"]
    assert (summary["minute"] - NOON, summary["devices"]) == (1, 6)
    assert summary["why"].startswith("6 more incidents of level low or above opened: d00010 1, d00011 1")
    closed = {row["incident_id"]: row["hidden"] for row in rows if row["event"] == "closed"}
    assert all(closed.get(row["incident_id"], row["hidden"]) == row["hidden"] for row in opened)


def test_a_flood_is_one_of_the_levels_that_it_reaches() -> None:
    rows = folded(spikes([30], severity=0.5), rules=RULES)
    assert {row["hidden"] for row in rows if row["event"] == "opened"} == {None, "low,medium"}
    assert {row["level"] for row in rows if row["event"] == "summary"} == {"low", "medium"}


def test_a_flood_goes_on_until_fewer_than_five_opened_in_ten_minutes() -> None:
    rows = folded(spikes([20, *[1] * 25, *[0] * 12, 3]), rules=RULES)
    hidden = [row["hidden"] is not None for row in rows if row["event"] == "opened"]
    assert hidden == [False] * 10 + [True] * 35 + [False] * 3
    summaries = [row for row in rows if row["event"] == "summary" and row["level"] == "low"]
    assert [(row["minute"] - NOON, row["devices"]) for row in summaries] == [(0, 10), (10, 10), (20, 10), (30, 5)]


@pytest.mark.slow
def test_thirty_thousand_flags_in_a_minute_make_one_summary_a_level() -> None:
    rows = folded(spikes([30_000, 0], severity=0.5), rules=RULES)
    assert len([row for row in rows if row["event"] == "opened"]) == 30_000
    assert [row["devices"] for row in rows if row["event"] == "summary"] == [29_990, 29_990]


def test_an_incident_that_keeps_coming_back_chatters_and_is_told_less_and_less() -> None:
    flags, at = [0], 0
    for quiet in (10, 20, 40, 60):
        at += quiet + 5
        flags.append(at)
    windows = [(NOON + at, [OneRow(("d", "t"), 10.0 if at in flags else 0.0, at in flags, 0.5)]) for at in range(240)]
    rows = folded(windows, rules=RULES)
    assert [row["event"] for row in rows] == [
        "opened", "closed", "reopened", "closed", "reopened", "closed", "chattering", "closed", "reopened", "closed",
    ]  # fmt: skip
    assert rows[-1]["reopened"] == 4 and len({row["incident_id"] for row in rows}) == 1


def test_more_devices_at_once_than_chance_explains_are_a_surge_where_no_site_is_known() -> None:
    usual = [1 if at % 60 == 0 else 0 for at in range(600)]
    rows = folded(spikes([*usual, 3, 3, *[0] * 30]), rules=RULES, surges=True)
    surge = [row for row in rows if row["kind"] == "surge"]
    assert [(row["event"], row["minute"] - NOON) for row in surge] == [("opened", 601), ("closed", 611)]
    assert surge[0]["why"].startswith("6 devices within 3 windows, usually 0.0")
    assert not [row for row in folded(spikes(usual), rules=RULES, surges=True) if row["kind"] == "surge"]


def test_a_device_is_silent_after_twice_its_usual_gap() -> None:
    names = [("steady", "t"), ("slow", "t"), ("gone", "t")]

    def reports(name: tuple[str, str], at: int) -> bool:
        return {"steady": True, "slow": at % 15 == 0 and not 300 <= at < 400, "gone": at < 200}[name[0]]

    rows = heard_from(names, reports, 500)
    assert told(rows) == [(210, "opened", "gone"), (316, "opened", "slow"), (405, "closed", "slow")]
    assert {row["kind"] for row in rows} == {"silence"}


def test_what_was_not_seen_for_two_hours_is_not_missed() -> None:
    assert (
        heard_from([("steady", "t"), ("new", "t")], lambda name, at: name[0] == "steady" or 50 <= at < 100, 400) == []
    )


def test_a_signal_that_stops_while_its_device_talks_is_named() -> None:
    rows = heard_from([("d", "t"), ("d", "p"), ("e", "t")], lambda name, at: name != ("d", "p") or at < 200, 300)
    assert [(row["event"], row["device_id"], row["signal"], row["minute"] - NOON) for row in rows] == [
        ("opened", "d", "p", 210)
    ]


@pytest.mark.parametrize(
    ("muted", "last", "heard"),
    [
        (range(195, 300), 299, []),
        (range(250, 300), 299, [(210, "opened", "d"), (300, "closed", "d")]),
        (range(195, 250), 299, [(254, "opened", "d"), (300, "closed", "d")]),
        (range(205, 211), 212, []),
    ],
    ids=["as planned", "announced too late", "longer than planned", "short"],
)
def test_a_planned_silence_is_not_told_and_one_that_outlasts_its_mute_is(
    muted: range, last: int, heard: list[tuple[int, str, str]]
) -> None:
    names = [("steady", "t"), ("d", "t"), ("d", "p")]
    rows = heard_from(
        names, lambda name, at: name[0] == "steady" or not 200 <= at <= last, 400, mutes=lambda name, at: name[0] == "d" and at in muted
    )  # fmt: skip
    assert told(rows) == heard


def test_a_device_of_which_one_signal_is_muted_is_missed() -> None:
    names = [("steady", "t"), ("d", "t"), ("d", "p")]
    rows = heard_from(
        names, lambda name, at: name[0] == "steady" or at < 200, 300, mutes=lambda name, at: name == ("d", "t")
    )
    assert told(rows) == [(210, "opened", "d")]
    rows = heard_from(
        names, lambda name, at: name != ("d", "t") or at < 200, 300, mutes=lambda name, at: name == ("d", "t")
    )
    assert rows == []


def test_of_a_silent_site_one_incident_is_told() -> None:
    names = [(f"{site}/{number}", signal) for site in "ab" for number in range(5) for signal in "tp"]

    def reports(name: tuple[str, str], at: int) -> bool:
        usual = at % 3 == int(name[0][-1]) % 3  # each at its own time
        return usual and not (name[0][0] == "b" and 200 <= at < 300)

    rows = heard_from(names, reports, 400, site=True)
    assert next((row["event"], row["site"], row["devices"]) for row in rows if row["notify"]) == ("opened", "b", 1)
    assert [row["event"] for row in rows if row["notify"]] in (
        ["opened", "worsened", "closed"], ["opened", "closed"],
    )  # fmt: skip
    assert rows[-1]["devices"] == 5 and rows[-1]["close_reason"] == "reported"
    assert len({row["incident_id"] for row in rows}) == 1


@pytest.mark.slow
def test_what_is_silent_for_a_day_is_gone_and_new_when_it_comes_again() -> None:
    day = 1440
    rows = heard_from([("d", "t"), ("e", "t")], lambda name, at: name[0] == "d" or at < 200 or at > day + 400, 2 * day)
    assert [(row["event"], row["close_reason"]) for row in rows] == [("opened", None), ("closed", "gone")]


def test_where_the_whole_fleet_stops_no_device_is_silent() -> None:
    rows = heard_from(
        [("d", "t"), ("e", "t")], lambda name, at: not 200 <= at < 400 and (name[0] == "d" or at % 2 == 0), 600
    )
    assert rows == []


@pytest.mark.slow
@pytest.mark.parametrize("cut", [205, 230, 306])
def test_silences_go_on_after_a_restart(cut: int) -> None:
    names = [("steady", "t"), ("gone", "t")]
    fold, found, calm = (
        Fold(RULES, MINUTE),
        [],
        heard_from(names, lambda name, at: name[0] == "steady" or not 200 <= at < 300, 400),
    )
    for at in range(400):
        if at == cut:
            state, fold = fold.state(), Fold(RULES, MINUTE)
            fold.restore(state)
        keys = np.array([0, 1] if not 200 <= at < 300 else [0])
        found += fold.step(NOON + at, window_rows([]), Present(keys, lambda keys: [names[key] for key in keys]))
    assert found == calm and [row["event"] for row in found] == ["opened", "closed"]


def heard(rows: list[Event], level: str) -> list[Event]:
    """What a target from that level on is sent: `PushStore._wanted` for lists."""
    from ad_stream.incidents.rules import LEVELS

    above = LEVELS[LEVELS.index(level) :]
    return [
        row for row in rows
        if row["notify"] and row["told"] in above and level not in (row["hidden"] or "").split(",")
        and (row["kind"] != "flood" or row["level"] == level)
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("level", ["low", "medium"])
def test_of_thirty_thousand_flags_in_a_minute_a_target_hears_ten_and_one_flood(level: str) -> None:
    rows = folded(spikes([30_000, *[0] * 15]), rules=RULES)
    messages = Counter(row["event"] for row in heard(rows, level))
    assert messages == {"opened": 10, "summary": 1}  # nothing closes: the series have no later rows
    assert sum(row["event"] == "opened" for row in rows) == 30_000, "everything is stored"


@pytest.mark.slow
@pytest.mark.parametrize("sites", [100, 1])
def test_thirty_thousand_flags_of_few_sites_cost_no_more_however_large_the_sites_are(
    sites: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, count = Counter[str](), Ledger._count
    monkeypatch.setattr(Ledger, "_count", lambda self, member: looks.update(["member"]) or count(self, member))
    flags = [OneRow((f"s{number % sites}/{number}", "t"), 10.0, True, 0.5) for number in range(30_000)]
    calm = [OneRow(one.series, 0.0, False) for one in flags]
    windows = [(NOON, flags), *((NOON + at, calm) for at in range(1, 12))]
    rows = folded(windows, rules=RULES, site_of=lambda device: device.split("/")[0])
    assert looks["member"] <= 5 * 30_000, "a look at all members for each that joins would be millions"
    assert Counter(row["event"] for row in rows if row["event"] in ("opened", "closed")) == dict.fromkeys(
        ("opened", "closed"), sites
    )
    assert sum(row["event"] == "summary" for row in heard(rows, "medium")) == (sites > 10)
    assert {row["devices"] for row in rows if row["event"] == "closed"} == {30_000 // sites}
