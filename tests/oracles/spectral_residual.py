"""Textbook form of the last-point spectral residual: one series, plain loops, the full transform."""

from __future__ import annotations

import cmath
import math
from statistics import fmean, median, pstdev


def extension(values: list[float]) -> float:
    recent = values[-7:-1]
    n = len(recent)
    slopes = [(recent[-1] - recent[i]) / (n - 1 - i) for i in range(n - 1)]
    return median(recent) + sum(slopes) / 2 * (n + 1) / (n - 1)


def transform(values: list[complex], sign: int) -> list[complex]:
    n = len(values)
    return [sum(v * cmath.exp(sign * 2j * math.pi * k * t / n) for t, v in enumerate(values)) for k in range(n)]


def saliency(values: list[float]) -> list[float]:
    extended = [complex(v) for v in values] + [complex(extension(values))] * 5
    n = len(extended)
    spectrum = transform(extended, -1)
    logs = [math.log(abs(s)) for s in spectrum]
    residual = [s / math.exp(fmean(logs[max(0, k - 2) : k + 1])) for k, s in enumerate(spectrum)]
    return [abs(s) / n for s in transform(residual, +1)][: len(values)]


def scores(values: list[float]) -> list[float]:
    salient = saliency(values)
    answer = [0.0]
    for i in range(1, len(salient)):
        if i >= 100:
            local = fmean(salient[i - 99 : i + 1])
        else:
            earlier = salient[:i]
            local = (sum(earlier) + salient[i] + fmean(earlier) * (99 - i)) / 100
        answer.append(abs(salient[i] - local) / local)
    return answer


def contrast(values: list[float], local: int) -> float:
    """The plain score of the last value: saliency relative to the `local` places before it, log spectrum centred."""
    salient = plain_map(values)
    last = len(values) - 1
    before = fmean(salient[max(0, last - local) : last])
    return (salient[last] - before) / before


def plain_map(values: list[float], *, level: bool = True) -> list[float]:
    """Saliency with the log spectrum averaged over both neighbours; without level the mean has no share in it."""
    extended = [complex(v) for v in values] + [complex(median(values[-7:-1]))] * 5
    n = len(extended)
    spectrum = transform(extended, -1)
    logs = [math.log(abs(s)) for s in spectrum]
    if not level:
        logs[0], spectrum[0] = logs[1], 0j
    residual = [s / math.exp(fmean((logs[k - 1], logs[k], logs[(k + 1) % n]))) for k, s in enumerate(spectrum)]
    return [abs(s) / n for s in transform(residual, +1)][: len(values)]


def last_point(values: list[float], sensitivity: float) -> dict[str, float | bool]:
    """expected, upper, lower, score, severity, flag of the last value, in the order the service computed them."""
    n, value = len(values), values[-1]
    first = scores(values)
    drop = min(max(int(n * 0.25), 1, int(n * 0.1)), int(n * 0.45))
    cut = next((i for i in range(n - drop, n) if first[i] >= 1.5), n - 1)
    all_scores = first[:cut] + [math.inf] * (n - 1 - cut) + [scores([*values[:cut], value])[-1]]
    near = abs(value - fmean(values)) / pstdev(values) < 1.5
    if near:
        all_scores[-1] = 0.0
    quiet = [v for v, s in zip(values, all_scores, strict=True) if s <= 1]
    expected = fmean(quiet[len(quiet) // 2 :])
    distance = abs(value - expected)
    flag = all_scores[-1] >= 3.5 and distance >= 1e-8
    return {"expected": expected, "score": all_scores[-1], "sr_score": first[-1]} | _band(
        values, all_scores, expected, near=near, flag=flag, share=1 - sensitivity / 100
    )


def _band(
    values: list[float], all_scores: list[float], expected: float, *, near: bool, flag: bool, share: float
) -> dict[str, float | bool]:
    value, distance = values[-1], abs(values[-1] - expected)
    normal = [min(max(s - 3.5 / 11.5, 0), 1) for s in all_scores]
    plain = [v for v, s in zip(values, normal, strict=True) if s <= 1e-8]
    if near:
        margin = abs(expected) * share
    elif normal[-1] <= 1e-8:
        margin = 0.01 * (max(plain) - min(plain))
    else:
        margin = distance / normal[-1] * share
    upper = min(expected + margin, max(max(values), expected))
    lower = max(expected - margin, min(min(values), expected))
    inside = lower <= value <= upper
    upper, lower = upper - expected, expected - lower
    if not flag and not inside:
        upper = lower = distance * 1.01
    flag = flag and not inside
    severity = min(distance / (abs(expected) if abs(expected) > 1e-8 else 0.3), 1.0) if flag else 0.0
    return {"upper_margin": upper, "lower_margin": lower, "severity": severity, "is_anomaly": flag}
