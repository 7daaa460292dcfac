"""Which incident an episode of a site belongs to, and the end of one whose level a daily cycle moved meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from ad_stream.grid import MINUTE
from ad_stream.incidents.acts import Act
from ad_stream.incidents.fold import Fold
from ad_stream.incidents.ledger import Event
from ad_stream.incidents.rules import FoldRules
from tests.oracles.incidents import OneRow
from tests.support.incident_windows import NOON, window_rows

RULES = FoldRules()


def of_site(rows: Iterable[OneRow], at: int, fold: Fold) -> list[Event]:
    return fold.step(NOON + at, window_rows(list(rows)))


def site(device: str) -> str:
    return device.partition("-")[0]


def whole(rows: Sequence[Event]) -> list[tuple[int, str]]:
    """(minute, event) of what is said of incidents, not of members."""
    return [(row["minute"] - NOON, row["event"]) for row in rows if row["event"] not in ("joined", "left")]


def cyclic(at: int, *, step: range, drift: float) -> OneRow:
    """A value on a slow slope that steps up by 20 for a while; the detector's band of 4 follows within a minute."""
    base = drift * at
    up = 20.0 if at in step else 0.0
    jump = at in (step.start, step.stop)
    expected = base + (20.0 if at - 1 in step else 0.0) if jump else base + up
    return OneRow(("a-1", "t"), base + up, jump, 0.5 if jump else 0.0, expected=expected)


@pytest.mark.parametrize(("drift", "sign"), [(0.1, 1), (0.0, 1), (0.1, -1)])
def test_a_step_ends_where_it_jumps_back_wherever_the_daily_cycle_has_moved_it(drift: float, sign: int) -> None:
    """After 90 minutes the slope has moved the level by 9, more than twice the band, to the side of the step."""
    fold, found = Fold(RULES, MINUTE), []
    for at in range(300):
        row = cyclic(at, step=range(20, 110), drift=drift)
        mirrored = OneRow(row.series, sign * row.value, row.flagged, row.severity, expected=sign * row.expected)
        found += of_site([mirrored], at, fold)
    assert whole(found) == [(20, "opened"), (120, "closed")]
    assert (found[-1]["close_reason"], found[-1]["last"] - NOON) == ("returned", 110)


def test_a_fall_that_comes_back_at_once_does_not_end_it_for_good() -> None:
    """The band moves to where the value fell, ten quiet minutes do not pass there, and the next flag is out again."""
    fold, found = Fold(RULES, MINUTE), []
    fallen, back = 12.0, 30.0
    for at in range(120):
        value = {10: back, 40: fallen, 44: back}.get(at, 0.0 if at < 10 or at >= 80 else back)
        value = fallen if 40 <= at < 44 else value
        expected = 30.0 if at == 40 else 12.0 if at == 44 else 0.0 if at == 10 else 30.0 if at == 80 else value
        flagged = at in (10, 40, 44, 80)
        found += of_site([OneRow(("a-1", "t"), value, flagged, 0.5 * flagged, expected=expected)], at, fold)
    assert [event for _, event in whole(found)] == ["opened", "closed"]
    assert found[-1]["last"] - NOON == 80


def test_what_begins_on_a_device_hours_later_is_no_part_of_what_still_lasts_there() -> None:
    fold, found = Fold(RULES, MINUTE, site), []
    for at in range(200):
        flags = {("a-1", "t"): at == 0, ("a-1", "p"): at in (20, 150)}
        rows = [OneRow(("a-1", "t"), 10.0, flags["a-1", "t"], 0.5)]
        rows.append(OneRow(("a-1", "p"), 10.0 if flags["a-1", "p"] else 0.0, flags["a-1", "p"], 0.5))
        found += of_site(rows, at, fold)
    opened = [(row["minute"] - NOON, row["signal"]) for row in found if row["event"] == "opened"]
    joined = [(row["minute"] - NOON, row["signal"]) for row in found if row["event"] == "joined"]
    assert (opened, joined) == ([(0, "t"), (150, "p")], [(20, "p")])


