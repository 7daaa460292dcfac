"""The additive model of `kernels.season` fitted to thousands of series at once, gaps and outliers allowed.

Prophet looks for the same optimum by search. With the priors as penalties each step has a closed form: weighted least
squares of all series in one product of matrices, then one small system a series. Repeated ROUNDS times, with

    Huber's weights   min(1, 1.345 sigma / |residual|), sigma = 1.4826 MAD (Huber 1964), for outliers
    hinges            penalty sigma^2 / (tau |delta|), which repeated is Prophet's Laplace prior with scale tau
    Fourier terms     penalty sigma^2 / 10^2, its normal prior

Values are medians of bins of a quarter of an hour or more: what is shorter is no season, and a bin without readings
has weight 0. A forecast starts from the level of the last day (the median of what the model leaves of it) and goes on
flat: a robust fit takes a new level of a few days for outliers, and a trend carried on for a day was worse than none on
both sets it was tried on (docs/detectors.md). The last day is left out of a first fit, which says what the season is good
for: only where it takes away from the hourly changes of a day that it has not seen does a detector use it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from ad_stream.detectors.kernels.season import DAY, TERMS, WEEK, WEEKLY, fourier, of_holidays

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]

QUARTER, HOUR, MOST_BINS = 900, 3600, 4000
HINGES, HINGED = 12, 0.8
"""So many changepoints are tried, evenly over the first four fifths of the past, as Prophet places its own."""
TAU, PRIOR = 0.05, 10.0
ROUNDS = 5
HUBER, SIGMA = 1.345, 1.4826
FEWEST_DAYS, FEWEST_BINS = 3, 96
"""Shorter pasts hold no day that could be left out and two others."""
GAIN = 0.95
"""A season is used where hourly changes less it are at most so large as the changes themselves."""
NEVER = 1e9
LARGEST = 1e150
"""Values beyond lose their squares."""


@dataclass(frozen=True)
class Seasons:
    """Of m series, in the unit of the values, NaN where a past was too short.

    end       (m,) seconds since 1970 of the end of the past
    level     (m,) there, as the last day had it; slope (m,) a day, of the trend there
    terms     (m, TERMS) coefficients of `kernels.season.fourier`; holiday (m,) what a holiday adds
    hinges    (m, HINGES) changes of slope, a day, at `hinge_times` (HINGES,) seconds
    sigma     (m,) robust size of what the model leaves
    useful    (m,) whether the season helped on the last day, which the fit for that had not seen
    error     (m,) mean absolute error of that day; floor (m,): of repeating the day before
    tail      (m,) of the profile of what the season leaves (`detectors.profile`), NaN until one is learned
    holidays  (h,) days since 1970
    """

    end: Floats
    level: Floats
    slope: Floats
    terms: Floats
    holiday: Floats
    hinges: Floats
    hinge_times: Floats
    sigma: Floats
    useful: Bools
    error: Floats
    floor: Floats
    tail: Floats
    holidays: Floats

    @property
    def known(self) -> Bools:
        """(m,): whether there was past enough."""
        return np.isfinite(self.level)

    def rows(self) -> Floats:
        """(m, k): what `Windows.profiles` holds for the detector `seasonal`: a season (0 where it is of no use), holiday, tail, the
        holidays; NaN where nothing is known."""
        season = np.where(self.useful[:, None], np.concatenate([self.terms, self.holiday[:, None]], axis=1), 0.0)
        rows = np.concatenate([season, self.tail[:, None], np.tile(self.holidays, (len(self.level), 1))], axis=1)
        return np.where(self.useful[:, None] | np.isfinite(self.tail)[:, None], rows, np.nan)

    def season(self, seconds: Floats) -> Floats:
        """(n,) times -> (m, n) the season that `rows` holds, without level and trend."""
        return np.where(self.useful[:, None], self._fitted_season(seconds), 0.0)

    @classmethod
    def together(cls, parts: Sequence[Seasons]) -> Seasons:
        """Those of several groups of series that were learned over the same span."""
        first = parts[0]
        columns = {one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(cls)}
        return cls(**columns | {"hinge_times": first.hinge_times, "holidays": first.holidays})

    def forecast(self, seconds: Floats) -> Floats:
        """(n,) times -> (m, n) expected values; behind the end of the past the level stays."""
        days = np.minimum(0.0, seconds[None] - self.end[:, None]) / DAY
        trend = self.level[:, None] + self.slope[:, None] * days
        passed = np.maximum(0.0, self.hinge_times[None, :] - seconds[:, None]) / DAY  # hinges that lie ahead are undone
        return np.asarray(trend + self.hinges @ passed.T + self._fitted_season(seconds))

    def _fitted_season(self, seconds: Floats) -> Floats:
        return np.asarray(self.terms @ fourier(seconds).T + self.holiday[:, None] * of_holidays(seconds, self.holidays))

    def changepoints(self, series: int, least: float = 0.1) -> list[tuple[float, float]]:
        """(seconds, change of slope a day) of those hinges that bend by `least` of sigma a day or more."""
        delta = self.hinges[series]
        strong = np.flatnonzero(np.abs(delta) >= least * self.sigma[series])
        return [(float(self.hinge_times[one]), float(delta[one])) for one in strong]


def learn(values: Floats, first: int, step: int, holidays: tuple[int, ...] = (), tau: float = TAU) -> Seasons:
    """values (m, n), NaN = no reading; first: seconds since 1970 of the first column; step: seconds; holidays: days since 1970;
    tau: scale of the prior of the changepoints, larger bends the trend more.

    Never raises on data; a past that is too short or does not move gives NaN.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 2:
        raise ValueError(f"values must have the shape (series, time), got {values.shape}")
    binned, seconds = _binned(np.where(np.abs(values) <= LARGEST, values, np.nan), first, step)
    known = np.isfinite(binned)
    centre = _median(binned, known)
    scale = np.abs(np.where(known, binned - centre[:, None], 0.0)).max(axis=1, initial=0.0)
    begin, last = _ends(known, seconds)
    fits = (scale > 0) & (known.sum(axis=1) >= FEWEST_BINS) & (last - begin >= (FEWEST_DAYS - 0.1) * DAY)
    days = np.array(sorted(holidays), dtype=np.float64)
    scaled = (binned - centre[:, None]) / np.where(scale > 0, scale, 1.0)[:, None]
    unseen = known & (seconds >= (last - DAY)[:, None])
    short = last - begin < 2 * WEEK - DAY / 2
    earlier = _fitted(np.where(unseen, np.nan, scaled), seconds, last - DAY, short, days, tau)
    helps, error, floor = _judged(earlier, scaled, unseen, seconds)
    whole = _fitted(scaled, seconds, last, short, days, tau)
    centre = centre + scale * _anchor(whole, scaled, seconds)
    return _in_units(whole, centre, scale, fits, helps & fits, (error, floor), days, seconds)


