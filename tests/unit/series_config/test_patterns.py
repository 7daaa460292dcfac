"""Patterns over many names at once mean what the standard library's globs mean for one."""

from __future__ import annotations

import random
from fnmatch import fnmatchcase

import numpy as np
import pytest

from ad_stream.series_config.patterns import NameList, complaint, exactly, matches

SIGNS = "ab*?[]!x^\\.$é\n"


def drawn(seed: int, count: int, longest: int) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices(SIGNS, k=rng.randint(0, longest))) for _ in range(count)]


@pytest.mark.slow
def test_every_pattern_fits_exactly_the_names_that_fnmatch_lets_it_fit() -> None:
    names = drawn(1, 800, 5)
    many = NameList(np.array(names, dtype=object))
    hits = 0
    for pattern in drawn(2, 1500, 6):
        wanted = [fnmatchcase(name, pattern) for name in names]
        assert many.matching(pattern).tolist() == wanted, pattern
        hits += sum(wanted)
    assert hits > 10_000


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("pump-*", "pump-7", True),
        ("pump-*", "Pump-7", False),
        ("*-7", "pump-7", True),
        ("pump-?", "pump-17", False),
        ("pump-[0-4]*", "pump-31", True),
        ("pump-[!0-4]*", "pump-31", False),
        ("pump[*]", "pump*", True),
        ("pump[*]", "pump-7", False),
        ("pump-7", "pump-7", True),
        ("pump-7", "pump-77", False),
    ],
)
def test_signs_stand_for_what_the_page_says(pattern: str, name: str, fits: bool) -> None:
    assert matches(pattern, name) is fits


def test_brackets_that_hold_no_range_are_complained_about() -> None:
    assert complaint("[a-f]*") == complaint("[") == ""
    assert complaint("[f-a]") == "the pattern '[f-a]' has brackets that hold no range, write them like [a-f]"


def test_a_name_with_any_signs_is_fitted_by_its_own_pattern_alone() -> None:
    draws = random.Random(5)
    names = {"".join(draws.choice("ab*?[]!-.\\") for _ in range(draws.randint(1, 6))) for _ in range(120)}
    for name in sorted(names):
        assert [other for other in names if matches(exactly(name), other)] == [name]
