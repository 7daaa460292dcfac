"""`isolation_forest`: how few random cuts part the newest reading from the past of its series?

    features   the value, its change since the reading before, what it lies above its season, the time of day
    ratio      4 (score - usual) / 1.5 (high - usual): score of the forest (`forest_fit`), usual the median of the series' past,
               high what a hundredth of it passed; 1.5 is what 7 of 10,000 rows of a following day passed on KPI curves, and 4
               the limit of the default rule, so that one threshold serves rows of both
    expected   level and season of the series, as `season_fit` learned them; the band ends where the ratio would be at its limit,
               if it grew in proportion to the distance

Forests are learned once and applied; a series without one is judged by the default rule alone, and so are windows that do not move
and values that are stuck. The level is that of the training: a series that has found another one since is flagged until the next.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ad_stream.detectors.default import BASE, Default
from ad_stream.detectors.forest_fit import Forests, features_of, learn_forests
from ad_stream.detectors.kernels import band
from ad_stream.detectors.season_fit import Seasons, learn
from ad_stream.detectors.seasonal import season_of
from ad_stream.model import SCORED, LastPoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ad_stream.model import Bools, Floats, Windows

    Ints = NDArray[np.int64]

SPANS = 1.5
LEAST = 0.01
OF_DEFAULT = ("constant", "jump_after_constant", "stuck")
"""Reasons of the default rule that no forest knows better."""


@dataclass(frozen=True)
class SeasonForests:
    """What is learned of m series: their seasons, and forests on what these leave."""

    seasons: Seasons
    forests: Forests

    @property
    def known(self) -> Bools:
        """(m,): whether there was past enough."""
        return np.asarray(np.isfinite(self.forests.centre).all(axis=1))

    @classmethod
    def learn(cls, values: Floats, first: int, step: int) -> SeasonForests:
        """As `season_fit.learn`."""
        seasons = learn(values, first, step)
        seasons = replace(seasons, terms=np.where(seasons.useful[:, None], seasons.terms, 0.0))
        seconds = first + step * np.arange(values.shape[1], dtype=np.float64)
        return cls(seasons, learn_forests(values, seasons.forecast(seconds), seconds))

    @classmethod
    def together(cls, parts: Sequence[SeasonForests]) -> SeasonForests:
        """Those of several groups of series that were learned over the same span."""
        return cls(Seasons.together([one.seasons for one in parts]), Forests.together([one.forests for one in parts]))

    def rows(self) -> Floats:
        """(m, k): what `Windows.profiles` holds: which of the forests the detector was told of (0), which series of it, its level,
        then as of the detector `seasonal`."""
        place = np.arange(len(self.known), dtype=np.float64)
        own = np.stack([np.zeros_like(place), place, self.seasons.level], axis=1)
        return np.where(self.known[:, None], np.concatenate([own, self.seasons.rows()], axis=1), np.nan)


@dataclass(frozen=True, kw_only=True)
class IsolationForest(Default):
    """See the module for the rule and `WindowDetector` for the options."""

    name: ClassVar[str] = "isolation_forest"
    version: ClassVar[int] = 1
    learns: ClassVar[str] = "isolation_forest"
    forests: ClassVar[tuple[Forests, ...]] = ()

    def knowing(self, shared: tuple[object, ...]) -> IsolationForest:
        """The detector with the forests that its profiles count."""
        mine = copy.copy(self)
        object.__setattr__(mine, "forests", shared)
        return mine

    def detect_last(self, windows: Windows) -> LastPoint:
        """(..., n) -> each field (...); `windows.profiles` as `SeasonForests.rows` gives them, `windows.end` in UTC."""
        verdict = super().detect_last(replace(windows, profiles=None))
        if windows.profiles is None or windows.end is None or not self.forests:
            return verdict
        known = windows.profiles.reshape(-1, windows.profiles.shape[-1])
        flat = {name: getattr(verdict, name).reshape(-1).copy() for name in LastPoint.columns()}
        unknown = ~np.isfinite(known[:, 0]) | np.isin(flat["reason"].astype(str), OF_DEFAULT)
        mine = np.flatnonzero(~unknown & (flat["status"] == SCORED))
        if len(mine):
            for name, column in self._judged(windows, known, mine).items():
                flat[name][mine] = column
        return LastPoint(**{name: column.reshape(verdict.score.shape) for name, column in flat.items()})

    def _judged(self, windows: Windows, known: Floats, mine: Ints) -> dict[str, NDArray[np.generic]]:
        """The columns of LastPoint that the forests decide, of the windows `mine` (k,)."""
        assert windows.end is not None
        width = windows.values.shape[-1]
        values = np.asarray(windows.values, dtype=np.float64).reshape(-1, width)[mine]
        end = np.broadcast_to(windows.end, windows.values.shape[:-1]).reshape(-1)[mine]
        last = replace(windows, values=values[:, -1:], end=end, own=None, profiles=known[mine, 3:])
        expected = known[mine, 2] + season_of(last)[:, 0]
        before = _before(values)
        seconds = end.astype("datetime64[s]").astype(np.float64)
        ratio = self._ratio(known[mine], features_of(values[:, -1], before, expected, seconds))
        away = values[:, -1] - expected
        distance = np.maximum(np.abs(away), np.finfo(np.float64).tiny)
        limit = band.threshold(BASE, self.sensitivity)
        judged = band.judgement(values[:, -1], expected, distance / ratio, limit=limit, ratio=ratio, usual=BASE)
        up = np.where(away == 0, values[:, -1] > before, away > 0)
        flagged = judged.stands_out
        return {
            "expected": expected, "upper_margin": judged.upper_margin, "lower_margin": judged.lower_margin,
            "score": judged.score, "sr_score": judged.sr_score, "severity": judged.severity,
            "is_anomaly": flagged, "is_positive": flagged & up, "is_negative": flagged & ~up,
            "reason": np.where(flagged, np.where(up, "above", "below"), "normal").astype(object),
        }  # fmt: skip

    def _ratio(self, known: Floats, features: Floats) -> Floats:
        """Profiles (k, ...), features (k, 5) -> (k,)."""
        out = np.empty(len(known))
        for number, forests in enumerate(self.forests):
            some = np.flatnonzero(known[:, 0] == number)
            rows = known[some, 1].astype(np.int64)
            score = forests.scores(rows, forests.scaled(rows, features[some]))
            usual = forests.usual[rows]
            out[some] = (score - usual) / np.maximum(SPANS * (forests.high[rows] - usual), 1e-6)
        return np.maximum(BASE * out, LEAST)


def _before(values: Floats) -> Floats:
    """(k, n) -> (k,) the reading before the last; the last itself where there is none."""
    there = np.isfinite(values[:, -2::-1])
    back = np.argmax(there, axis=1)
    line = np.arange(len(values))
    return np.where(there[line, back], values[line, values.shape[1] - 2 - back], values[:, -1])
