"""The search for the events that make a batch fail, over batches of numbers."""

from __future__ import annotations

import random

import pytest

from ad_stream.pipeline.operation.blame import DEPTH, MOST_TRIALS, Blame
from ad_stream.pipeline.steps.left_out import EVERYBODY, NOBODY, PASSED_OVER, QUARANTINED, Leaf, LeftOut

TIME = 1_790_000_000_000


def holds(left_out: LeftOut | None, event: int) -> bool:
    """Whether an event, known by its hash, is left in the batch."""
    if left_out is None:
        return True

    def within(leaf: Leaf) -> bool:
        return event % 2**leaf.bits == leaf.value

    return within(left_out.only) and not any(map(within, left_out.leaves))


def search(events: list[int], bad: set[int], ways: set[str] | None = None) -> tuple[LeftOut | None, Blame]:
    """Blame over events of which the bad ones make a batch fail; ways: those in which leaving them out helps."""

    def passes(left_out: LeftOut | None) -> bool:
        helps = left_out is None or ways is None or left_out.how in ways
        return helps and not any(holds(left_out, event) for event in bad)

    blame = Blame(passes, TIME)
    return blame(), blame


def left_in(found: LeftOut | None, events: list[int]) -> list[int]:
    return [event for event in events if holds(found, event)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_bad_events_are_found_and_hardly_any_other(seed: int, count: int) -> None:
    chance = random.Random(seed)
    events = [chance.getrandbits(62) for _ in range(5_000)]
    bad = set(chance.sample(events, count))
    found, blame = search(events, bad)
    assert found is not None and found.how == QUARANTINED
    assert not bad & set(left_in(found, events))
    assert len(left_in(found, events)) >= len(events) - 8 * count
    assert blame.trials <= 2 + (DEPTH + 1) * count


def test_a_failure_that_does_not_come_again_blames_nobody() -> None:
    found, blame = search([1, 2, 3], set())
    assert (found, blame.trials) == (None, 1)


def test_what_can_only_be_passed_over_is_and_what_cannot_be_read_costs_its_batch() -> None:
    events = list(range(100))
    assert search(events, {77}, {PASSED_OVER})[0] == LeftOut(TIME, (Leaf(DEPTH, 77),), PASSED_OVER)

    def unreadable(left_out: LeftOut | None) -> bool:  # only a batch that is not read at all passes
        return left_out is not None and left_out.leaves == (Leaf(),) and left_out.only == EVERYBODY

    assert Blame(unreadable, TIME)() == LeftOut(TIME, (Leaf(),), PASSED_OVER)


def test_a_batch_that_fails_without_any_event_blames_nobody() -> None:
    blame = Blame(lambda _: False, TIME)
    assert blame() is None
    assert blame.trials == 4


def test_very_many_bad_events_cost_bounded_trials() -> None:
    chance = random.Random(1)
    events = [chance.getrandbits(62) for _ in range(1_000)]
    found, blame = search(events, set(events[::3]))
    assert found is not None and not set(events[::3]) & set(left_in(found, events))
    assert blame.trials <= MOST_TRIALS + DEPTH + 1


def test_what_was_left_out_is_read_again_as_it_was_written() -> None:
    one = LeftOut(TIME, (Leaf(3, 5), NOBODY), PASSED_OVER)
    assert LeftOut.of(one.text('{"0": 7}')) == one


def test_only_the_batch_of_its_time_is_touched() -> None:
    assert LeftOut(TIME, (Leaf(2, 3),)).sql() == (
        f"(current_timestamp() = timestamp_millis({TIME}) and ((xxhash64(partition, sequence) & 3) = 3))"
    )
