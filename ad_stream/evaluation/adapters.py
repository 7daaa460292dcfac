"""Every detector as the quality harness wants it: `function(windows (n, W)) -> (scores (n,), flags (n,))`.

`<name>.points` is the window the detector wants; a score is NaN where it could not judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ad_stream.detectors import by_name
from ad_stream.model import Windows

if TYPE_CHECKING:
    from ad_stream.model import Bools, Floats


class Adapter:
    """Calls one detector by its name, at the length of the windows it is handed."""

    def __init__(self, name: str) -> None:
        self.__name__ = name
        self.points = by_name(name).points

    def __call__(self, windows: Floats) -> tuple[Floats, Bools]:
        """(n, W) -> scores (n,), flags (n,)."""
        detector = by_name(self.__name__, points=max(windows.shape[-1], by_name(self.__name__).min_points))
        verdict = detector.detect_last(Windows(windows))
        return verdict.score, verdict.is_anomaly


default = Adapter("default")
spectral_residual = Adapter("spectral_residual")
