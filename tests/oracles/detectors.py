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


def slow_drift(x: list[float]) -> tuple[float, bool]:
    """(score, does a jump of means of three explain it)."""

    def bend(end: int) -> float:
        new, middle, old = (fmean(x[end - k * 60 - 20 : end - k * 60]) for k in range(3))
        return new - 2 * middle + old

    past = [bend(end) for end in range(140, len(x) - 59)]
    steps = [x[i] - x[i - 1] for i in range(1, len(x))]
    noise = rms(steps[-240:]) / math.sqrt(2)
    needed = max(5.5 * noise * math.sqrt(6 / 20), 4 * rms(past), 1.5 * max(map(abs, past)))
    ends = range(len(x) - 139, len(x) + 1)
    jump = max(abs(fmean(x[end - 3 : end]) - fmean(x[end - 6 : end - 3])) for end in ends)
    return abs(bend(len(x))) / needed, jump > 3.2 * noise


def smoothed_residuals(x: list[float]) -> list[float]:
    smooth = [x[0]]
    for v in x[1:]:
        smooth.append(smooth[-1] + 0.25 * (v - smooth[-1]))
    return [x[i] - smooth[i - 1] for i in range(6, len(x))]


def hourly_maxima(r: list[float]) -> list[float]:
    """Newest hour first, the judged point left out."""
    ends = range(len(r) - 1, 59, -60)
    return [max(map(abs, r[end - 60 : end])) for end in ends][:24]


def sharp_evidence(x: list[float]) -> tuple[float, float]:
    steps = [x[i] - x[i - 1] for i in range(1, len(x))]
    line = [x[i] - 2 * x[i - 1] + x[i - 2] for i in range(2, len(x))]
    if 1.2 * rms(line[:-1]) < rms(steps[:-1]):
        return line[-1], 1.4 * rms(line)
    near = min(10, len(x) // 3)
    return min((steps[-1], x[-1] - fmean(x[-1 - near : -1])), key=abs), rms(steps)


def default(x: list[float]) -> tuple[float, float]:
    sharp, sharp_size = sharp_evidence(x)
    wide = min(60, len(x) // 3)
    slow = [x[i] - fmean(x[i - wide : i]) for i in range(wide, len(x))]
    r = smoothed_residuals(x)
    factor = 0.7 + 0.3 * rms(r[-61:-1]) / rms(r)
    day_ago = len(r) - 1 - 1440
    if day_ago >= 30:
        factor += 0.1 * (rms(r[day_ago - 30 : day_ago + 31]) / rms(r) - 1)
    same_minute = sorted((abs(r[i]) for i in range(len(r) - 61, -1, -60)), reverse=True)
    if len(same_minute) >= 4:
        factor *= max(1.0, 0.4 * same_minute[3] / rms(r))
    pairs = zip(hourly_maxima(r), hourly_maxima(slow), strict=False)
    hours = sorted((max(a / rms(r), b / rms(slow)) for a, b in pairs), reverse=True)
    if len(hours) >= 4:
        factor *= (max(1.0, hours[(len(hours) - 1) // 3]) / 2.85) ** 0.6
    by_sharp = abs(sharp) / (sharp_size * factor)
    by_slow = 0.95 * abs(slow[-1]) / (rms(slow) * factor)
    ratio = max(by_sharp, by_slow)
    expected = x[-1] - (sharp if by_sharp >= by_slow else slow[-1])
    return expected, ratio * (1 + records(x, r, slow) / 2) if ratio > 4 else ratio


def records(x: list[float], *residuals: list[float]) -> float:
    middle = (max(x[:-1]) + min(x[:-1])) / 2
    ratios = [abs(x[-1] - middle) / (max(x[:-1]) - middle)]
    ratios += [abs(r[-1]) / max(hourly_maxima(r)) for r in residuals if hourly_maxima(r)]
    return sum(math.log(min(max(ratio, 1.0), 3.0)) for ratio in ratios)


def gated(x: list[float]) -> tuple[float, float]:
    steps = [x[i] - x[i - 1] for i in range(1, len(x))]
    width = min(30, len(x) // 3)
    means = [x[i] - fmean(x[i - width : i]) for i in range(width, len(x))]
    by_step, by_mean = abs(steps[-1]) / rms(steps), abs(means[-1]) / rms(means)
    gate = min(max(spectral_residual.contrast(x[-251:], 21) / 3, 0.0), 1.0) ** 0.25
    return x[-1] - (steps[-1] if by_step >= by_mean else means[-1]), max(by_step, by_mean) * gate


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
