"""What can be chosen of a learned model, and how well a choice does on a day that it has not seen.

seasonal          days  how far back it learns; tau: the prior of its changepoints (Prophet's changepoint_prior_scale).
                  Error: mean absolute error of the day ahead over that of repeating the day before, the median over series.
isolation_forest  days. It forecasts nothing, so faults are put into the unseen day, one in each half hour, of 3 to 10 times the
                  usual change of that day. Error: the share of them whose score does not pass what a thousandth of the day itself passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from inspect import unwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from ad_stream.detectors import season_fit
from ad_stream.detectors.forest_fit import features_of
from ad_stream.detectors.isolation_forest import SeasonForests
from ad_stream.models.kinds import KINDS
from ad_stream.models.known import KnownSeries

if TYPE_CHECKING:
    from ad_stream.model import Floats
    from ad_stream.models.known import SeriesName

Parameters = Mapping[str, float]
DAYS = (7, 14, 28, 56)
TAUS = (0.005, season_fit.TAU, 0.5)
USUAL: Mapping[str, Parameters] = {"seasonal": {"days": 28, "tau": season_fit.TAU}, "isolation_forest": {"days": 14}}
"""What training does that is told nothing else."""
FEWEST_DAYS = 4
"""Shorter pasts teach nothing."""
FAULTS_EVERY, PASSED, SEED = 1800, 0.999, 11
DAY = 86_400


def candidates(model: str, there: float) -> list[dict[str, float]]:
    """The usual parameters, which learn from what is there, then the grid of a model as far as days of past are there; none where
    the past is too short."""
    if there < FEWEST_DAYS:
        return []
    usual = dict(USUAL[model])
    grid = [{"days": float(days)} for days in DAYS if days <= there]
    if "tau" in usual:
        grid = [{**one, "tau": tau} for one in grid for tau in TAUS]
    return [usual, *(one for one in grid if one != usual)]


def options_of(parameters: Parameters) -> dict[str, float]:
    """What the fit is told: all but how far back it looks."""
    return {name: value for name, value in parameters.items() if name != "days"}


def learned(
    model: str, names: list[SeriesName], past: Floats, first: int, step: int, parameters: Parameters
) -> KnownSeries:
    """What a training on `past` (m, n) would store, as scoring reads it."""
    kind = KINDS[model]
    blob, sha256 = kind.encode(names, kind.fit(past, first=first, step=step, **options_of(parameters)))
    # Past the cache of workers, which would keep one model a day.
    found: KnownSeries = unwrap(kind.decode)(blob, sha256, f"{model}@0")
    return found


def error_of(model: str, past: Floats, day: Floats, first: int, step: int, parameters: Parameters) -> tuple[float, int]:
    """past (m, n) ends where the unseen day (m, k) begins; first: seconds of the past's first column -> the error, and of how many
    series it is the median; NaN and 0 where none has one."""
    seconds = first + step * np.arange(past.shape[1] + day.shape[1], dtype=np.float64)
    if model == "seasonal":
        error = _next_day(past, day, seconds, step, options_of(parameters))
    else:
        error = _missed(SeasonForests.learn(past, first, step), day, seconds[past.shape[1] :])
    finite = error[np.isfinite(error)]
    return (float(np.median(finite)), len(finite)) if len(finite) else (float("nan"), 0)


def _next_day(past: Floats, day: Floats, seconds: Floats, step: int, options: dict[str, Any]) -> Floats:
    found = season_fit.learn(past, int(seconds[0]), step, **options)
    width = day.shape[1]
    before = np.full_like(day, np.nan)
    lag = min(DAY // step, past.shape[1])
    before[:, : min(lag, width)] = past[:, past.shape[1] - lag :][:, :width]
    with np.errstate(all="ignore"):
        own, repeated = _mean(np.abs(day - found.forecast(seconds[past.shape[1] :]))), _mean(np.abs(day - before))
        return np.where(repeated > 0, own / repeated, np.nan)


def _missed(found: SeasonForests, day: Floats, seconds: Floats) -> Floats:
    """(m,): the share of faults in the day that are not told from it."""
    expected = found.seasons.level[:, None] + found.seasons.season(seconds)
    out, draws = np.full(len(day), np.nan), np.random.default_rng(SEED)
    places = np.arange(1, day.shape[1], max(1, int(FAULTS_EVERY // max(np.diff(seconds).min(initial=DAY), 1))))
    sizes = draws.uniform(3, 10, (len(day), len(places))) * draws.choice([-1.0, 1.0], (len(day), len(places)))
    for row in np.flatnonzero(found.known):
        change = np.diff(day[row][np.isfinite(day[row])])
        usual = 1.4826 * float(np.median(np.abs(change - np.median(change)))) if len(change) else 0.0
        there = np.flatnonzero(np.isfinite(day[row, 1:]) & np.isfinite(day[row, :-1])) + 1
        at = np.isin(places, there)
        if usual <= 0 or not at.any():
            continue
        clean = _scores(found, int(row), day[row, there], day[row, there - 1], expected[row, there], seconds[there])
        put = places[at]
        faulty = day[row, put] + usual * sizes[row, at]
        scores = _scores(found, int(row), faulty, day[row, put - 1], expected[row, put], seconds[put])
        out[row] = float(np.mean(scores <= np.quantile(clean, PASSED)))
    return out


def _scores(found: SeasonForests, row: int, value: Floats, before: Floats, expected: Floats, at: Floats) -> Floats:
    rows = np.full(len(value), row, dtype=np.int64)
    return found.forests.scores(rows, found.forests.scaled(rows, features_of(value, before, expected, at)))


def _mean(values: Floats) -> Floats:
    """(m, n) -> (m,) of the finite ones."""
    there = np.isfinite(values)
    return np.asarray(np.where(there, values, 0.0).sum(axis=1) / np.where(there.any(axis=1), there.sum(axis=1), np.nan))
