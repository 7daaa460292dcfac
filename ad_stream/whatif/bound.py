"""How many of a known, finite set can still be true, when some of them were drawn evenly and looked at.

The set of incidents that a setting would lose is known, so nothing is estimated: among N of them, n were drawn without
replacement and k of these were true. The upper bound is the largest number K of true ones in the set under which seeing
k or fewer has at least the chance that is left to error (the hypergeometric distribution, turned round; Clopper and
Pearson 1934 do the same for a set without end). Where all were asked it is k itself.
"""

from __future__ import annotations

from math import comb


def most_true(lost: int, asked: int, true: int, *, confidence: float = 0.95) -> int:
    """Upper bound of the true ones among `lost`, of which `asked` were drawn evenly and `true` were true.

    ValueError where the numbers do not go together.
    """
    if not 0 <= true <= asked <= lost or not 0 < confidence < 1:
        raise ValueError(f"{true} true of {asked} asked of {lost} lost at confidence {confidence} do not go together")
    most = true
    while most < lost - asked + true and _at_most(true, lost, most + 1, asked) >= 1 - confidence:
        most += 1
    return most


def answers_needed(lost: int, share: float, *, confidence: float = 0.95) -> int:
    """How many have to be asked, all of them not true, before at most that share of the lost can be true."""
    return next(asked for asked in range(lost + 1) if most_true(lost, asked, 0, confidence=confidence) <= share * lost)


def _at_most(seen: int, lost: int, true: int, asked: int) -> float:
    """The chance of `seen` or fewer true ones among `asked` drawn from `lost` that hold `true`."""
    ways = sum(
        comb(true, k) * comb(lost - true, asked - k) for k in range(min(seen, true) + 1) if asked - k <= lost - true
    )
    return ways / comb(lost, asked)
