"""Slow, obvious form of joint detection: one device, row by row, every conditional mean by its definition."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
TAUS = (2, 8, 32)


@dataclass
class Seen:
    """What a loop over rows collects of each row."""

    change: list[Floats] = field(default_factory=list)
    innovation: list[Floats] = field(default_factory=list)
    level: list[Floats] = field(default_factory=list)
    features: list[Floats] = field(default_factory=list)
    held: list[Floats] = field(default_factory=list)
    run: list[Floats] = field(default_factory=list)
    longest: list[Floats] = field(default_factory=list)
    gone: list[Flags] = field(default_factory=list)


def scale(values: Floats) -> tuple[Floats, Floats]:
    median, spread = [], []
    for row in values:
        known = row[np.isfinite(row)]
        if len(known) < 30:
            median.append(0.0)
            spread.append(math.inf)
            continue
        low, mid, high = np.percentile(known, [25, 50, 75])
        size = (high - low) / 1.349 if (high - low) / 1.349 > 0.1 * known.std() else known.std()
        median.append(mid)
        spread.append(size if size > 1e-12 * np.abs(known).max() else math.inf)
    return np.array(median), np.array(spread)


def walk(scaled: Floats, patience: Floats, live: Flags, mean: Floats, covariance: Floats, over: int = 3) -> Seen:
    """(d, n) scaled values with NaN -> Seen; with covariance empty only features, held values and changes."""
    d, n = scaled.shape
    first = [next((v for v in row if not math.isnan(v)), 0.0) for row in scaled]
    held, averages = np.array(first), np.tile(first, (3, 1))
    absent, run, longest, smooth = np.full(d, 10**12), np.zeros(d), np.zeros(d), np.zeros(d)
    seen = Seen()
    for t in range(n):
        present = ~np.isnan(scaled[:, t])
        now = np.where(present, scaled[:, t], held)
        row = np.concatenate([now, *averages])
        seen.features.append(row)
        seen.held.append(now)
        seen.change.append(np.where(present, (now - held) / np.sqrt(absent + 1.0), 0.0))
        for j in np.flatnonzero(present):
            if now[j] == held[j]:
                run[j] += 1
            else:
                longest[j], run[j] = max(longest[j], run[j]), 0
        seen.run.append(run.copy())
        seen.longest.append(longest.copy())
        absent = np.where(present, 0, absent + 1)
        for k, tau in enumerate(TAUS):
            averages[k] += (now - averages[k]) / (1 + tau)
        held = now
        if len(covariance):
            seen.gone.append(absent > patience)
            use = live & (absent <= patience)
            seen.innovation.append(given(row - mean, covariance, use, d, own_past=True))
            smooth = smooth + (given(row - mean, covariance, use, d, own_past=False) - smooth) / over
            seen.level.append(np.where(present, smooth, 0.0))
    return seen


def given(row: Floats, covariance: Floats, use: Flags, d: int, *, own_past: bool) -> Floats:
    """What the rest does not explain of each signal: its conditional mean by its definition."""
    out = np.zeros(d)
    usable = [k * d + j for k in range(4) for j in range(d) if use[j]]
    for j in np.flatnonzero(use):
        rest = [p for p in usable if p != j and (own_past or p % d != j)]
        weights = np.linalg.solve(covariance[np.ix_(rest, rest)], covariance[rest, j]) if rest else np.empty(0)
        out[j] = row[j] - weights @ row[rest]
    return out


def sizes(
    residual: list[Floats], present: Flags, trained: Floats, forget: float = 0.0012, floor: float = 0.7
) -> tuple[Floats, Floats]:
    """|residual| / size (n, d), the sizes (n, d)."""
    power, weight = trained.copy(), np.ones(len(trained))
    out, used = [], []
    for t, e in enumerate(residual):
        size = np.sqrt(np.maximum(np.maximum(power / weight, floor * trained), 1e-12))
        out.append(np.abs(e) / size)
        used.append(size)
        power = (1 - forget) * power + forget * e**2
        weight = (1 - forget) * weight + forget * present[:, t]
    return np.array(out), np.array(used)


def factors(held: list[Floats]) -> Floats:
    """(n, d): 1 + ln of the distance from the middle of the past range in half ranges."""
    out = [np.ones(len(held[0]))]
    for t in range(1, len(held)):
        past = np.array(held[:t])
        low, high = past.min(axis=0), past.max(axis=0)
        half = np.maximum((high - low) / 2, 1e-3)
        out.append(1 + np.log(np.clip(np.abs(held[t] - (low + high) / 2) / half, 1, 20)))
    return np.array(out)


def tail(score: list[float]) -> tuple[float, float]:
    score = score[len(score) % 10 :]
    blocks = [max(score[k : k + 10]) for k in range(0, len(score), 10)]
    u = float(np.quantile(blocks, 0.95))
    excess = [math.log(b / u) for b in blocks if b > u]
    return u, max(sum(excess) / len(excess), (sum(excess) + 30 * 0.25) / (len(excess) + 30))


def nats(score: float, of: tuple[float, float]) -> float:
    return max(math.log(max(score, 1e-9) / of[0]) / of[1] + math.log(20), 0.0)


def by_sizes(size: Floats, factor: Floats, high: Floats) -> float:
    """One row: size (3, d), factor (d,), high (3, d)."""
    total = 0.0
    for j in range(len(factor)):
        usual = [(h / 4.5) ** 0.4 if h > 1e-9 else 1.0 for h in high[:, j]]
        s = max(size[k, j] / usual[k] for k in range(3)) * factor[j]
        total += (s if s <= 12 else 12 * (1 + math.log(s / 12))) ** 4
    return float((total / len(factor)) ** 0.25)


def by_nats(surprise: Floats, threshold: Floats, xi: Floats) -> float:
    total = 0.0
    for s, u, x in zip(surprise, threshold, xi, strict=True):
        total += max(math.log(max(s, 1e-9) / u) / x + math.log(100), 0.0) ** 4
    return float((total / len(surprise)) ** 0.25 + 0.05)


def lowered(score: list[float], t: int, day: int) -> float:
    """The score at row t less what two of the last three days reached then, above 3.5 nats."""
    earlier = []
    for k in (1, 2, 3):
        near = [score[i] for i in range(t - k * day - 2, t - k * day + 3) if i >= 0]
        earlier.append(max(near, default=0.0))
    return score[t] - max(sorted(earlier)[-2] - 3.5, 0.0)


def related(scaled: Floats, most: float, ridge: float) -> tuple[Floats, Floats]:
    """(d, n) training rows -> mean and covariance of the features."""
    none = np.empty(0)
    rows = np.array(walk(scaled, none, np.zeros(len(scaled), dtype=np.bool_), none, none).features)
    mean, most_of = rows.mean(axis=0), most * rows.std(axis=0).clip(1e-9)
    cut = np.clip(rows - mean, -most_of, most_of)
    covariance = cut.T @ cut / len(rows)
    return mean, covariance + ridge * np.diag([v if v >= 1e-8 else 1.0 for v in covariance.diagonal()])


def residuals(seen: Seen, present: Flags) -> list[list[Floats]]:
    return [seen.change, [np.where(present[:, t], e, 0) for t, e in enumerate(seen.innovation)], seen.level]


def mean_square(residual: list[Floats], present: Flags, n: int) -> Floats:
    total: Floats = (np.array(residual[:n]) ** 2).sum(axis=0) / np.maximum(present[:, :n].sum(axis=1), 1)
    return total


def floor(train: Floats, test: Floats) -> tuple[Floats, Floats]:
    """The rule `relation` of (d, n), (d, m) -> scores (m,), contributions (m, d)."""
    d, n = train.shape
    median, spread = scale(train)
    live = np.isfinite(spread)
    scaled = (np.concatenate([train, test], axis=1) - median[:, None]) / spread[:, None]
    present = ~np.isnan(scaled)
    mean, covariance = related(scaled[:, :n], 6, 0.02)
    seen = walk(scaled, np.full(d, math.inf), live, mean, covariance, over=4)
    size = [sizes(e, present, mean_square(e, present, n), 0.002, 1.0)[0] for e in residuals(seen, present)]
    surprise = np.max(size, axis=0) * live
    score = [float((row**4).mean() ** 0.25) for row in surprise]
    u = float(np.quantile(score[:n], 0.99))
    xi = float(np.mean([math.log(s / u) for s in score[:n] if s > u]))
    contribution, out = surprise[0] ** 2, []
    for row in surprise:
        contribution = contribution + (row**2 - contribution) / 3
        out.append(contribution)
    return np.array([math.log(max(s, 1e-9) / u) / xi + math.log(100) for s in score[n:]]), np.array(out[n:])


def judge(train: Floats, test: Floats, *, day: int) -> tuple[Floats, Floats, Floats, Floats]:
    """(d, n), (d, m) -> of the m rows score (m,), shares, expected and margins (m, d)."""
    n = train.shape[1]
    median, spread = scale(train)
    live = np.isfinite(spread)
    whole = np.concatenate([train, test], axis=1)
    scaled = (whole - median[:, None]) / spread[:, None]
    present = ~np.isnan(scaled)
    gaps = [np.median(np.diff(np.flatnonzero(p[:n]))) if p[:n].sum() > 1 else 1 for p in present]
    patience = np.array([max(60, 5 * math.ceil(gap)) for gap in gaps])
    mean, covariance = related(scaled[:, :n], 5, 0.01)
    seen = walk(scaled, patience, live, mean, covariance)
    size, innovation_size = [], np.empty(0)
    for k, e in enumerate(residuals(seen, present)):
        ratio, used = sizes(e, present, mean_square(e, present, n))
        size.append(ratio * live)
        innovation_size = used if k == 1 else innovation_size
    return _verdicts(np.array(size), seen, present, live, n, day, (median, spread, innovation_size))


def _verdicts(
    size: Floats, seen: Seen, present: Flags, live: Flags, n: int, day: int, units: tuple[Floats, Floats, Floats]
) -> tuple[Floats, Floats, Floats, Floats]:
    """size (3, n + m, d) -> as `judge`."""
    factor = factors(seen.held)
    factor[:50] = 1.0
    surprise = size.max(axis=0) * factor
    high = np.quantile(size[:, :n], 0.9999, axis=1)
    threshold = np.maximum(np.quantile(surprise[:n], 0.99, axis=0), 2.0)
    xi = []
    for j in range(size.shape[2]):
        excess = [math.log(s / threshold[j]) for s in surprise[:n, j] if s > threshold[j]]
        xi.append((sum(excess) + 25) / (len(excess) + 100))
    first = [by_sizes(size[:, t], factor[t], high) for t in range(len(surprise))]
    second = [by_nats(surprise[t], threshold, np.array(xi)) for t in range(len(surprise))]
    tails = tail(first[:n]), tail(second[:n])
    score = [0.6 * nats(a, tails[0]) + 0.4 * nats(b, tails[1]) for a, b in zip(first, second, strict=True)]
    silent = ~(present & live[:, None]).any(axis=0)
    score = [0.0 if silent[t] else s for t, s in enumerate(score)]
    frozen = _frozen(seen, present, live, n)
    weight = np.maximum(np.quantile(surprise[:n], 0.9999, axis=0), 1.0) ** 0.4
    band = [np.quantile(size[1, :n, j][present[j, :n]], 0.999) for j in range(len(live))]
    squares, out, shares = np.zeros(size.shape[2]), [], []
    for t in range(len(surprise)):
        squares = squares + (surprise[t] ** 2 * weight - squares) / 3
        counts = np.where(live & ~seen.gone[t], squares + 4 * frozen[t] ** 2, 0.0)
        shares.append(np.full(len(counts), np.nan) if silent[t] else counts / counts.sum())
        still, low = frozen[t].max(), lowered(score, t, day)
        out.append(still if still > 0 and still >= low else low)
    median, spread, innovation_size = units
    unit = np.where(live, spread, 0.0)
    expected = median + (np.array(seen.held) - np.array(seen.innovation)) * unit
    return np.array(out)[n:], np.array(shares)[n:], expected[n:], (np.array(band) * innovation_size * unit)[n:]


def _frozen(seen: Seen, present: Flags, live: Flags, n: int) -> Floats:
    """(n + m, d) nats of standing still."""
    out = np.zeros((len(seen.run), len(live)))
    for j in np.flatnonzero(live):
        values = int(present[j, :n].sum())
        runs = [seen.run[t][j] for t in range(n)]
        repeated = sum(1 for t in range(n) if present[j, t] and runs[t] > 0)
        share = (repeated + 1) / (values + 2)
        if values < 200 or share > 0.01 or max(runs) > 2:
            continue
        rate = min(-math.log(share), 2.0)
        for t in range(len(out)):
            run, longest = seen.run[t][j], seen.longest[t][j]
            if present[j, t] and run < longest + 30:
                out[t, j] = min(max(run - longest - 1, 0) * rate, 12.0)
    return out