@dataclass(frozen=True)
class _Fit:
    coefficients: Floats
    design: Floats
    sigma: Floats
    end: Floats


def _in_units(
    fit: _Fit, centre: Floats, scale: Floats, fits: Bools, useful: Bools, unseen: tuple[Floats, Floats], days: Floats,
    seconds: Floats,
) -> Seasons:  # fmt: skip
    nothing = np.where(fits, 1.0, np.nan)
    size = (scale * nothing)[:, None]
    level, slope, delta, terms, holiday = np.split(fit.coefficients, _PLACES, axis=1)
    times = _hinge_times(seconds)
    span = _span(seconds)
    ahead = np.maximum(0.0, fit.end[:, None] - times) / DAY
    slopes = slope * size / span
    hinges = delta * size / span
    start = centre[:, None] + level * size + slopes * (fit.end[:, None] - seconds[0]) / DAY
    return Seasons(
        end=fit.end * nothing,
        level=_stored((start + (hinges * ahead).sum(axis=1, keepdims=True))[:, 0]),
        slope=_stored((slopes + np.where(ahead > 0, hinges, 0.0).sum(axis=1, keepdims=True))[:, 0]),
        terms=_stored(terms * size), holiday=_stored((holiday * size)[:, 0]), hinges=_stored(hinges), hinge_times=times,
        sigma=_stored(fit.sigma * size[:, 0]), useful=useful,
        error=_stored(unseen[0] * size[:, 0]), floor=_stored(unseen[1] * size[:, 0]), tail=np.full(len(size), np.nan), holidays=days,
    )  # fmt: skip


