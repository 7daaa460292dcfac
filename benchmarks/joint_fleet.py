"""A simulated fleet whose faults lie in the relation of signals, for `benchmarks.joint_faults` and `joint_trigger`.

A device has a load (a daily course, jobs between which it ramps in ten minutes, a slow wandering) and signals that follow it,
each with a gain, an inertia and noise of its own. Sizes are fixed beforehand: a fault moves one signal by 6 to 9 sigma of its
relation, the rest that a least-squares fit on the other signals (this minute and the two before) leaves of it on the training
days, and it stays inside the range of those days. Kinds: offset (a step), decoupling (it keeps the course of eight hours ago
instead of following the load); apart, because they are slow or leave no step: lag (follows the load 10 minutes later), stuck
(the value does not move), creep (the offset grows over the fault).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DAY = 1440
PROMPT, SLOW = ("offset", "decoupling"), ("lag", "stuck", "creep")
LENGTH = 45
"""Minutes of a fault."""
SIZE = (6.0, 9.0)


@dataclass(frozen=True)
class Fault:
    """One fault: of which signal, from which minute (since the end of training) on, how many sigma it moves."""

    signal: int
    start: int
    kind: str
    size: float


@dataclass(frozen=True)
class Device:
    """values (signals, minutes), the first `trained` of them without faults."""

    values: Floats
    trained: int
    faults: tuple[Fault, ...]


def device(seed: int, *, signals: int, training_days: int, days: int, faults_a_day: int = 2) -> Device:
    """A device with `training_days` of usual operation, then `days` with faults."""
    random = np.random.default_rng(seed)
    trained, rows = training_days * DAY, (training_days + days) * DAY
    load = _load(random, rows)
    gain = random.uniform(0.8, 2.0, size=signals) * random.choice([-1.0, 1.0], size=signals)
    inertia = random.uniform(0.0, 0.8, size=signals)
    noise = random.uniform(0.03, 0.08, size=signals)
    clean = np.stack([gain[j] * _smoothed(load, inertia[j]) for j in range(signals)])
    values = clean + noise[:, None] * random.normal(size=clean.shape)
    sigma, faults = relation_sigma(values[:, :trained]), []
    for number in range(days * faults_a_day):
        kind = (*PROMPT, *PROMPT, *SLOW)[int(random.integers(2 * len(PROMPT) + len(SLOW)))]
        apart = DAY // faults_a_day
        start = int((number + 0.5) * apart + random.integers(-apart // 4, apart // 4))
        fault = _placed(random, kind, start, values, clean, sigma, trained)
        if fault is not None:
            faults.append(fault)
    scale = 10.0 ** random.integers(-1, 3, size=signals)
    return Device(values * scale[:, None] + 20 * scale[:, None], trained, tuple(faults))


def relation_sigma(values: Floats) -> Floats:
    """(signals, minutes) -> what the other signals leave unexplained of each, as a standard deviation (signals,)."""
    lags = np.concatenate([values[:, 2:], values[:, 1:-1], values[:, :-2]])
    out = []
    for signal, row in enumerate(values[:, 2:]):
        others = np.array([one for k, one in enumerate(lags) if k % len(values) != signal])
        design = np.vstack([others, np.ones(others.shape[1])]).T
        rest = row - design @ np.linalg.lstsq(design, row, rcond=None)[0]
        out.append(float(rest.std()))
    return np.array(out)


def _load(random: np.random.Generator, rows: int) -> Floats:
    minute = np.arange(rows)
    jobs = np.repeat(random.uniform(-0.5, 0.5, size=rows // 37 + 1), 37)[:rows]
    wander = _smoothed(random.normal(size=rows), 0.995) * 8
    return np.sin(2 * np.pi * minute / DAY) + _smoothed(jobs, 0.9) + 0.5 * wander


def _smoothed(values: Floats, inertia: float) -> Floats:
    from scipy.signal import lfilter

    return np.asarray(lfilter([1 - inertia], [1, -inertia], values))


def _placed(
    random: np.random.Generator, kind: str, start: int, values: Floats, clean: Floats, sigma: Floats, trained: int
) -> Fault | None:
    """Put a fault in, at the first signal (in random order) that stays inside its range; None where none does."""
    at = slice(trained + start, trained + start + LENGTH)
    for signal in random.permutation(len(values)).tolist():
        row, size = values[signal], float(random.uniform(*SIZE))
        usual = row[:trained]
        for sign in (1.0, -1.0):
            changed = _changed(kind, row, clean[signal], at, sign * size * sigma[signal])
            inside = usual.min() < changed.min() and changed.max() < usual.max()
            moved = np.abs(changed - row[at]) / sigma[signal]
            # A signal that the load does not move just now shows neither of these.
            visible = (
                kind in ("offset", "creep") or np.median(moved) >= SIZE[0] or (kind in SLOW and moved.max() >= SIZE[0])
            )
            if inside and visible:
                row[at] = changed
                return Fault(signal, start, kind, size)
    return None


def _changed(kind: str, row: Floats, clean: Floats, at: slice, shift: float) -> Floats:
    if kind == "offset":
        return row[at] + shift
    if kind == "creep":
        return row[at] + shift * np.linspace(0, 1, at.stop - at.start)
    if kind == "stuck":
        return np.full(at.stop - at.start, row[at.start - 1])
    back = 10 if kind == "lag" else DAY // 3
    return row[at] - clean[at] + clean[at.start - back : at.stop - back]
