"""What rules say about series, over the run's own settings; plain data that travels to the workers.

For each setting the latest rule that names it and fits the series wins; a setting that no rule names is the run's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ad_stream.detectors import Detector, learns_of, make
from ad_stream.model import DetectorSpec
from ad_stream.series_config.patterns import ANY
from ad_stream.tables.catalog import SERIES_CONFIG
from ad_stream.tables.schema import SETTING

SETTINGS = SERIES_CONFIG.named(SETTING)
"""What a row may set for its series."""
MUTE = "mute"
"""What `inherit` calls mute_from and mute_to."""
FIRST, LAST = -(2**62), 2**62
"""Times before and after all others, seconds since 1970."""


@dataclass(frozen=True)
class SeriesRule:
    """What one row says.

    settings  the settings it names, with values
    mute      (from, to): windows that begin in between are muted; seconds since 1970
    inherit   settings that it gives back to the run
    """

    device: str
    signal: str
    settings: tuple[tuple[str, Any], ...]
    mute: tuple[int, int] | None
    inherit: frozenset[str]
    owner: str
    note: str
    changed: datetime

    @property
    def names(self) -> frozenset[str]:
        """Every setting that the row says something about."""
        return frozenset(name for name, _ in self.settings) | self.inherit | ({MUTE} if self.mute else frozenset())

    def without(self, names: frozenset[str]) -> SeriesRule:
        """The same rule, saying nothing about these settings."""
        kept = tuple((name, value) for name, value in self.settings if name not in names)
        return replace(self, settings=kept, mute=None if MUTE in names else self.mute, inherit=self.inherit - names)


@dataclass(frozen=True)
class Rules:
    """The rules, the latest last.

    detector  the run's own detector
    shared    what the run tells every detector, as Detection.shared_options() gives it
    limits    the run's own suppression, as Detection.suppression() gives it
    refused   a sentence for each row of the table that is no rule
    """

    detector: DetectorSpec
    shared: Mapping[str, Any]
    limits: Mapping[str, Any]
    rules: tuple[SeriesRule, ...] = ()
    refused: tuple[str, ...] = ()

    def own(self, name: str) -> Any:
        """What the run itself says of a setting."""
        return self.detector if name == "detector" else {**self.shared, **self.limits}[name]

    def detector_for(
        self, *, detector: DetectorSpec | None = None, sensitivity: int | None = None, kind: str | None = None
    ) -> Detector:
        """The run's detector, or with these settings in place of its own; ConfigError where they do not go together."""
        named = {name: value for name, value in (("sensitivity", sensitivity), ("kind", kind)) if value is not None}
        return make(detector or self.detector, **{**self.shared, **named})

    @property
    def named_detectors(self) -> frozenset[DetectorSpec]:
        """The detectors that rules name."""
        return frozenset(value for rule in self.rules for name, value in rule.settings if name == "detector")

    @property
    def models(self) -> frozenset[str]:
        """Names of the models whose numbers the detectors make use of."""
        learned = {learns_of(self.detector_for(detector=spec)) for spec in (None, *self.named_detectors)}
        return frozenset(learned - {""})

    @property
    def points(self) -> int:
        """Windows of history that the deepest detector wants, the judged one among them."""
        return max(self.detector_for(detector=spec).points for spec in (None, *self.named_detectors))


def alive(rules: Iterable[SeriesRule]) -> tuple[SeriesRule, ...]:
    """Without what a later row with the same patterns, or for all series, says again; oldest first.

    A log of years shrinks to the patterns in use, and a detector that nobody wants any more costs no history.
    """
    order = sorted(rules, key=lambda one: (one.changed, one.device, one.signal, repr(one)), reverse=True)
    said: dict[tuple[str, str], frozenset[str]] = {}
    kept = []
    for rule in order:
        key = (rule.device, rule.signal)
        left = rule.without(said.get(key, frozenset()) | said.get((ANY, ANY), frozenset()))
        said[key] = said.get(key, frozenset()) | rule.names
        if left.names:
            kept.append(left)
    return tuple(reversed(kept))
