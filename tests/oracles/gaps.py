"""The rules of gaps on one row, value by value: restart behind a long gap, lines through short ones, the judged value's held."""

from __future__ import annotations

import math
from itertools import pairwise


def filled(row: list[float], max_gap: int) -> tuple[int, list[float], int]:
    """A row whose last value is there -> first usable place, the usable values without holes, how many were filled."""
    known = [place for place, value in enumerate(row) if math.isfinite(value)]
    start = known[0]
    for left, right in pairwise(known):
        if right - left - 1 > max_gap:
            start = right
    out = row[start:]
    count = 0
    for left, right in pairwise(known):
        for place in range(left + 1, right) if left >= start else ():
            share = 0.0 if right == len(row) - 1 else (place - left) / (right - left)
            out[place - start] = row[left] * (1 - share) + row[right] * share
            count += 1
    return start, out, count
