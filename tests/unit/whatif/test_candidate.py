"""A candidate limit: what it loses is known one by one, and what labels prove of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ad_stream.grid import MINUTE
from ad_stream.incidents.rules import FoldRules
from ad_stream.whatif.bound import answers_needed, most_true
from ad_stream.whatif.candidate import SeriesVerdicts, candidate, folded, under, without
from ad_stream.whatif.propose import Answers, Proposal, proposal

pytestmark = pytest.mark.slow

RULES = FoldRules()


def spikes(sizes: dict[int, float], **more: Any) -> SeriesVerdicts:
    """Single flags of a series with the band 18 to 22; a deviation each, severity by it."""
    at = np.arange(4_000)
    value = np.full(len(at), 20.0)
    severity = np.zeros(len(at))
    for place, size in sizes.items():
        value[place], severity[place] = 20 + size, min(0.36 + size / 100, 0.64)
    flagged, margin = severity > 0, np.full(len(at), 2.0)
    return SeriesVerdicts(
        at + 29_000_000, value, np.full(len(at), 20.0), margin, margin, severity, flagged, more.get("held", flagged),
        np.full(len(at), "above", dtype=object),
    )  # fmt: skip


@pytest.mark.parametrize("count", [1, 3, 7])
def test_the_lowest_ranked_go_and_the_others_stay(count: int) -> None:
    verdicts = spikes({100 * number: 3.0 + 1.5 * number for number in range(1, 13)})
    before = folded(verdicts, RULES, MINUTE)
    found = candidate(verdicts, before, count, RULES, MINUTE)
    assert found is not None
    assert list(found.lost) == sorted(before, key=lambda name: before[name])[:count]
    after = folded(under(verdicts, found.min_deviation), RULES, MINUTE)
    assert set(after.values()) == {before[name] for name in before if name not in found.lost}


def test_what_no_limit_holds_back_is_never_lost() -> None:
    verdicts = spikes({100 * number: 3.0 + number for number in range(1, 9)})
    held = verdicts.flagged.copy()
    held[[100, 300]] = False  # stuck, or found by the slow verdict
    verdicts = replace(verdicts, held=held)
    before = folded(verdicts, RULES, MINUTE)
    found = candidate(verdicts, before, 8, RULES, MINUTE)
    assert found is not None and len(before) == 8 and len(found.ranked) == len(found.lost) == 6


def test_a_true_one_cuts_the_candidate_below_it() -> None:
    verdicts = spikes({100 * number: 3.0 + number for number in range(1, 13)})
    before = folded(verdicts, RULES, MINUTE)
    whole = candidate(verdicts, before, 6, RULES, MINUTE)
    assert whole is not None
    shorter = without(whole, [whole.ranked[4], whole.ranked[3]], verdicts, RULES, MINUTE)
    assert shorter is not None and shorter.lost == whole.ranked[:3]
    assert without(whole, [whole.ranked[0]], verdicts, RULES, MINUTE) is None


def test_a_true_one_of_nearly_the_deviation_of_lower_ones_takes_them_along() -> None:
    """Deviations so near to each other that no limit of three digits lies between those of 300, 400 and 500."""
    near = {100 * number: 5.0 + (number if number < 3 or number > 5 else 3 + number / 1e4) for number in range(1, 13)}
    verdicts = spikes(near)
    before = folded(verdicts, RULES, MINUTE)
    whole = candidate(verdicts, before, 6, RULES, MINUTE)
    assert whole is not None and len(whole.lost) == 6
    shorter = without(whole, [whole.ranked[4]], verdicts, RULES, MINUTE)
    assert shorter is not None and shorter.lost == whole.ranked[:2]


def of(verdicts: SeriesVerdicts, labels: dict[str, str], **more: Any) -> Proposal | None:
    before = folded(verdicts, RULES, MINUTE)
    known = Answers(labels, frozenset(more.get("drawn", labels)))
    return proposal(("d", "t"), verdicts, before, RULES, MINUTE, answers=more.get("answers", 6), known=known)


def test_after_a_cut_each_of_the_lost_has_to_be_labelled() -> None:
    verdicts = spikes({100 * number: 3.0 + number for number in range(1, 13)})
    first = of(verdicts, {})
    assert first is not None and (len(first.lost), first.cut) == (6, False)
    labels = {first.lost[4]: "true", first.lost[0]: "false"}
    second = of(verdicts, labels)
    assert second is not None and second.lost == first.lost[:4]
    assert (second.cut, second.bound, second.holds, second.blocked) == (True, 3, False, False)
    assert set(second.to_ask) == set(first.lost[1:4])
    third = of(verdicts, labels | dict.fromkeys(first.lost[1:4], "false"))
    assert third is not None and (third.holds, third.bound, third.to_ask) == (True, 0, ())
    last = of(verdicts, labels | {first.lost[0]: "true"})
    assert last is not None and last.blocked and not last.holds and last.lost == first.lost


def asked(verdicts: SeriesVerdicts, answers: int, labels: dict[str, str]) -> list[Proposal]:
    """Everything that is asked is answered with false, round after round."""
    before, rounds = folded(verdicts, RULES, MINUTE), list[Proposal]()
    while not rounds or rounds[-1].to_ask:
        known = Answers(labels, frozenset(labels))
        one = proposal(("d", "t"), verdicts, before, RULES, MINUTE, answers=answers, known=known)
        assert one is not None
        rounds.append(one)
        labels |= dict.fromkeys(one.to_ask, "false")
    return rounds


def test_one_that_holds_is_followed_by_one_of_twice_the_size_up_to_half_of_all() -> None:
    verdicts = spikes({80 * number: 3.0 + number for number in range(1, 49)})
    rounds = asked(verdicts, 6, {})
    assert [(len(one.lost), one.holds) for one in rounds if not one.cut] == [
        (6, False),
        (6, True),
        (12, True),
        (24, True),
    ]
    assert rounds[-1].before - rounds[-1].after == 24 and not rounds[-1].to_ask


def test_answers_about_a_smaller_candidate_are_no_fair_draw_of_a_larger_one() -> None:
    verdicts = spikes({80 * number: 3.0 + number for number in range(1, 49)})
    small = asked(verdicts, 6, {})[0]
    known = Answers(dict.fromkeys(small.lost, "false"), frozenset(small.lost))
    before = folded(verdicts, RULES, MINUTE)
    larger = proposal(("d", "t"), verdicts, before, RULES, MINUTE, answers=24, known=known)
    assert larger is not None and len(larger.lost) == 24 and not larger.holds
    assert larger.asked < 6, "only those that the draw of the larger one begins with"


def test_what_somebody_labelled_unasked_is_asked_all_the_same() -> None:
    verdicts = spikes({80 * number: 3.0 + number for number in range(1, 49)})
    first = of(verdicts, {}, answers=12)
    assert first is not None and not first.holds
    again = of(verdicts, dict.fromkeys(first.lost, "false"), answers=12, drawn=[])
    assert again is not None and (again.asked, again.to_ask) == (0, first.to_ask)


def test_answers_that_may_be_wrong_ask_for_more() -> None:
    needed = [answers_needed(40, 0.1, wrong=wrong) for wrong in (0.0, 0.05, 0.2)]
    assert needed == sorted(set(needed))
    assert (most_true(20, 20, 0), most_true(20, 20, 0, wrong=0.05)) == (0, 1), (
        "all asked, one may have been called false"
    )


@pytest.mark.parametrize("calls_false_ones_true", [0.0, 0.1])
def test_the_bound_holds_in_95_of_100_labelings_with_errors_where_they_are_assumed(
    calls_false_ones_true: float,
) -> None:
    rng = np.random.default_rng(6)
    held: dict[float, list[bool]] = {0.0: [], 0.1: []}
    for _ in range(2000):
        lost = int(rng.integers(10, 40))
        asked, true = int(rng.integers(lost // 2, lost + 1)), int(rng.integers(1, lost // 2))
        drawn = int(rng.hypergeometric(true, lost - true, asked))
        called = int(rng.binomial(drawn, 0.9) + rng.binomial(asked - drawn, calls_false_ones_true))
        for wrong, found in held.items():
            found.append(true <= most_true(lost, asked, called, wrong=wrong))
    assert np.mean(held[0.1]) >= 0.95
    assert np.mean(held[0.0]) < (0.95 if not calls_false_ones_true else 1)