def test_a_device_with_an_incident_of_its_own_belongs_to_its_site_s_where_both_begin_together() -> None:
    fold, found = Fold(RULES, MINUTE, site), []
    for at in range(60):
        rows = [OneRow(("a-1", "p"), 10.0 if at >= 2 else 0.0, at == 2, 0.5)]
        rows += [OneRow((f"a-{number}", "t"), 10.0 if at >= 35 else 0.0, at == 35, 0.5) for number in range(1, 6)]
        found += of_site(rows, at, fold)
    opened = [row for row in found if row["event"] == "opened"]
    assert [(row["minute"] - NOON, row["device_id"]) for row in opened] == [(2, "a-1"), (35, "a-1")]
    of_step = {row["incident_id"] for row in found if row["signal"] == "t"}
    assert len(of_step) == 1 and opened[0]["incident_id"] not in of_step


def test_who_began_with_the_others_and_opens_later_is_one_of_them() -> None:
    fold, found = Fold(RULES, MINUTE, site), []
    for at in range(60):
        weak = OneRow(("a-9", "t"), 10.0 if at in (11, 17, 18, 19) else 0.0, at == 11, 0.1)
        rows = [OneRow((f"a-{number}", "t"), 10.0 if at >= 10 else 0.0, at == 10, 0.5) for number in (1, 2)]
        found += of_site([*rows, weak], at, fold)
    late = [row for row in found if row["device_id"] == "a-9"]
    assert [(row["event"], row["minute"] - NOON, row["started"] - NOON) for row in late][:1] == [("joined", 19, 11)]
    assert sum(row["event"] == "opened" for row in found) == 1


def test_who_is_flagged_only_when_the_others_jump_back_is_one_of_them() -> None:
    fold, found = Fold(RULES, MINUTE, site), []
    for at in range(200):
        rows = [cyclic(at, step=range(20, 110), drift=0.1)]
        missed = at == 111  # its onset was not flagged, its way back is, a minute after the others
        rows.append(OneRow(("a-2", "t"), 0.0, missed, 0.5 * missed, expected=20.0 if missed else 0.0))
        found += of_site(rows, at, fold)
    assert sum(row["event"] == "opened" for row in found) == 1
    assert [(row["device_id"], row["minute"] - NOON) for row in found if row["event"] == "joined"] == [("a-2", 111)]


def stepped(device: str, signal: str, at: int, *, since: int, until: int) -> OneRow:
    """20 higher for a while, flagged where that begins and ends; the detector's band follows at once."""
    jump, up = at in (since, until), since <= at < until
    expected = {since: 0.0, until: 20.0}.get(at, 20.0 if up else 0.0)
    return OneRow((device, signal), 20.0 if up else 0.0, jump, 0.5 * jump, expected=expected)


def test_who_began_when_the_others_jumped_back_and_opens_later_is_one_of_them() -> None:
    fold, found = Fold(RULES, MINUTE, site), []
    for at in range(150):
        weak = OneRow(("a-2", "t"), 0.0 if at not in (112, 113, 114) else 20.0, at == 111, 0.1, expected=20.0)
        found += of_site([stepped("a-1", "t", at, since=20, until=110), weak], at, fold)
    assert next((row["event"], row["minute"] - NOON) for row in found if row["device_id"] == "a-2") == ("joined", 117)


def test_of_two_faults_of_a_site_at_once_a_member_belongs_to_that_of_its_signal() -> None:
    fold, found = Fold(RULES, MINUTE, site), []
    for at in range(150):
        rows = [stepped("a-1", "t", at, since=20, until=110), stepped("a-3", "p", at, since=60, until=110)]
        late = [OneRow(("a-5", signal), 0.0, at == 111, 0.5, expected=20.0) for signal in "tp" if at >= 111]
        found += of_site([*rows, *late], at, fold)
    of = {row["signal"]: row["incident_id"] for row in found if row["event"] == "opened"}
    assert len(of) == 2
    assert {(row["signal"], row["incident_id"]) for row in found if row["event"] == "joined"} == set(of.items())


