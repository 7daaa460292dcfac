"""Slow, obvious forms of the detectors: one series as a list, plain loops. Each returns (expected, score)."""

from __future__ import annotations

import math
import random
from statistics import fmean, median

import numpy as np

from tests.oracles import spectral_residual

SIGMA = 1.4826


def rms(values: list[float]) -> float:
    return math.sqrt(fmean(v * v for v in values))


def differences(x: list[float]) -> tuple[float, float]:
    r = [x[i] - x[i - 1] for i in range(1, len(x))]
    return x[-2], abs(r[-1]) / rms(r)


def moving_average(x: list[float], width: int) -> tuple[float, float]:
    width = min(width, len(x) // 3)
    r = [x[i] - fmean(x[i - width : i]) for i in range(width, len(x))]
    return fmean(x[-1 - width : -1]), abs(r[-1]) / rms(r)


def seasonal_naive(x: list[float], period: int) -> tuple[float, float]:
    r = [x[i] - x[i - period] for i in range(period, len(x))]
    return x[-1 - period], abs(r[-1]) / rms(r)


def ar(x: list[float], order: int) -> tuple[float, float]:
    order = min(order, len(x) // 6)
    past = x[:-1]
    mean = fmean(past)
    c = [sum((past[i] - mean) * (past[i - k] - mean) for i in range(k, len(past))) for k in range(order + 1)]
    matrix = [[c[abs(i - j)] / c[0] + (1e-6 if i == j else 0) for j in range(order)] for i in range(order)]
    phi = np.linalg.solve(np.array(matrix), np.array(c[1:]) / c[0])
    guess = [mean + sum(phi[k] * (x[i - 1 - k] - mean) for k in range(order)) for i in range(order, len(x))]
    errors = [value - g for value, g in zip(x[order:], guess, strict=True)]
    return guess[-1], abs(errors[-1]) / rms(errors)


def seasonal_baseline(x: list[float], period: int) -> tuple[float, float]:
    cycles = (len(x) - 1) // period
    past = x[-1 - cycles * period : -1]
    profile = [median(past[phase::period]) for phase in range(period)]
    off = [v - profile[i % period] for i, v in enumerate(past)]
    flat = median(past)
    if fmean(map(abs, off)) > 0.5 * fmean(abs(v - flat) for v in past):
        profile = [flat] * period
        off = [v - flat for v in past]
    expected = profile[0] + median(off[-min(60, period) :])
    centre = median(off)
    return expected, abs(x[-1] - expected) / (SIGMA * median(abs(v - centre) for v in off))


def drift(x: list[float], average: int, gap: int) -> tuple[float, float]:
    def bend(end: int) -> float:
        new, middle, old = (fmean(x[end - k * gap - average : end - k * gap]) for k in range(3))
        return new - 2 * middle + old

    earlier = max(abs(bend(end)) for end in range(average + 2 * gap, len(x) + 1 - gap))
    steps = [x[i] - x[i - 1] for i in range(max(1, len(x) - 240), len(x))]
    error = rms(steps) / math.sqrt(2) * math.sqrt(6 / average)
    return x[-1] - bend(len(x)), abs(bend(len(x))) / max(1.5 * error, earlier / 3)


def default(x: list[float]) -> tuple[float, float]:
    smooth = [x[0]]
    for v in x[1:]:
        smooth.append(smooth[-1] + 0.25 * (v - smooth[-1]))
    choices = [
        (1.0, [x[i] - smooth[i - 1] for i in range(6, len(x))]),
        (1.2, [x[i] - x[i - 1] for i in range(6, len(x))]),
        (1.2, [x[i] - 2 * x[i - 1] + x[i - 2] for i in range(6, len(x))]),
    ]
    r = min(choices, key=lambda choice: choice[0] * rms(choice[1][:-1]))[1]
    size = (rms(r) + rms(r[-61:-1])) / 2
    same_minute = sorted((abs(r[i]) for i in range(len(r) - 61, -1, -60)), reverse=True)
    if len(same_minute) >= 4:
        size = max(size, same_minute[3] / 2)
    wild = 0
    for i in range(len(r) - 10):
        hour = r[max(0, i - 60) : i]
        wild += abs(r[i]) > 5 * (rms(r) + (rms(hour) if hour else 0)) / 2
    back = x[-1] - (x[-2] - r[-2])
    if abs(r[-2]) > 4 * size and abs(back) < abs(r[-1]):
        r = [*r[:-1], back]
    sr = spectral_residual.scores(x[-251:])[-1]
    ratio = abs(r[-1]) / size * min(sr / 3, 1) ** 0.25
    return x[-1] - r[-1], 5 + record(x, r) if ratio >= 5 else min(5, ratio * (1 + wild / 3) ** 0.1)


def record(x: list[float], fast: list[float]) -> float:
    series = [fast]
    if len(x) > 60:
        series.append([x[i] - fmean(x[i - 30 : i]) for i in range(30, len(x))])
    for recent, before in ((10, 60), (30, 200)):
        if len(x) >= 2 * (recent + before):
            ends = range(recent + before, len(x) + 1)
            series.append([fmean(x[e - recent : e]) - fmean(x[e - recent - before : e - recent]) for e in ends])
    middle = (max(x[:-1]) + min(x[:-1])) / 2
    ratios = [abs(r[-1]) / max(map(abs, r[:-1])) for r in series]
    ratios.append(abs(x[-1] - middle) / (max(x[:-1]) - middle))
    above = [math.log(min(ratio, 3.0)) for ratio in ratios if ratio > 1]
    return 1 + sum(above) if above else max(ratios)


def esd_outliers(rest: list[float], lambdas: list[float]) -> set[int]:
    """Indices of the outliers by Rosner's procedure with median and MAD, both tails."""
    left = dict(enumerate(rest))
    removed: list[int] = []
    count = 0
    for step, limit in enumerate(lambdas):
        middle = median(left.values())
        spread = SIGMA * median(abs(v - middle) for v in left.values())
        worst = max(left, key=lambda i: abs(left[i] - middle))
        removed.append(worst)
        if abs(left[worst] - middle) / spread > limit:
            count = step + 1
        del left[worst]
    return set(removed[:count])


def collusive_displacement(points: list[tuple[float, ...]], which: int, rng: random.Random) -> float:
    """A whole random cut tree, built from the top; the largest sibling-to-own ratio above one leaf."""

    def build(members: list[int]) -> float:
        if len(members) == 1 or len({points[i] for i in members}) == 1:
            return 0.0
        dimensions = range(len(points[0]))
        low = [min(points[i][d] for i in members) for d in dimensions]
        ranges = [max(points[i][d] for i in members) - low[d] for d in dimensions]
        axis = rng.choices(dimensions, weights=ranges)[0]
        cut = low[axis] + rng.random() * ranges[axis]
        left = [i for i in members if points[i][axis] <= cut]
        right = [i for i in members if points[i][axis] > cut]
        own, other = (left, right) if which in left else (right, left)
        return max(len(other) / len(own), build(own))

    return build(list(range(len(points))))
