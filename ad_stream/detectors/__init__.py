"""Detectors of the last point: pure numpy and scipy, one method per file, all series at once.

`by_name("default", sensitivity=97)` makes one; `names()` lists them. The seam is `base.Detector`.
"""

from __future__ import annotations

from dataclasses import fields
from difflib import get_close_matches

from ad_stream.detectors.ar import Autoregressive
from ad_stream.detectors.base import Detector
from ad_stream.detectors.default import Default
from ad_stream.detectors.drift import Drift
from ad_stream.detectors.gated import Gated
from ad_stream.detectors.rrcf import RandomCutForest
from ad_stream.detectors.rule import Rule
from ad_stream.detectors.s_h_esd import SeasonalHybridEsd
from ad_stream.detectors.scaled import Differences, MovingAverage, SeasonalNaive
from ad_stream.detectors.seasonal_baseline import SeasonalBaseline
from ad_stream.detectors.service import Service
from ad_stream.detectors.spectral_residual import SpectralResidual
from ad_stream.detectors.stuck import Stuck
from ad_stream.errors import ConfigError

_RULES: tuple[type[Rule], ...] = (
    Default,
    SpectralResidual,
    Service,
    Differences,
    MovingAverage,
    Gated,
    SeasonalNaive,
    Autoregressive,
    SeasonalBaseline,
    SeasonalHybridEsd,
    RandomCutForest,
    Drift,
    Stuck,
)

__all__ = ["Detector", "by_name", "names"]


def names() -> tuple[str, ...]:
    """The detectors that `by_name` knows, the shipped default first."""
    return tuple(rule.name for rule in _RULES)


def by_name(name: str, **parameters: object) -> Detector:
    """The detector `name` with its options; raises ConfigError for an unknown name, option or value."""
    known = {rule.name: rule for rule in _RULES}
    if name not in known:
        raise ConfigError(f"there is no detector {name!r}, {_near(name, tuple(known))}")
    options = tuple(field.name for field in fields(known[name]))
    for key in parameters:
        if key not in options:
            raise ConfigError(f"the detector {name} has no option {key!r}, {_near(key, options)}")
    return known[name](**parameters)  # type: ignore[arg-type]


def _near(word: str, choices: tuple[str, ...]) -> str:
    close = get_close_matches(word, choices, n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose from: {', '.join(choices)}"
