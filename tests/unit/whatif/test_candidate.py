"""A candidate setting: what it holds back is what the detector itself would, and what it loses is known one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from ad_stream.detectors import by_name
from ad_stream.grid import MINUTE
from ad_stream.incidents.rules import FoldRules
from ad_stream.scoring.windows import judge
from ad_stream.whatif.bound import answers_needed, most_true
from ad_stream.whatif.candidate import Knob, MinDeviation, Sensitivity, SeriesVerdicts, candidate, folded, without
from ad_stream.whatif.propose import Answers, Proposal, proposal

RULES = FoldRules()


def judged(sensitivity: int, seed: int = 4) -> SeriesVerdicts:
    """A noisy series with spikes of many sizes, judged by `default`."""
    rng = np.random.default_rng(seed)
    values = 20 + rng.standard_normal(2_400)
    for place in range(400, 2_400, 50):
        values[place] += rng.uniform(3, 25) * rng.choice([-1, 1])
    matrix = values[None, :]
    detector = by_name("default", sensitivity=sensitivity, points=300)
    _, at, verdict = judge(matrix, np.ones_like(matrix, dtype=bool), detector, step=timedelta(minutes=1))
    return SeriesVerdicts(
        at, values[at], verdict.expected, verdict.lower_margin, verdict.upper_margin, np.nan_to_num(verdict.severity),
        verdict.is_anomaly, verdict.is_anomaly & (verdict.reason != "stuck"), verdict.reason,
    )  # fmt: skip


def spikes(sizes: dict[int, float], **more: Any) -> SeriesVerdicts:
    """Single flags of a series with the band 18 to 22; a deviation each, severity by it."""
    at = np.arange(2_000)
    value = np.full(len(at), 20.0)
    severity = np.zeros(len(at))
    for place, size in sizes.items():
        value[place], severity[place] = 20 + size, min(0.36 + size / 100, 0.64)
    flagged, margin = severity > 0, np.full(len(at), 2.0)
    return SeriesVerdicts(
        at + 29_000_000, value, np.full(len(at), 20.0), margin, margin, severity, flagged, more.get("held", flagged),
        np.full(len(at), "above", dtype=object),
    )  # fmt: skip


@pytest.mark.parametrize("lower", [90, 80, 50, 0])
def test_a_lower_sensitivity_holds_back_exactly_what_the_detector_would(lower: int) -> None:
    stored, anew = judged(95), judged(lower)
    under = Sensitivity(95).applied(stored, lower)
    assert np.array_equal(under.flagged, anew.flagged)
    assert 0 < anew.flagged.sum() < stored.flagged.sum()
    for name in ("lower_margin", "upper_margin", "severity"):
        ours, theirs = getattr(under, name)[300:], getattr(anew, name)[300:]
        assert np.allclose(ours[anew.flagged[300:]], theirs[anew.flagged[300:]], rtol=1e-9), name


def test_a_higher_sensitivity_in_force_changes_what_the_margins_are_measured_by() -> None:
    stored, anew = judged(98), judged(90)
    under = Sensitivity(98).applied(stored, 90)
    assert np.array_equal(under.flagged, anew.flagged)
    assert np.allclose(under.upper_margin[anew.flagged], anew.upper_margin[anew.flagged])


@pytest.mark.parametrize("knob", [Sensitivity(95), MinDeviation()])
@pytest.mark.parametrize("count", [1, 3, 7])
def test_the_lowest_ranked_go_and_the_others_stay(knob: Knob, count: int) -> None:
    verdicts = spikes({100 * number: 3.0 + 1.5 * number for number in range(1, 13)})
    before = folded(verdicts, RULES, MINUTE)
    found = candidate(verdicts, before, knob, count, RULES, MINUTE)
    assert found is not None
    assert list(found.lost) == sorted(before, key=lambda name: before[name])[:count]
    after = folded(knob.applied(verdicts, found.value), RULES, MINUTE)
    assert set(after.values()) == {before[name] for name in before if name not in found.lost}


def test_what_no_limit_holds_back_is_never_lost() -> None:
    verdicts = spikes({100 * number: 3.0 + number for number in range(1, 9)})
    held = verdicts.flagged.copy()
    held[[100, 300]] = False  # stuck, or found by the slow verdict
    verdicts = replace(verdicts, held=held)
    before = folded(verdicts, RULES, MINUTE)
    found = candidate(verdicts, before, MinDeviation(), 8, RULES, MINUTE)
    assert found is not None and len(before) == 8 and len(found.ranked) == len(found.lost) == 6


def test_a_true_one_cuts_the_candidate_below_it() -> None:
    verdicts = spikes({100 * number: 3.0 + number for number in range(1, 13)})
    before = folded(verdicts, RULES, MINUTE)
    whole = candidate(verdicts, before, MinDeviation(), 6, RULES, MINUTE)
    assert whole is not None
    shorter = without(whole, [whole.ranked[4], whole.ranked[3]], verdicts, MinDeviation(), RULES, MINUTE)
    assert shorter is not None and shorter.lost == whole.ranked[:3]
    assert without(whole, [whole.ranked[0]], verdicts, MinDeviation(), RULES, MINUTE) is None


def test_a_true_one_that_shares_a_whole_sensitivity_with_lower_ones_takes_them_along() -> None:
    """Severities so near to each other that no whole number lies between those of 300, 400 and 500."""
    near = {100 * number: 5.0 + (number if number < 3 or number > 5 else 3 + number / 1e4) for number in range(1, 13)}
    verdicts = spikes(near)
    before = folded(verdicts, RULES, MINUTE)
    whole = candidate(verdicts, before, Sensitivity(95), 6, RULES, MINUTE)
    assert whole is not None and len(whole.lost) == 6
    shorter = without(whole, [whole.ranked[4]], verdicts, Sensitivity(95), RULES, MINUTE)
    assert shorter is not None and shorter.lost == whole.ranked[:2]


def of(verdicts: SeriesVerdicts, labels: dict[str, str], **more: Any) -> Proposal | None:
    before = folded(verdicts, RULES, MINUTE)
    knobs = more.pop("knobs", [Sensitivity(95), MinDeviation()])
    known = Answers(labels, frozenset(labels), **more)
    return proposal(("d", "t"), verdicts, before, knobs, RULES, MINUTE, answers=6, known=known)


def test_after_a_cut_each_of_the_lost_has_to_be_labelled() -> None:
    verdicts = spikes({100 * number: 3.0 + number for number in range(1, 13)})
    first = of(verdicts, {})
    assert first is not None and (len(first.lost), first.cut, first.setting) == (6, False, "sensitivity")
    labels = {first.lost[4]: "true", first.lost[0]: "false"}
    second = of(verdicts, labels)
    assert second is not None and second.lost == first.lost[:4]
    assert (second.cut, second.bound, second.holds, second.blocked) == (True, 3, False, False)
    assert set(second.to_ask) == set(first.lost[1:4])
    third = of(verdicts, labels | dict.fromkeys(first.lost[1:4], "false"))
    assert third is not None and (third.holds, third.bound, third.to_ask) == (True, 0, ())
    last = of(verdicts, labels | {first.lost[0]: "true"})
    assert last is not None and last.blocked and not last.holds and last.lost == first.lost


def test_a_setting_under_which_all_tie_gives_way_to_the_next() -> None:
    verdicts = spikes({100 * number: 3.0 + number for number in range(1, 13)})
    tied = replace(verdicts, severity=np.where(verdicts.flagged, 0.5, 0.0))
    found = of(tied, {})
    assert found is not None and found.setting == "min_deviation"
    assert of(tied, {}, knobs=[Sensitivity(95)]) is None


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
