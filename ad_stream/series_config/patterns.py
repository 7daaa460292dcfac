"""Glob patterns over many names at once: `*` any characters, `?` one, `[ab]` `[!ab]` one of them or none of them.

Case counts. To name a device whose own name holds such a sign, put the sign in brackets: `pump[*]`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools

WILD = re.compile(r"[*?\[]")
ANY = "*"
LAST = chr(0x10FFFF)
"""Sorts behind whatever a name holds."""


def regular(pattern: str) -> str:
    """The pattern as a regular expression over a whole name, in the syntax that re and RE2 share."""
    out, at = [], 0
    while at < len(pattern):
        sign, at = pattern[at], at + 1
        end = pattern.find("]", at + 1 + pattern.startswith("!", at)) if sign == "[" else -1
        if sign == "*":
            out.append(".*")
        elif sign == "?":
            out.append(".")
        elif end > 0:
            no, listed = pattern.startswith("!", at), pattern[at:end].removeprefix("!")
            inner = re.sub(r"([\\\]\[^])", r"\\\1", listed)
            out.append(f"[{'^' if no else ''}{inner}]")
            at = end + 1
        else:
            out.append(re.escape(sign))
    return f"(?s)^{''.join(out)}$"


def exactly(name: str) -> str:
    """The pattern that this one name alone fits."""
    return re.sub(r"[*?\[]", r"[\g<0>]", name)


def complaint(pattern: str) -> str:
    """Why the pattern is none, '' if it is one."""
    try:
        pc.match_substring_regex(pa.array([""]), regular(pattern))
    except pa.ArrowInvalid:
        return f"the pattern {pattern!r} has brackets that hold no range, write them like [a-f]"
    return ""


def matches(pattern: str, name: str) -> bool:
    """Whether one name fits."""
    return bool(NameList(np.array([name], dtype=object)).matching(pattern)[0])


class NameList:
    """names (n,) of str; sorted once, so that what a pattern begins with narrows it to a stretch of them."""

    def __init__(self, names: NDArray[np.object_]) -> None:
        self.ordered, self.codes = np.unique(names, return_inverse=True)
        self.arrow = pa.array(self.ordered, type=pa.string())

    def matching(self, pattern: str) -> Bools:
        """(n,): the names that fit."""
        wild = WILD.search(pattern)
        fits = np.zeros(len(self.ordered), dtype=np.bool_)
        stem = pattern if wild is None else pattern[: wild.start()]
        low = np.searchsorted(self.ordered, stem)
        high = np.searchsorted(self.ordered, stem + LAST) if wild else np.searchsorted(self.ordered, stem, side="right")
        if wild is None or pattern[wild.start() :] == ANY:
            fits[low:high] = True
        elif low < high:
            fits[low:high] = _fits(self.arrow.slice(low, high - low), pattern)
        found: Bools = fits[self.codes]
        return found


def _fits(names: pa.Array, pattern: str) -> Bools:
    """The slow way, taken by those names alone that end as the pattern does."""
    tail = "" if "[" in pattern else re.split(r"[*?]", pattern)[-1]
    fits = np.array(pc.ends_with(names, tail))
    rest = np.flatnonzero(fits)
    fits[rest] = pc.match_substring_regex(names.take(pa.array(rest)), regular(pattern))
    return fits
