"""Slow and obvious: the generalised ESD test step by step, the medians of every tail, Theil-Sen by all pairs."""

from __future__ import annotations

import math
from statistics import fmean, median, pstdev

from scipy import stats

MAD_TO_SIGMA = stats.norm.ppf(0.75)


def tail_medians(ascending: list[float], limit: int) -> list[tuple[float, float]]:
    answer = []
    for k in range(limit):
        tail = ascending[k:]
        middle = median(tail)
        answer.append((middle, median(abs(v - middle) for v in tail) / MAD_TO_SIGMA))
    return answer


def tail_means(ascending: list[float], limit: int) -> list[tuple[float, float]]:
    return [(fmean(ascending[k:]), pstdev(ascending[k:])) for k in range(limit)]


def critical_value(n: int, i: int, alpha: float) -> float:
    t = stats.t.ppf(1 - alpha / (n - i + 1), n - i - 1)
    return t * (n - i) / math.sqrt((n - i - 1 + t * t) * (n - i + 1))


def rejected_low(values: list[float], limit: int, alpha: float) -> list[int]:
    """Places of the low outliers, lowest first."""
    order = sorted(range(len(values)), key=values.__getitem__)
    count = 0
    for k in range(limit):
        tail = [values[place] for place in order[k:]]
        middle = median(tail)
        spread = median(abs(v - middle) for v in tail) / MAD_TO_SIGMA
        most = critical_value(len(values), k + 1, alpha)
        by_median = (middle - tail[0]) / max(spread, 1e-8) > most
        if by_median or (fmean(tail) - tail[0]) / max(pstdev(tail), 1e-8) > most:
            count = k + 1
    return order[:count]


def theil_sen(values: list[float]) -> float:
    pairs = [(i, j) for i in range(len(values)) for j in range(i + 1, len(values))]
    return median((values[j] - values[i]) / (j - i) for i, j in pairs)


def running_median(values: list[float], window: int, *, ends: bool) -> list[float]:
    half = window // 2
    answer = list(values)
    for i in range(len(values)):
        whole = half <= i < len(values) - half
        if (whole or ends) and len(values) >= 2 * half + 1:
            answer[i] = median(values[max(0, i - half) : i + half + 1])
    return answer