def new_level_then(others: bool) -> list[Event]:
    """a-1 finds a new level of 20 at 10, jumps back to 0 at 310, with others of its site (which rise) or alone, to 350."""
    fold, found = Fold(RULES, MINUTE, site), []
    for at in range(420):
        back = 310 <= at < 350
        jumps = {10: 0.0, 310: 20.0, 350: 0.0}
        value = 0.0 if at < 10 or back else 20.0
        rows = [OneRow(("a-1", "t"), value, at in jumps, 0.5 * (at in jumps), expected=jumps.get(at, value))]
        rows += [stepped(f"a-{number}", "t", at, since=309, until=350) for number in (2, 3) if others]
        found += of_site(rows, at, fold)
    return found


def test_who_is_moved_with_its_site_to_where_it_stood_a_while_ago_is_one_of_them_and_not_back() -> None:
    found = new_level_then(others=True)
    assert whole(found) == [(10, "opened"), (251, "closed"), (309, "opened"), (360, "closed")]
    assert [(row["minute"] - NOON, row["device_id"]) for row in found if row["event"] == "joined"][-1] == (310, "a-1")
    assert [event for _, event in whole(new_level_then(others=False))] == ["opened", "closed", "returned", "reopened"]


def test_that_a_site_is_back_on_its_level_of_before_is_told_once() -> None:
    fold, found = Fold(RULES, MINUTE, site), []
    for at in range(400):
        rows = [stepped(f"a-{number}", "t", at, since=10, until=310 + number) for number in range(4)]
        found += of_site(rows, at, fold)
    assert [row["event"] for row in found if row["notify"]] == ["opened", "closed", "returned"]
    assert [event for _, event in whole(found)].count("returned") == 4


@pytest.mark.parametrize(
    ("flags", "heard"),
    [
        ({30: 0.2}, [(10, "opened"), (20, "closed")]),
        ({30: 0.5}, [(10, "opened"), (20, "closed"), (30, "reopened"), (50, "closed")]),
        ({30: 0.2, 33: 0.5}, [(10, "opened"), (20, "closed"), (33, "worsened"), (53, "closed")]),
        ({30: 0.2, 31: 0.2, 32: 0.2}, [(10, "opened"), (20, "closed"), (32, "worsened"), (52, "closed")]),
    ],
)
def test_a_return_is_told_when_there_is_as_much_of_it_as_opens_an_incident(
    flags: dict[int, float], heard: list[tuple[int, str]]
) -> None:
    fold, found = Fold(RULES, MINUTE), []
    for at in range(100):
        severity = {10: 0.5, **flags}.get(at, 0.0)
        found += of_site([OneRow(("a-1", "t"), 10.0 if severity else 0.0, severity > 0, severity)], at, fold)
    assert whole([row for row in found if row["notify"]]) == heard
    assert [event for _, event in whole(found)].count("reopened") == 1, "that it came back is stored in any case"
    assert len({row["incident_id"] for row in found}) == 1


def test_of_an_acknowledged_incident_a_weak_return_is_not_told_later_either() -> None:
    fold = Fold(RULES, MINUTE)
    found: list[Event] = []
    for at in range(100):
        severity = {10: 0.5, 30: 0.2, 33: 0.5}.get(at, 0.0)
        acts = [Act("ack", found[0]["incident_id"], "ana")] if at == 31 else []
        rows = window_rows([OneRow(("a-1", "t"), 10.0 if severity else 0.0, severity > 0, severity)])
        found += fold.step(NOON + at, rows, acts=acts)
    assert whole([row for row in found if row["notify"]]) == [(10, "opened"), (20, "closed")]


def test_incidents_of_a_state_that_knew_fewer_fields_are_restored() -> None:
    import json
    import zlib

    fold = Fold(RULES, MINUTE, site)
    of_site([OneRow(("a-1", "t"), 10.0, True, 0.5)], 0, fold)
    old = json.loads(zlib.decompress(fold.state()))
    for incident in old["groups"]["incidents"]:
        del incident["turned"], incident["untold"]
    again = Fold(RULES, MINUTE, site)
    assert again.restore(zlib.compress(json.dumps(old).encode(), 1))
    assert again.state() == fold.state()
