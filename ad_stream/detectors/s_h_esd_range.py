"""S-H-ESD over a whole range, as its authors' package AnomalyDetection judges one: what came later counts, too.

Vallis, Hochenbaum, Kejariwal: "A Novel Technique for Long-Term Anomaly Detection in the Cloud", HotCloud 2014; the test itself is
`kernels.esd`. The season is taken away by one robust STL with a periodic season (`azure.stl`), the median stands for the level, and
the generalised ESD test names the outliers. With `longterm` each stretch of `weeks` has a decomposition and a median of its own; the
last one reaches back so far that it is whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ad_stream.detectors.azure.stl import decompose
from ad_stream.detectors.kernels.esd import SIGMA, critical, removals
from ad_stream.detectors.kernels.residuals import SMALLEST
from ad_stream.errors import ConfigError, InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats

    Ints = NDArray[np.int64]

THRESHOLDS = {"none": None, "med_max": 50.0, "p95": 95.0, "p99": 99.0}
DIRECTIONS = {"both": "both", "up": "up", "down": "down", "pos": "up", "neg": "down"}
LAST = {"none": 0, "day": 24, "hr": 1}
"""Of the option only_last -> hours."""


@dataclass(frozen=True)
class RangeVerdicts:
    """All (n,), the unit of the values but for ratio: the test's statistic over its critical value. size: half the band. is_told:
    whether `only_last` asks for it."""

    expected: Floats
    size: Floats
    ratio: Floats
    is_outlier: Bools
    is_told: Bools


@dataclass(frozen=True, kw_only=True)
class RangeTest:
    """Options, with the defaults of the authors' package but for direction, which is 'pos' there.

    max_anoms  largest share of outliers of a stretch, above 0 and below 0.5
    alpha      level of the test, above 0 and below 0.5
    direction  both, up (pos) or down (neg)
    threshold  none, or med_max, p95, p99: an outlier must also reach the median, or that percentile, of the daily maxima
    longterm   stretches of piecewise_median_period_weeks (2 or more) in place of the whole
    only_last  none, or day, hr: only outliers of the last day or hour are told
    period     columns of a cycle, 1 = no season; 0 = a day, of daily readings a week
    """

    name: ClassVar[str] = "s_h_esd"

    max_anoms: float = 0.1
    alpha: float = 0.05
    direction: str = "both"
    threshold: str = "none"
    longterm: bool = False
    piecewise_median_period_weeks: int = 2
    only_last: str = "none"
    period: int = 0

    def __post_init__(self) -> None:
        for key, known in (("direction", DIRECTIONS), ("threshold", THRESHOLDS), ("only_last", LAST)):
            if getattr(self, key) not in list(known):
                raise self._wrong(key, f"be one of {', '.join(known)}")
        for key in ("max_anoms", "alpha"):
            if not _is_number(value := getattr(self, key)) or not 0 < value < 0.5:
                raise self._wrong(key, "be a number above 0 and below 0.5")
        for key, least in (("piecewise_median_period_weeks", 2), ("period", 0)):
            if type(value := getattr(self, key)) is not int or not least <= value <= 100_000:
                raise self._wrong(key, f"be a whole number from {least} to 100000")
        if not isinstance(self.longterm, bool):
            raise self._wrong("longterm", "be true or false")

    def _wrong(self, key: str, must: str) -> ConfigError:
        return ConfigError(f"{key} of the detector {self.name} is {getattr(self, key)!r}, it must {must}")

    def judge(self, values: Floats, *, step: float, days: Ints) -> RangeVerdicts:
        """values (n,), NaN = no reading; step: seconds from column to column; days (n,): the day of each column, for `threshold`.

        InputError where there are no more than two cycles.
        """
        period = self.period or season_of(step)
        if len(values) <= 2 * period:
            raise InputError(
                f"s_h_esd needs more than two cycles of {period} readings, and there are {len(values)}: ask for a longer range,"
                " or name a shorter period (1: no season)"
            )
        there = np.isfinite(values)
        filled = np.interp(np.arange(len(values)), np.flatnonzero(there), values[there])
        found = self._nothing(len(values), step)
        for stretch in self._stretches(len(values), step, period):
            _keep(found, stretch, self._test(filled[stretch], there[stretch], period))
        held_back = found.is_outlier & ~(self._beyond_usual(values, days) & found.is_told)
        found.is_outlier[held_back] = False
        found.size[held_back] = np.abs(values - found.expected)[held_back] * 1.01
        return found

    def _nothing(self, length: int, step: float) -> RangeVerdicts:
        """Of columns that were not judged yet."""
        hours = LAST[self.only_last]
        told = np.arange(length) >= (length - round(hours * 3600 / step) if hours else 0)
        return RangeVerdicts(
            np.full(length, np.nan), np.full(length, np.nan), np.zeros(length), np.zeros(length, dtype=np.bool_), told
        )

    def _stretches(self, length: int, step: float, period: int) -> Iterator[slice]:
        # Daily readings take one more, since a decomposition needs more than two weeks.
        width = round(7 * 86_400 / step) * self.piecewise_median_period_weeks + (period == 7)
        if not self.longterm or length <= width:
            yield slice(0, length)
            return
        for begin in range(0, length, width):
            yield slice(begin, begin + width) if begin + width < length else slice(length - width, length)

    def _test(self, values: Floats, there: Bools, period: int) -> RangeVerdicts:
        """One stretch (n,), gaps filled for the decomposition only."""
        expected = np.full(len(values), np.median(values[there]))
        if period > 1:
            season, _ = decompose(values, period)
            expected += _mean_of_phases(season, period)
        rest = (values - expected)[there]
        most = max(1, int(len(rest) * self.max_anoms))
        side = DIRECTIONS[self.direction]
        lambdas = critical(len(rest), most, self.alpha, one_tail=side != "both")
        ratio, is_outlier = np.zeros(len(values)), np.zeros(len(values), dtype=np.bool_)
        ratio[there], is_outlier[there] = _outliers(rest, lambdas, side)
        usual = max(SIGMA * float(np.median(np.abs(rest - np.median(rest)))), SMALLEST) * lambdas[0]
        distance = np.abs(values - expected)
        # The test removes in turn, so its limit is no fixed distance: the band is drawn to agree with the verdict.
        size = np.where(
            is_outlier, np.minimum(usual, distance / np.maximum(ratio, 1.001)), np.maximum(usual, distance * 1.01)
        )
        ratio = np.where(there & ~is_outlier, np.minimum(distance / usual, 0.999), ratio)
        return RangeVerdicts(expected, size, ratio, is_outlier, there)

    def _beyond_usual(self, values: Floats, days: Ints) -> Bools:
        share = THRESHOLDS[self.threshold]
        if share is None:
            return np.ones(len(values), dtype=np.bool_)
        there = np.isfinite(values)
        highest = np.full(int(days.max() - days.min()) + 1, -np.inf)
        np.maximum.at(highest, days[there] - days.min(), values[there])
        return np.asarray(values >= np.percentile(highest[np.isfinite(highest)], share))


def season_of(step: float) -> int:
    """Readings a day at one every `step` seconds; of daily ones a week, of still rarer ones no season."""
    a_day = round(86_400 / step)
    return a_day if a_day > 1 else 7 if a_day == 1 else 1


def _outliers(rest: Floats, lambdas: Floats, direction: str) -> tuple[Floats, Bools]:
    """(n,) -> ratio (n,), 0 where the test did not come to a value, and is it an outlier (n,). Of equal values the first goes first."""
    places = np.arange(len(rest))
    order = np.lexsort((np.where(rest > np.median(rest), -places, places), rest))
    ratio, taken, count = np.zeros(len(rest)), [], 0
    for (place, statistic), limit in zip(removals(rest[order].tolist(), direction), lambdas.tolist(), strict=False):
        taken.append(order[place])
        ratio[taken[-1]] = statistic / limit
        if statistic > limit:
            count = len(taken)
    is_outlier = np.zeros(len(rest), dtype=np.bool_)
    is_outlier[taken[:count]] = True
    return ratio, is_outlier


def _keep(found: RangeVerdicts, stretch: slice, part: RangeVerdicts) -> None:
    """Where stretches overlap the first one counts, but for outliers of the second."""
    new = np.isnan(found.expected[stretch]) | (part.is_outlier & ~found.is_outlier[stretch])
    for name in ("expected", "size", "ratio", "is_outlier"):
        getattr(found, name)[stretch][new] = getattr(part, name)[new]


def _mean_of_phases(season: Floats, period: int) -> Floats:
    """R's `periodic`: each phase of a season replaced by its mean over the cycles."""
    phase = np.arange(len(season)) % period
    return np.asarray((np.bincount(phase, season) / np.bincount(phase))[phase])


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
