"""Detectors of the last point: pure numpy and scipy, one method per file, all series at once.

`by_name("default", sensitivity=97)` makes one; `names()` lists them. The seam is `base.Detector`. Other distributions add
theirs, subclasses of `window_detector.Rule`, under entry points of the group `ad_stream.detectors`.
"""

from __future__ import annotations

from dataclasses import fields
from difflib import get_close_matches

from ad_stream import plugins
from ad_stream.detectors.ar import Autoregressive
from ad_stream.detectors.azure import Service
from ad_stream.detectors.base import Detector
from ad_stream.detectors.default import Default
from ad_stream.detectors.drift import Drift
from ad_stream.detectors.rrcf import RandomCutForest
from ad_stream.detectors.s_h_esd import SeasonalHybridEsd
from ad_stream.detectors.scaled import Differences, MovingAverage, SeasonalNaive
from ad_stream.detectors.seasonal_baseline import SeasonalBaseline
from ad_stream.detectors.spectral_residual import SpectralResidual
from ad_stream.detectors.stuck import Stuck
from ad_stream.detectors.window_detector import Rule
from ad_stream.errors import ConfigError

_RULES: tuple[type[Rule], ...] = (
    Default,
    SpectralResidual,
    Service,
    Differences,
    MovingAverage,
    SeasonalNaive,
    Autoregressive,
    SeasonalBaseline,
    SeasonalHybridEsd,
    RandomCutForest,
    Drift,
    Stuck,
)

_OURS = {rule.name: rule for rule in _RULES}

__all__ = ["Detector", "by_name", "names"]


def names() -> tuple[str, ...]:
    """The detectors that `by_name` knows, the shipped default first, those of other distributions last."""
    return (*_OURS, *(name for name in plugins.names("ad_stream.detectors") if name not in _OURS))


def by_name(name: str, **parameters: object) -> Detector:
    """The detector `name` with its options; raises ConfigError for an unknown name, option or value."""
    found = _theirs(name) or _OURS.get(name)
    if found is None:
        raise ConfigError(f"there is no detector {name!r}, {_near(name, names())}")
    options = tuple(field.name for field in fields(found))
    for key in parameters:
        if key not in options:
            raise ConfigError(f"the detector {name} has no option {key!r}, {_near(key, options)}")
    return found(**parameters)  # type: ignore[arg-type]


def _theirs(name: str) -> type[Rule] | None:
    return plugins.load(
        "ad_stream.detectors", name, _OURS, fits=lambda found: isinstance(found, type) and issubclass(found, Rule),
        wanted="a subclass of ad_stream.detectors.window_detector.Rule",
    )  # fmt: skip


def _near(word: str, choices: tuple[str, ...]) -> str:
    close = get_close_matches(word, choices, n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose from: {', '.join(choices)}"
