"""STL as Cleveland et al. (1990) tell it, one point at a time: weights, windows and passes in plain loops."""

from __future__ import annotations

import math
from statistics import median


def next_odd(x: int) -> int:
    return x + 1 - x % 2


def fitted(
    y: list[float], width: int, at: float, left: int, right: int, robust: list[float], *, line: bool
) -> float | None:
    """Loess at the place `at` from the points left..right, counted from 0."""
    reach = max(at - left, right - at) + max(width - len(y), 0) // 2
    weights = []
    for k in range(left, right + 1):
        d = abs(k - at) / reach
        w = 1.0 if d <= 0.001 else 0.0 if d > 0.999 else (1 - d**3) ** 3
        weights.append(w * robust[k])
    total = sum(weights)
    if total <= 0:
        return None
    weights = [w / total for w in weights]
    if line:
        centre = sum(w * k for w, k in zip(weights, range(left, right + 1), strict=True))
        spread = sum(w * (k - centre) ** 2 for w, k in zip(weights, range(left, right + 1), strict=True))
        if math.sqrt(spread) > 0.001 * (len(y) - 1):
            tilt = (at - centre) / spread
            weights = [w * (1 + tilt * (k - centre)) for w, k in zip(weights, range(left, right + 1), strict=True)]
    return sum(w * v for w, v in zip(weights, y[left : right + 1], strict=True))


def loess(y: list[float], width: int, jump: int, robust: list[float]) -> list[float]:
    n = len(y)
    jump = min(jump, n - 1)
    half = (width + 1) // 2
    places = list(range(0, n, jump))
    windows = [min(max(i - half + 1, 0), n - min(width, n)) for i in places]
    if places[-1] != n - 1:
        places.append(n - 1)
        windows.append(windows[-1])
    heights = []
    for i, left in zip(places, windows, strict=True):
        value = fitted(y, width, i, left, left + min(width, n) - 1, robust, line=True)
        heights.append(y[i] if value is None else value)
    answer = []
    for k in range(n):
        right = next(j for j, place in enumerate(places) if place >= k)
        if places[right] == k:
            answer.append(heights[right])
        else:
            share = (k - places[right - 1]) / (places[right] - places[right - 1])
            answer.append(heights[right - 1] + share * (heights[right] - heights[right - 1]))
    return answer


def season_of_phase(y: list[float], width: int, robust: list[float]) -> list[float]:
    k = len(y)
    inner = [fitted(y, width, at, 0, k - 1, robust, line=False) for at in (0, k - 1)]
    first = y[0] if inner[0] is None else inner[0]
    last = y[-1] if inner[1] is None else inner[1]
    middle = [first + (last - first) * i / (k - 1) for i in range(k)]
    before = fitted(y, width, -1, 0, k - 1, robust, line=False)
    after = fitted(y, width, k, 0, k - 1, robust, line=False)
    return [first if before is None else before, *middle, last if after is None else after]


def moving(y: list[float], width: int) -> list[float]:
    return [sum(y[i : i + width]) / width for i in range(len(y) - width + 1)]


def decompose(y: list[float], period: int) -> tuple[list[float], list[float]]:
    n = len(y)
    season_width = 10 * n + 1
    trend_width = max(3, next_odd(math.ceil(1.5 * period / (1 - 1.5 / season_width))))
    low_width = max(3, next_odd(period))
    trend, season, robust = [0.0] * n, [0.0] * n, [1.0] * n
    for _ in range(16):
        cycles = [0.0] * (n + 2 * period)
        for phase in range(period):
            part = [y[i] - trend[i] for i in range(phase, n, period)]
            smooth = season_of_phase(part, season_width, robust[phase::period])
            for m, value in enumerate(smooth):
                cycles[phase + m * period] = value
        low = moving(moving(moving(cycles, period), period), 3)
        low = loess(low, low_width, math.ceil(low_width / 10), [1.0] * n)
        season = [cycles[period + i] - low[i] for i in range(n)]
        trend = loess([v - s for v, s in zip(y, season, strict=True)], trend_width, math.ceil(trend_width / 10), robust)
        size = [abs(v - s - t) for v, s, t in zip(y, season, trend, strict=True)]
        most = 6 * median(size)
        robust = [1.0 if r <= 0.001 * most else 0.0 if r > 0.999 * most else (1 - (r / most) ** 2) ** 2 for r in size]
    return season, trend
