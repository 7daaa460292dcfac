"""One series, bin by bin and row by row: the additive model that `detectors.season_fit` fits to thousands at once."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY, WEEK, QUARTER = 86_400, 604_800, 900
HINGES, TAU, PRIOR, ROUNDS = 12, 0.05, 10.0, 5


def medians(values: Floats, first: int, step: int) -> tuple[list[float], list[float]]:
    """Middle of each quarter of an hour that has readings, and their median."""
    bins: dict[int, list[float]] = {}
    for place, value in enumerate(values):
        if not math.isnan(value):
            bins.setdefault((first + place * step) // QUARTER, []).append(float(value))
    times = [number * QUARTER + (QUARTER - step) / 2 for number in sorted(bins)]
    return times, [float(np.median(bins[number])) for number in sorted(bins)]


def terms(time: float, start: float, span: float) -> list[float]:
    """Level, slope, hinges, cosines and sines of the week and the day at one time."""
    part = (time - start) / span
    hinges = [max(0.0, part - 0.8 * number / HINGES) for number in range(1, HINGES + 1)]
    periods = [WEEK / k for k in (1, 2, 3)] + [DAY / k for k in range(1, 11)]
    angles = [2 * math.pi * time / period for period in periods]
    return [1.0, part, *hinges, *map(math.cos, angles), *map(math.sin, angles)]


def fitted(times: list[float], values: list[float], weekly: bool) -> Floats:
    """The coefficients, by least squares over rows that carry the penalties."""
    design = np.array([terms(one, times[0], times[-1] - times[0]) for one in times])
    target, weight = np.array(values), np.ones(len(values))
    sigma, delta = 1.0, np.full(HINGES, TAU)
    found = np.zeros(design.shape[1])
    for _ in range(ROUNDS):
        penalty = np.full(design.shape[1], sigma**2 / PRIOR**2 + 1e-9)
        penalty[:2] = 1e-9
        penalty[2 : 2 + HINGES] = sigma**2 / (TAU * np.maximum(np.abs(delta), 1e-3 * TAU))
        if not weekly:
            penalty[[14, 15, 16, 27, 28, 29]] += 1e9
        rows = np.concatenate([design * np.sqrt(weight)[:, None], np.diag(np.sqrt(penalty))])
        found = np.linalg.lstsq(rows, np.concatenate([target * np.sqrt(weight), np.zeros(len(penalty))]), rcond=None)[0]
        residual = np.abs(target - design @ found)
        sigma = max(1.4826 * sorted(residual)[(len(residual) - 1) // 2], 1e-6)
        weight = np.minimum(1.0, 1.345 * sigma / np.maximum(residual, 1e-12))
        delta = found[2 : 2 + HINGES]
    return found


def forecast(values: Floats, first: int, step: int, at: list[float]) -> list[float]:
    """(n,) readings, NaN where there is none -> expected values at times behind their end; every quarter of an hour has a reading."""
    times, medians_ = medians(values, first, step)
    ordered = sorted(medians_)
    centre = ordered[(len(ordered) - 1) // 2]
    scale = max(abs(one - centre) for one in medians_)
    scaled = [(one - centre) / scale for one in medians_]
    span = times[-1] - times[0]
    found = fitted(times, scaled, weekly=span >= 2 * WEEK - DAY / 2)
    left = [
        value - float(np.dot(terms(time, times[0], span), found))
        for time, value in zip(times, scaled, strict=True)
        if time >= times[-1] - DAY
    ]
    anchor = sorted(left)[(len(left) - 1) // 2]
    trend = float(np.dot(terms(times[-1], times[0], span)[:14], found[:14]))
    return [
        centre + scale * (trend + anchor + float(np.dot(terms(one, times[0], span)[14:], found[14:]))) for one in at
    ]
