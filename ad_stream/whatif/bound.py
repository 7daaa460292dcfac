"""How many of a known, finite set can still be true, when some of them were drawn evenly and looked at.

The set of incidents that a setting would lose is known, so nothing is estimated: among N of them, n were drawn without
replacement and k of these were true. The upper bound is the largest number K of true ones in the set under which seeing
k or fewer has at least the chance that is left to error (the hypergeometric distribution, turned round; Clopper and
Pearson 1934 do the same for a set without end). Where all were asked it is k itself.

People err. What harms is a true one called false, so `wrong` is the share of true ones that are: what is seen of x drawn true
ones is binomial, and the bound is turned round from both together. A false one called true only makes it larger.
"""

from __future__ import annotations

from functools import cache
from math import comb


def most_true(lost: int, asked: int, true: int, *, confidence: float = 0.95, wrong: float = 0.0) -> int:
    """Upper bound of the true ones among `lost`, of which `asked` were drawn evenly and `true` were called true.

    wrong: share of the true ones that are taken to be called false, below a half. ValueError where the numbers do not go
    together.
    """
    if not 0 <= true <= asked <= lost or not 0 < confidence < 1 or not 0 <= wrong < 0.5:
        raise ValueError(f"{true} true of {asked} asked of {lost} lost at confidence {confidence} do not go together")
    if wrong:
        fits = (most for most in range(lost, -1, -1) if _called(true, lost, most, asked, wrong) >= 1 - confidence)
        return next(fits, true)
    most = true
    while most < lost - asked + true and _at_most(true, lost, most + 1, asked) >= 1 - confidence:
        most += 1
    return most


def answers_needed(lost: int, share: float, *, confidence: float = 0.95, wrong: float = 0.0) -> int:
    """How many have to be asked, all of them called not true, before at most that share of the lost can be true."""
    bound = (most_true(lost, asked, 0, confidence=confidence, wrong=wrong) for asked in range(lost + 1))
    return next((asked for asked, most in enumerate(bound) if most <= share * lost), lost)


def _at_most(seen: int, lost: int, true: int, asked: int) -> float:
    """The chance of `seen` or fewer true ones among `asked` drawn from `lost` that hold `true`."""
    return sum(_drawn(k, lost, true, asked) for k in range(min(seen, true) + 1))


def _drawn(k: int, lost: int, true: int, asked: int) -> float:
    """The chance of k true ones among `asked` drawn from `lost` that hold `true`."""
    if asked - k > lost - true or k > true:
        return 0.0
    return comb(true, k) * comb(lost - true, asked - k) / comb(lost, asked)


def _called(seen: int, lost: int, true: int, asked: int, wrong: float) -> float:
    """Likewise, of `seen` or fewer that are called true where that share of the true ones is not."""
    return sum(_drawn(k, lost, true, asked) * _hits(seen, k, 1 - wrong) for k in range(min(true, asked) + 1))


@cache
def _hits(most: int, n: int, p: float) -> float:
    """The chance of at most so many hits among n."""
    return sum(comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(min(most, n) + 1))
