"""Detectors of the last point: pure numpy and scipy, one method per file, all series at once.

`by_name("default", sensitivity=97)` makes one; `names()` lists them. The seam is `base.Detector`. Other distributions add
theirs, subclasses of `window_detector.Rule`, under entry points of the group `ad_stream.detectors`.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Protocol

from ad_stream import plugins
from ad_stream.detectors.ar import Autoregressive
from ad_stream.detectors.azure import Service
from ad_stream.detectors.base import Detector
from ad_stream.detectors.default import Default
from ad_stream.detectors.drift import Drift
from ad_stream.detectors.gated import Gated
from ad_stream.detectors.isolation_forest import IsolationForest
from ad_stream.detectors.rrcf import RandomCutForest
from ad_stream.detectors.s_h_esd import SeasonalHybridEsd
from ad_stream.detectors.scaled import Differences, MovingAverage, SeasonalNaive
from ad_stream.detectors.seasonal import Seasonal
from ad_stream.detectors.seasonal_baseline import SeasonalBaseline
from ad_stream.detectors.spectral_residual import SpectralResidual
from ad_stream.detectors.sr_cnn import SaliencyNetwork
from ad_stream.detectors.stuck import Stuck
from ad_stream.detectors.window_detector import WindowDetector
from ad_stream.errors import ConfigError, did_you_mean
from ad_stream.model import DetectorSpec

_DETECTORS: tuple[type[WindowDetector], ...] = (
    Default,
    SpectralResidual,
    Service,
    Differences,
    MovingAverage,
    Gated,
    SeasonalNaive,
    Autoregressive,
    SeasonalBaseline,
    Seasonal,
    IsolationForest,
    SeasonalHybridEsd,
    RandomCutForest,
    SaliencyNetwork,
    Drift,
    Stuck,
)

_OURS = {detector.name: detector for detector in _DETECTORS}

__all__ = ["Detector", "Models", "by_name", "knowing", "learns_of", "make", "names", "version_of"]


class Model(Protocol):
    """What one version of a model knows, as far as detectors see it."""

    @property
    def name(self) -> str: ...
    @property
    def shared(self) -> tuple[object, ...]: ...


class Models(Protocol):
    """Where stored models are found; a model is a detector that knows whose rows it judges."""

    def detector(self, name: str, **options: object) -> Detector:
        """The stored model of this name; ConfigError where there is none."""
        ...


def names() -> tuple[str, ...]:
    """The detectors that `by_name` knows, the shipped default first, those of other distributions last."""
    return (*_OURS, *(name for name in plugins.names("ad_stream.detectors") if name not in _OURS))


def by_name(name: str, **options: object) -> Detector:
    """The detector `name` with its options; raises ConfigError for an unknown name, option or value."""
    known = _class_of(name)
    names = tuple(field.name for field in fields(known))
    for key in options:
        if key not in names:
            raise ConfigError(f"the detector {name} has no option {key!r}, {did_you_mean(key, names)}")
    try:
        return known(**options)  # type: ignore[arg-type]
    except TypeError:  # '12' < 3: a text where a number belongs
        given = ", ".join(f"{key}={value!r}" for key, value in options.items())
        raise ConfigError(
            f"the detector {name} takes numbers, and was given {given}: write them without quotes"
        ) from None


def make(spec: DetectorSpec, models: Models | None = None, **shared: object) -> Detector:
    """The detector of a spec; shared: the options that stand beside it, such as sensitivity.

    Raises ConfigError for an unknown name, option or value, and where a model is named and none are at hand.
    """
    own = dict(spec.options)
    for key in own.keys() & shared.keys():
        raise ConfigError(f"the option {key!r} of the detector {spec.name} stands beside it: write detection.{key}")
    if spec.model is None:
        return by_name(spec.name, **own, **shared)
    if models is None:
        raise ConfigError(
            f"the detector {spec.name} names the model {spec.model!r}, and no models are stored here: leave it out"
        )
    return models.detector(spec.model, **own, **shared)


def learns_of(detector: Detector) -> str:
    """Name of the model whose numbers the detector makes use of, '' for none."""
    return str(getattr(detector, "learns", ""))


def knowing(detector: Detector, model: Model | None) -> Detector:
    """The detector with what all series of its model share, if the model is the one that it asks for."""
    if model is None or model.name != learns_of(detector) or not isinstance(detector, WindowDetector):
        return detector
    return detector.knowing(model.shared)


def version_of(name: str) -> int:
    """The version of a detector's rule; it is part of `config_version`."""
    return _class_of(name).version


def _class_of(name: str) -> type[WindowDetector]:
    theirs = plugins.load(
        "ad_stream.detectors", name, _OURS, fits=lambda found: isinstance(found, type) and issubclass(found, WindowDetector),
        wanted="a subclass of ad_stream.detectors.window_detector.WindowDetector",
    )  # fmt: skip
    found: type[WindowDetector] | None = theirs or _OURS.get(name)
    if found is None:
        raise ConfigError(f"there is no detector {name!r}, {did_you_mean(name, names())}")
    return found