def _stored(numbers: Floats) -> Floats:
    """As a store gives them back, so that what was just learned judges with the same bits."""
    with np.errstate(over="ignore"):
        return numbers.astype(np.float32).astype(np.float64)


_PLACES = [1, 2, 2 + HINGES, 2 + HINGES + TERMS]
"""Where level, slope, hinges, Fourier terms and holiday are parted."""


def _binned(values: Floats, first: int, step: int) -> tuple[Floats, Floats]:
    """(m, n) -> medians (m, b) of bins that begin on the epoch's grid, middle of each in seconds (b,)."""
    span = values.shape[1] * step
    wide = next((width for width in (QUARTER, 2 * QUARTER) if span / width <= MOST_BINS), HOUR)
    each = max(1, wide // step)
    lead = first // step % each
    bins = -(-(lead + values.shape[1]) // each)
    padded = np.full((len(values), bins * each), np.nan)
    padded[:, lead : lead + values.shape[1]] = values
    cut = np.sort(padded.reshape(len(values), bins, each), axis=-1)  # NaN last
    count = np.isfinite(cut).sum(axis=-1, keepdims=True)
    low, high = (np.take_along_axis(cut, np.maximum(place, 0), -1) for place in ((count - 1) // 2, count // 2))
    middle = np.where(count > 0, low + (high - low) / 2, np.nan)[..., 0] if each > 1 else cut[..., 0]
    return middle, first - lead * step + (np.arange(bins) + 0.5) * each * step - step / 2


def _median(values: Floats, known: Bools) -> Floats:
    """(m, n) -> (m,) median of the known, 0 where there are none."""
    ordered = np.sort(np.where(known, values, np.nan), axis=1)
    count = known.sum(axis=1)
    middle = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[:, None], 1)[:, 0]
    return np.where(count > 0, middle, 0.0)


def _ends(known: Bools, seconds: Floats) -> tuple[Floats, Floats]:
    """(m, b) -> times (m,) of the first and the last known bin."""
    any_known = known.any(axis=1)
    first = seconds[known.argmax(axis=1)]
    last = seconds[known.shape[1] - 1 - known[:, ::-1].argmax(axis=1)]
    return np.where(any_known, first, seconds[0]), np.where(any_known, last, seconds[0])


def _span(seconds: Floats) -> float:
    return float(max(seconds[-1] - seconds[0], HOUR)) / DAY


def _hinge_times(seconds: Floats) -> Floats:
    return np.asarray(seconds[0] + HINGED * _span(seconds) * DAY * np.arange(1, HINGES + 1) / HINGES)


def _design(seconds: Floats, days: Floats) -> Floats:
    """(b,) -> (b, k): level, slope, hinges with time from 0 to 1, Fourier terms, holiday."""
    part = ((seconds - seconds[0]) / DAY / _span(seconds))[:, None]
    at = (_hinge_times(seconds) - seconds[0]) / DAY / _span(seconds)
    return np.concatenate(
        [np.ones_like(part), part, np.maximum(0.0, part - at), fourier(seconds), of_holidays(seconds, days)[:, None]], axis=1
    )  # fmt: skip


def _fitted(scaled: Floats, seconds: Floats, end: Floats, short: Bools, days: Floats, tau: float) -> _Fit:
    """scaled (m, b) of size 1, NaN from `end` (m,) on -> the model; short (m,): too short for weekly terms."""
    known = np.isfinite(scaled)
    values = np.where(known, scaled, 0.0)
    design = _design(seconds, days)
    width = design.shape[1]
    rows, columns = np.triu_indices(width)
    products = design[:, rows] * design[:, columns]
    weight = known.astype(np.float64)
    sigma, delta = np.ones(len(scaled)), np.full((len(scaled), HINGES), tau)
    for _ in range(ROUNDS):
        gram = np.empty((len(scaled), width, width))
        gram[:, rows, columns] = gram[:, columns, rows] = weight @ products
        gram[:, np.arange(width), np.arange(width)] += _penalties(sigma, delta, short, width, tau)
        found = np.linalg.solve(gram, ((weight * values) @ design)[..., None])[..., 0]
        residual = np.abs(np.where(known, values - found @ design.T, 0.0))
        sigma = np.asarray(np.maximum(SIGMA * _median(residual, known), 1e-6))
        weight = known * np.minimum(1.0, HUBER * sigma[:, None] / np.maximum(residual, 1e-12))
        delta = found[:, 2 : 2 + HINGES]
    return _Fit(np.asarray(found, dtype=np.float64), design, sigma, end)


def _penalties(sigma: Floats, delta: Floats, short: Bools, width: int, tau: float) -> Floats:
    """(m,), (m, HINGES), (m,) -> (m, width): the priors, in units of the squared residuals; tiny on level and slope."""
    noise = sigma[:, None] ** 2
    out = np.full((len(sigma), width), 1e-9)
    out[:, 2:] = noise / PRIOR**2 + 1e-9
    out[:, 2 : 2 + HINGES] = noise / (tau * np.maximum(np.abs(delta), 1e-3 * tau))
    weekly = 2 + HINGES + np.r_[np.arange(WEEKLY), TERMS // 2 + np.arange(WEEKLY)]
    out[:, weekly] += np.where(short, NEVER, 0.0)[:, None]  # half a week looks like a trend
    return out


def _parts(fit: _Fit) -> tuple[Floats, Floats]:
    """-> trend and season (m, b)."""
    trend, season = slice(0, 2 + HINGES), slice(2 + HINGES, None)
    return (
        fit.coefficients[:, trend] @ fit.design[:, trend].T,
        fit.coefficients[:, season] @ fit.design[:, season].T,
    )


def _anchor(fit: _Fit, scaled: Floats, seconds: Floats) -> Floats:
    """(m,): what the last day before the end of the fit lies above it."""
    day = (seconds < fit.end[:, None] + 1) & (seconds >= fit.end[:, None] - DAY) & np.isfinite(scaled)
    return _median(scaled - fit.coefficients @ fit.design.T, day)


def _judged(fit: _Fit, scaled: Floats, unseen: Bools, seconds: Floats) -> tuple[Bools, Floats, Floats]:
    """-> (m,) does the season help on the unseen day, its mean absolute error, and that of the day before repeated."""
    trend, seasonal = _parts(fit)
    behind = seconds >= fit.end[:, None]
    stays = np.take_along_axis(trend, np.maximum(np.argmax(behind, axis=1) - 1, 0)[:, None], 1)
    expected = (
        np.where(behind, stays + _anchor(fit, np.where(unseen, np.nan, scaled), seconds)[:, None], trend) + seasonal
    )
    width = float(np.diff(seconds).min(initial=DAY))
    error = _mean(np.abs(scaled - expected), unseen)
    before = np.full_like(scaled, np.nan)
    lag = round(DAY / width)
    before[:, lag:] = scaled[:, :-lag]
    floor = _mean(np.abs(scaled - before), unseen)
    hour = max(1, round(HOUR / width))
    plain = scaled[:, hour:] - scaled[:, :-hour]
    less = plain - (seasonal[:, hour:] - seasonal[:, :-hour])
    moved, left = (_mean(np.abs(change), unseen[:, hour:]) for change in (plain, less))
    return left <= GAIN * moved, error, floor


def _mean(values: Floats, where: Bools) -> Floats:
    """(m, n) -> (m,) of the finite ones there, NaN without any."""
    there = where & np.isfinite(values)
    count = there.sum(axis=1)
    return np.where(count > 0, np.where(there, values, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)
