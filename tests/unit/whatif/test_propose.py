"""Proposals: what a limit would lose is known one by one, and labels bound it exactly."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from ad_stream.cli.output.incidents import proposals
from ad_stream.monitoring.incidents import incidents
from ad_stream.tables import people
from ad_stream.tables.incidents import FEEDBACK
from ad_stream.whatif.ask import ask
from ad_stream.whatif.bound import answers_needed, most_true
from ad_stream.whatif.propose import Proposal, propose
from tests.support.incident_tables import START, run_of, spikes, write_tables

DAY: dict[str, Any] = {"start": START, "end": START + timedelta(days=1)}
MINUTES = 1440


@pytest.mark.parametrize(("lost", "asked", "most"), [(20, 10, 3), (30, 15, 3), (40, 20, 4), (20, 20, 0), (20, 0, 20)])
def test_the_bound_is_that_of_the_finite_set(lost: int, asked: int, most: int) -> None:
    assert most_true(lost, asked, 0) == most


def test_the_bound_is_what_enumeration_says() -> None:
    for lost, asked, true in ((12, 5, 1), (15, 9, 2), (9, 3, 3)):
        fits = [
            k for k in range(true, lost - asked + true + 1)
            if sum(comb(k, x) * comb(lost - k, asked - x) for x in range(true + 1)) / comb(lost, asked) >= 0.05
        ]  # fmt: skip
        assert most_true(lost, asked, true) == max(fits)
    with pytest.raises(ValueError, match="do not go together"):
        most_true(5, 6, 0)


def test_the_bound_holds_in_95_of_100_draws() -> None:
    rng, held = np.random.default_rng(5), []
    for _ in range(4000):
        lost, asked = int(rng.integers(5, 40)), 0
        asked, true = int(rng.integers(1, lost + 1)), int(rng.integers(0, lost + 1))
        seen = int(rng.hypergeometric(true, lost - true, asked)) if true else 0
        held.append(true <= most_true(lost, asked, seen))
    assert np.mean(held) >= 0.95


def test_so_many_answers_are_asked_for_as_the_bound_needs() -> None:
    assert [answers_needed(lost, 0.1) for lost in (10, 20, 40)] == [
        next(n for n in range(lost + 1) if most_true(lost, n, 0) <= lost / 10) for lost in (10, 20, 40)
    ]  # fmt: skip


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """One noisy device with 16 incidents, whose deviations are 3.0, 3.1, ..., and one with two."""
    noisy = {40 + 80 * n: 23.0 + 0.1 * n for n in range(16)}
    write_tables(
        tmp_path, [*spikes("noisy", noisy, MINUTES), *spikes("calm", {100: 40.0, 900: 41.0}, MINUTES)], run_of(tmp_path)
    )
    return tmp_path


def of_noisy(tables: Path) -> Proposal:
    return next(one for one in propose(tables, run_of(tables), answers=6, **DAY) if one.device_id == "noisy")


@pytest.mark.slow
def test_a_proposal_names_what_it_would_lose_and_does_not_hold_without_answers(tables: Path) -> None:
    found = of_noisy(tables)
    assert (found.before, found.after, len(found.lost), found.min_deviation) == (16, 10, 6, 3.51)
    assert (found.asked, found.bound, found.holds) == (0, 6, False)
    weakest = sorted(
        (one for one in incidents(tables) if one["device_id"] == "noisy"), key=lambda one: one["peak_value"]
    )
    assert list(found.lost) == [one["incident_id"] for one in weakest[:6]]


@pytest.mark.slow
def test_answers_of_the_draw_make_it_hold_and_a_true_one_blocks_it(tables: Path) -> None:
    questions = [one for one in ask(tables, run_of(tables), most=20, device="noisy", **DAY) if one.asked == "proposal"]
    while questions:
        for one in questions:
            people.append(
                FEEDBACK,
                tables,
                {"action": "label", "incident_id": one.incident_id, "label": "false", "asked": "proposal"},
                now=START,
            )
        questions = [
            one for one in ask(tables, run_of(tables), most=20, device="noisy", **DAY) if one.asked == "proposal"
        ]
    found = propose(tables, run_of(tables), **DAY)[0]
    assert found.holds and found.bound == 0 and found.asked == len(found.lost)
    people.append(FEEDBACK, tables, {"action": "label", "incident_id": found.lost[0], "label": "true"}, now=START)
    blocked = propose(tables, run_of(tables), **DAY)[0]
    assert not blocked.holds and blocked.true == (found.lost[0],)


@pytest.mark.slow
def test_what_is_printed_names_the_change_the_proof_and_the_next_step(tables: Path) -> None:
    found = of_noisy(tables)

    def printed(one: Proposal) -> str:
        with (console := Console(width=300)).capture() as caught:
            console.print(proposals([one], START, START + timedelta(days=1)))
        return caught.get()

    assert "noisy  t   min_deviation=3.51\n   incidents 16 -> 10: 6 would go\n" in printed(found)
    assert "0 of these 6 were asked, 0 true: at most 6 true (95 %)" in printed(found)
    assert "answer 6 more: ad-stream ask --scope 'noisy'" in printed(found)
    cut = replace(found, lost=found.lost[:3], true=(found.lost[4],), cut=True, bound=3)
    assert f"cut below {found.lost[4]}, labelled true; of the 3 left 3 are not labelled yet" in printed(cut)
    assert f"blocked: it would lose {found.lost[0]}, labelled true" in printed(replace(found, true=found.lost[:1]))
    holds = replace(found, bound=0, asked=6)
    assert "ad-stream config set --device 'noisy' --signal 't' min_deviation=3.51 --note" in printed(holds)
    assert "; 2 are stuck values or drifts, which it leaves" in printed(replace(found, unjudged=2))


@pytest.mark.slow
def test_a_drift_is_no_incident_that_a_setting_would_save(tmp_path: Path) -> None:
    rows = spikes("noisy", {40 + 80 * n: 23.0 + 0.1 * n for n in range(16)}, MINUTES)
    for row in rows[120:126]:  # the slow verdict flags where the second spike is
        row |= {"slow_is_anomaly": True, "slow_reason": "drift"}
    write_tables(tmp_path, rows, run_of(tmp_path))
    found = propose(tmp_path, run_of(tmp_path), answers=6, **DAY)[0]
    second = next(one["incident_id"] for one in incidents(tmp_path) if one["started"] == START + timedelta(minutes=120))
    assert second not in found.lost and found.unjudged >= 1 and len(found.lost) == 6


@pytest.mark.slow
def test_labels_that_nobody_drew_prove_nothing(tables: Path) -> None:
    for name in of_noisy(tables).lost:
        people.append(FEEDBACK, tables, {"action": "label", "incident_id": name, "label": "false"}, now=START)
    found = of_noisy(tables)
    assert (found.asked, found.bound, found.holds) == (0, 6, False)


@pytest.mark.slow
def test_some_questions_are_drawn_from_all_with_their_weight(tables: Path) -> None:
    found = ask(tables, run_of(tables), most=10, **DAY)
    random = [one for one in found if one.asked == "random"]
    assert random and all(one.weight == pytest.approx(18 / (10 - len(found) + len(random))) for one in random)
    assert found == ask(tables, run_of(tables), most=10, **DAY)
